"""Through the tunnel: deliveries of the cloud come in, are recorded and answered; nothing else is."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from aiohttp import web
from qstash import Receiver

from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.signature import sign
from tests.ports import reserved_port
from tests.server.outside_world import (
    DEV,
    KEYS,
    PUBLIC,
    PUBLIC_HOST,
    Got,
    World,
    now_s,
    outside_world,
    zipped,
)


@pytest.fixture
async def world() -> Any:
    async with outside_world() as made:
        yield made


# Deliveries


async def test_the_app_gets_a_delivery_as_the_cloud_sent_it(world: World) -> None:
    token = world.token("/api/x%2Fy?a=1&b", b"\x00\xff")
    headers = "X-Custom: one\nUpstash-Schedule-Id: scd_1"
    await world.deliver("/api/x%2Fy?a=1&b", b"\x00\xff", token=token, headers=headers)
    [got] = world.app.got
    assert (got.method, got.path, got.body) == ("POST", "/api/x%2Fy?a=1&b", b"\x00\xff")
    assert got.headers["Upstash-Signature"] == token
    assert got.headers["X-Custom"] == "one"
    assert got.headers["Upstash-Schedule-Id"] == "scd_1"
    assert got.headers["Host"].startswith("localhost:")


async def test_the_cloud_gets_the_answer_of_the_app_unchanged(world: World) -> None:
    headers = {"X-App": "1", "Retry-After": "7", "Content-Type": "text/x-own"}
    world.app.answer = lambda got: web.Response(status=429, body=b"\x00later", headers=headers)
    answer = await world.deliver()
    assert (answer.status, answer.body) == (429, b"\x00later")
    assert {name: answer.headers[name] for name in headers} == headers


async def test_a_delivery_is_a_message_of_source_cloud_with_its_whole_exchange(
    world: World,
) -> None:
    world.app.answer = lambda got: web.json_response({"done": True}, status=201)
    await world.deliver(headers="Upstash-Max-Retries: 5")
    [row] = await world.rows("source:cloud")
    assert (row["id"], row["state"], row["status"]) == ("msg_cloud1", "delivered", 201)
    assert (row["try"], row["tries"]) == (1, 6)
    detail = await world.dev("messages/msg_cloud1")
    assert detail["request"]["body"]["text"] == '{"a":1}'
    assert detail["attempts"][0]["response"]["body"]["text"] == '{"done": true}'
    assert detail["signature"]["valid"], detail["signature"]
    assert [event["state"] for event in detail["events"]] == ["CREATED", "ACTIVE", "DELIVERED"]


async def test_a_retry_of_the_cloud_is_another_attempt_of_the_same_message(world: World) -> None:
    world.app.answer = lambda got: web.Response(status=500)
    await world.deliver(retried=0)
    [row] = await world.rows()
    assert (row["state"], row["try"]) == ("retry", 1)
    world.app.answer = lambda got: web.Response(text="ok")
    await world.deliver(retried=1)
    [row] = await world.rows()
    assert (row["state"], row["try"], row["status"]) == ("delivered", 2, 200)


async def test_the_last_retry_that_fails_makes_no_dead_letter_of_ours(world: World) -> None:
    world.app.answer = lambda got: web.Response(status=500)
    await world.deliver(retried=3)
    [row] = await world.rows()
    assert (row["state"], row["dlq_id"]) == ("failed", None)


async def test_the_engine_never_delivers_what_waits_for_the_cloud(world: World) -> None:
    world.app.answer = lambda got: web.Response(status=500)
    await world.deliver()
    assert world.server._engine.next_time() is None
    async with world.session.post(f"{world.url}/_dev/messages/msg_cloud1/run") as answer:
        assert answer.status == 409
        assert "replay it" in (await answer.json())["error"]


async def test_a_body_that_is_compressed_arrives_compressed(world: World) -> None:
    body = zipped(b"hello")
    await world.deliver(body=body, headers="Content-Encoding: gzip")
    assert world.app.got[0].body == body


async def test_any_method_is_delivered(world: World) -> None:
    await world.deliver(method="PUT")
    assert world.app.got[0].method == "PUT"


async def test_an_app_that_does_not_run_is_a_bad_gateway_and_a_retry() -> None:
    with reserved_port() as port:
        async with outside_world(app_port=port) as world:
            answer = await world.deliver()
            assert answer.status == 502
            assert "connection refused" in answer.json()["error"]
            [row] = await world.rows()
            assert row["state"] == "retry"


async def test_with_hold_an_app_that_does_not_run_is_waited_for() -> None:
    with reserved_port() as port:
        async with outside_world(app_port=port, hold=True) as world:
            delivery = asyncio.create_task(world.deliver())
            await world.wait("state:active source:cloud")
            await world.app.start(port)
            assert (await delivery).status == 200


async def test_two_attempts_of_a_message_at_once_are_both_recorded(world: World) -> None:
    """The cloud may give up waiting and try again while the app still works."""
    release = asyncio.Event()

    async def slow(got: Got) -> web.Response:
        if got.headers["Upstash-Retried"] == "0":
            await release.wait()
        return web.Response(text=got.headers["Upstash-Retried"])

    world.app.answer = slow
    first = asyncio.create_task(world.deliver(retried=0))
    await world.wait("state:active source:cloud")
    await world.deliver(retried=1)
    release.set()
    await first
    await world.deliver(retried=2)
    attempts = (await world.dev("messages/msg_cloud1"))["attempts"]
    assert [a["number"] for a in attempts] == [1, 2, 3]
    assert [a["response"]["body"]["text"] for a in attempts] == ["0", "1", "2"]


async def slow_delivery(world: World) -> tuple[asyncio.Event, "asyncio.Task[Any]"]:
    """A delivery that the app works on until the event is set."""
    release = asyncio.Event()

    async def slow(got: Got) -> web.Response:
        await release.wait()
        return web.Response(text="late")

    world.app.answer = slow
    delivery = asyncio.create_task(world.deliver())
    await world.wait("state:active source:cloud")
    return release, delivery


async def test_a_delivery_under_way_is_answered_before_the_server_stops(world: World) -> None:
    release, delivery = await slow_delivery(world)
    gateway = world.server._gateway
    assert gateway is not None
    stopping = asyncio.create_task(gateway.stop())
    with contextlib.suppress(OSError):
        while True:  # until it listens no more
            await world.raw("GET / HTTP/1.1\nHost: x")
    assert not stopping.done()
    release.set()
    answer = await delivery
    assert (answer.status, answer.body) == (200, b"late")
    await stopping


async def test_a_delivery_whose_message_is_forgotten_meanwhile_is_still_answered(
    world: World,
) -> None:
    release, delivery = await slow_delivery(world)
    await world.dev("reset", "POST")
    release.set()
    assert (await delivery).status == 200
    assert await world.rows() == []


async def test_a_crash_during_a_delivery_leaves_it_to_the_cloud(world: World) -> None:
    """A restart makes our own deliveries again, not those of the cloud."""
    release, delivery = await slow_delivery(world)
    engine = world.server._engine
    engine.recover()
    assert engine.next_time() is None
    [row] = await world.rows()
    assert row["state"] == "created"
    release.set()
    await delivery


async def test_a_fault_rule_hits_a_delivery_of_the_cloud(world: World) -> None:
    fault = {"kind": "status", "status": 503, "filter": "source:cloud"}
    await world.dev("faults", "POST", json=fault)
    assert (await world.deliver()).status == 503
    assert world.app.got == []


async def test_a_failed_delivery_of_the_cloud_is_explained(world: World) -> None:
    world.app.answer = lambda got: web.Response(status=404)
    await world.deliver()
    [row] = await world.rows()
    assert row["hint"]


async def test_a_replay_goes_straight_to_the_app_with_the_keys_that_the_app_has(
    world: World,
) -> None:
    await world.deliver()
    await world.dev("messages/msg_cloud1/replay", "POST", json={})
    [row] = await world.wait("is:replay state:delivered")
    assert row["source"] == "local"
    first, replayed = world.app.got
    assert replayed.body == first.body
    assert replayed.headers["Upstash-Message-Id"] == row["id"]
    Receiver(current_signing_key=KEYS[0], next_signing_key=KEYS[1]).verify(
        signature=replayed.headers["Upstash-Signature"], body=replayed.body.decode()
    )


async def test_resigning_always_gives_the_app_a_signature_of_the_dev_keys() -> None:
    async with outside_world(resign="always") as world:
        await world.deliver()
        [got] = world.app.got
        Receiver(current_signing_key=DEV.current_key, next_signing_key=DEV.next_key).verify(
            signature=got.headers["Upstash-Signature"],
            body=got.body.decode(),
            url=f"{world.server.config.app_url}/api/x",
        )


async def test_a_route_leads_a_path_of_the_tunnel_to_another_app(world: World) -> None:
    other = f"http://127.0.0.1:{world.server.config.app_url.rpartition(':')[2]}/moved"
    async with outside_world(routes=((f"{PUBLIC}/pay", other),), app_port=9) as second:
        assert (await second.deliver("/pay/1")).status == 200
    assert world.app.got[0].path == "/moved/1"


async def test_cloud_keys_of_an_adopted_file_make_the_messages_the_users_own(
    tmp_path: Any,
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"QSTASH_CURRENT_SIGNING_KEY={KEYS[0]}\nQSTASH_NEXT_SIGNING_KEY={KEYS[1]}\n")
    user = type(DEV)(DEV.id, DEV.token, *KEYS)
    async with outside_world({}, env_file=file, users=(user,)) as world:
        assert (await world.deliver()).status == 200
        [row] = await world.rows()
        assert row["user"] == DEV.id


# Attacks


def signed_for(path: str, body: bytes = b"", **changed: Any) -> str:
    given: dict[str, Any] = {"key": KEYS[0], "at": now_s(), "base": PUBLIC, **changed}
    return sign(f"{given['base']}{path}", body, given["key"], given["at"], "jwt_x")


def head(line: str, token: str = "", host: str = PUBLIC_HOST, **more: str) -> str:
    lines = [f"{line} HTTP/1.1", f"Host: {host}"]
    lines += [f"Upstash-Signature: {token}", "Upstash-Message-Id: msg_bad"] if token else []
    return "\n".join(lines + [f"{name.replace('_', '-')}: {value}" for name, value in more.items()])


BEARER = f"Bearer {DEV.token}"
UNSIGNED = [
    "GET /",
    "GET /_dev/snapshot",
    "GET /_dev/tunnel",
    "POST /_dev/reset",
    "GET //_dev/snapshot",
    "GET /x/../_dev/snapshot",
    "GET /%5fdev/snapshot",
    "GET /.qstash-dev/to/http/127.0.0.1/_dev/snapshot",
    "GET /v2/keys",
    "GET /v2/messages",
    "GET /v2/publish/../keys",
    "POST /V2/ENQUEUE/q/http://localhost:1/",
    "POST /v2/batch",
    "DELETE /v2/messages",
    "GET http://127.0.0.1:8080/v2/keys",
    "GET http://localhost/_dev/snapshot",
    "OPTIONS *",
    "POST /v2/publish/http://localhost:1/x",
    f"POST /v2/publish/http://localhost:1/x?qstash_token={DEV.token}",
    f"POST //v2/publish/http://localhost:1/x?qstash_token={DEV.token}",
]


@pytest.mark.parametrize("line", UNSIGNED)
@pytest.mark.parametrize("authorization", ["", BEARER], ids=["bare", "dev-token"])
async def test_no_path_through_the_tunnel_reaches_the_api(
    world: World, line: str, authorization: str
) -> None:
    more = {"Authorization": authorization} if authorization else {}
    answer = await world.raw(head(line, **more))
    assert answer.status in (400, 401, 403)
    assert answer.body.count(b"error") <= 1
    assert not any(key.encode() in answer.body for key in (DEV.current_key, KEYS[0]))
    [refusal] = await world.refusals()
    assert refusal["status"] == answer.status
    assert DEV.token not in json.dumps(refusal)
    assert (world.app.got, await world.rows()) == ([], [])


SIGNED = {
    "forged key": lambda: (head("POST /a", signed_for("/a", key="sig_wrong")), 401),
    "dev key": lambda: (head("POST /a", signed_for("/a", key=DEV.current_key)), 401),
    "expired": lambda: (head("POST /a", signed_for("/a", at=now_s() - 400)), 401),
    "garbage": lambda: (head("POST /a", "a.b.c"), 401),
    "empty": lambda: (head("POST /a", " "), 401),
    "another path": lambda: (head("POST /admin", signed_for("/a")), 401),
    "another query": lambda: (head("POST /a?x=2", signed_for("/a?x=1")), 401),
    "dots": lambda: (head("POST /a/../b", signed_for("/b")), 401),
    "double slash": lambda: (head("POST //a", signed_for("/a")), 401),
    "another host signed": lambda: (head("POST /a", signed_for("/a", base="http://x.io")), 401),
    "another host": lambda: (head("POST /a", signed_for("/a"), host="localhost"), 421),
    "absolute form of another host": lambda: (
        head("POST http://x.io/a", signed_for("/a")),
        400,
    ),
    "absolute form of another path": lambda: (head(f"POST {PUBLIC}/b", signed_for("/a")), 401),
    "far away": lambda: (
        head("GET /.qstash-dev/to/http/169.254.169.254/", _far()),
        403,
    ),
    "two signatures": lambda: (
        head("POST /a", "a.b.c") + f"\nUpstash-Signature: {signed_for('/a')}",
        400,
    ),
}


def _far() -> str:
    return signed_for("/.qstash-dev/to/http/169.254.169.254/")


@pytest.mark.parametrize("name", SIGNED)
async def test_a_wrongly_signed_request_is_refused_and_seen(world: World, name: str) -> None:
    text, status = SIGNED[name]()
    answer = await world.raw(text)
    assert answer.status == status
    [refusal] = await world.refusals()
    assert refusal["status"] == status
    assert refusal["reason"]
    assert world.app.got == []
    assert (await world.dev("snapshot"))["server"]["tunnel"]["refused"] == 1


@pytest.mark.parametrize(
    "text",
    [
        head("GET /\xff\xfe"),
        head("GET /a", host="["),
        head("GET /a", host="\xff"),
        head("GET /a", "\xff.\xff.\xff"),
        head("GET /a", X_Custom="\xff"),
        head("POST /v2/publish/http://localhost/", Authorization="Bearer \xff"),
        head("POST /v2/publish/\xff?qstash_token=\xff"),
        head("G\xffT /a"),
    ],
)
async def test_bytes_that_are_no_text_break_nothing(world: World, text: str) -> None:
    assert (await world.raw(text)).status in (400, 401, 421)
    await world.dev("tunnel")
    assert world.app.got == []


async def test_the_body_of_a_stranger_is_not_even_read(world: World) -> None:
    """The answer comes although the body never does."""
    answer = await world.raw(head("POST /a", "a.b.c") + "\nContent-Length: 1000000")
    assert answer.status == 401


async def test_a_changed_body_is_refused(world: World) -> None:
    token = world.token("/api/x", b'{"a":1}')
    assert (await world.deliver(body=b'{"a":2}', token=token)).status == 401
    assert world.app.got == []


async def test_a_delivery_that_is_sent_again_as_it_was_is_refused(world: World) -> None:
    token = world.token("/api/x", b"1")
    assert (await world.deliver(body=b"1", token=token)).status == 200
    assert (await world.deliver(body=b"1", token=token)).status == 401
    assert "used before" in (await world.refusals())[0]["reason"]
    assert len(world.app.got) == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_oversize_body_is_refused(chunked: bool) -> None:
    limits = Limits(max_retries=5, max_delay_s=None, max_message_size=1000)
    async with outside_world(limits=limits) as world:
        body = b"x" * 1001
        text = head("POST /a", signed_for("/a", body))
        if chunked:
            body = b"3e9\r\n" + body + b"\r\n0\r\n\r\n"
            answer = await world.raw(f"{text}\nTransfer-Encoding: chunked", body)
        else:
            answer = await world.raw(f"{text}\nContent-Length: 1001", body)
        assert answer.status == 412
        assert len(await world.refusals()) == 1
        assert world.app.got == []


async def test_why_something_is_refused_is_told_to_the_developer_only(world: World) -> None:
    answer = await world.raw(head("POST /a", signed_for("/a", key="sig_wrong")))
    assert answer.json() == {"error": "unable to authenticate: invalid token"}
    assert "neither the current nor the next key" in (await world.refusals())[0]["reason"]


async def test_only_the_last_hundred_refusals_are_kept(world: World) -> None:
    for number in range(103):
        await world.raw(head(f"GET /{number}"))
    refusals = await world.refusals()
    assert len(refusals) == 100
    assert refusals[0]["target"] == "/102"
    assert (await world.dev("tunnel"))["refused"] == 103


async def test_the_id_of_a_local_message_cannot_be_taken_over(world: World) -> None:
    await world.session.post(
        f"{world.url}/v2/publish/{world.server.config.app_url}/local",
        headers={"Authorization": BEARER},
    )
    [row] = await world.wait("state:delivered")
    answer = await world.deliver(message_id=row["id"])
    assert answer.status == 409
    assert [got.path for got in world.app.got] == ["/local"]


async def test_without_cloud_keys_everything_is_refused_and_the_hint_says_why() -> None:
    async with outside_world({}) as world:
        assert (await world.deliver()).status == 401
        assert "QSTASH_CLOUD_CURRENT_SIGNING_KEY" in (await world.dev("tunnel"))["hint"]


# An open tunnel


@pytest.mark.parametrize(
    ("target", "signed"), [(f"{PUBLIC}/a?b=%20c", "/a?b=%20c"), (PUBLIC, "/"), (f"{PUBLIC}/", "/")]
)
async def test_a_target_in_absolute_form_is_that_of_its_path(
    world: World, target: str, signed: str
) -> None:
    answer = await world.raw(head(f"POST {target}", signed_for(signed)))
    assert answer.status == 200
    assert world.app.got[0].path == signed


async def test_an_open_tunnel_lets_in_and_records_what_is_not_signed() -> None:
    async with outside_world(tunnel_open=True) as world:
        world.app.answer = lambda got: web.Response(text="page")
        answer = await world.raw(head("GET /page?x=1"))
        assert (answer.status, answer.body) == (200, b"page")
        [row] = await world.rows("source:cloud")
        assert (row["state"], row["url"]) == (
            "delivered",
            f"{world.server.config.app_url}/page?x=1",
        )


@pytest.mark.parametrize("path", ["/_dev/snapshot", "/v2/keys"])
async def test_an_open_tunnel_leads_to_the_app_not_to_the_api(path: str) -> None:
    async with outside_world(tunnel_open=True) as world:
        assert (await world.raw(head(f"GET {path}"))).body == b"ok"
        assert world.app.got[0].path == path


# Webhooks


async def webhook(world: World, path: str = "/hook") -> str:
    url = (await world.dev("tunnel"))["webhook"]
    base, _, token = url.partition("/?qstash_token=")
    return f"{base.removeprefix(PUBLIC)}{path}?qstash_token={token}"


async def test_a_third_party_publishes_with_the_token_of_this_run(world: World) -> None:
    target = await webhook(world)
    text = head(
        f"POST {target}&upstash-retries=1&v=1", Content_Length="5", X_Forwarded_For="9.9.9.9"
    )
    answer = await world.raw(text, b"event")
    assert answer.status == 200
    [row] = await world.wait("state:delivered")
    assert (row["id"], row["tries"], row["source"]) == (answer.json()["messageId"], 2, "local")
    [got] = world.app.got
    assert (got.path, got.body) == ("/hook?v=1", b"event")
    assert got.headers["Upstash-Caller-Ip"] == "9.9.9.9"
    Receiver(current_signing_key=DEV.current_key, next_signing_key=DEV.next_key).verify(
        signature=got.headers["Upstash-Signature"], body="event"
    )


async def test_the_token_for_webhooks_opens_nothing_else(world: World) -> None:
    token = (await webhook(world)).partition("qstash_token=")[2]
    for line in ("GET /v2/messages", "GET /v2/keys", "POST /v2/batch", "GET /_dev/snapshot"):
        answer = await world.raw(head(f"{line}?qstash_token={token}"))
        assert answer.status == 401
    async with world.session.get(f"{world.url}/v2/keys?qstash_token={token}") as refused:
        assert refused.status == 401


async def test_each_run_has_another_token_for_webhooks(world: World) -> None:
    async with outside_world() as second:
        assert (await webhook(world)).partition("=")[2] != (await webhook(second)).partition("=")[2]
