"""What comes through the tunnel and may not get in: tables of raw requests at the ingress port.

A new attack is a new row. The public name is made up; the sockets, the server and the app are real.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from qstash_dev.protocol.signature import body_hash, sign
from tests.cloud.test_ingress import head
from tests.server.outside_world import (
    DEV,
    KEYS,
    PUBLIC,
    PUBLIC_HOST,
    Answer,
    Got,
    World,
    now_s,
    outside_world,
)

WRAPPED = "/.qstash-dev/to/"


@pytest.fixture
async def world() -> Any:
    async with outside_world(log_port=0) as made:
        yield made


@pytest.fixture
async def open_world() -> Any:
    async with outside_world(tunnel_open=True, log_port=0) as made:
        yield made


async def nothing_happened(world: World) -> bool:
    return (world.app.got, await world.rows()) == ([], [])


def own_ports(world: World) -> list[int]:
    """API, log port and ingress."""
    ports = {world.server.started.port, world.ingress} | world.server._engine.policy.own_ports
    assert len(ports) == 3
    return sorted(ports)


# Where an unsigned request leads


UNSIGNED = [
    *(f"{WRAPPED}http/127.0.0.1:%d/_dev/snapshot", f"{WRAPPED}http/localhost:%d/v2/keys"),
    *(f"{WRAPPED}HTTP/127.1:%d/_dev/", f"{WRAPPED}https/[::1]:%d/", f"{WRAPPED}http/%d", WRAPPED),
    *(f"{WRAPPED}ftp/localhost:%d/", f"{WRAPPED}/localhost:%d", f"{WRAPPED}http/"),
]


@pytest.mark.parametrize("target", UNSIGNED)
async def test_an_unsigned_request_never_names_where_it_goes(
    open_world: World, target: str
) -> None:
    app = int(open_world.server.config.app_url.rpartition(":")[2])
    for port in [*own_ports(open_world), app, 1]:
        answer = await open_world.raw(head(f"GET {target.replace('%d', str(port))}"))
        assert (answer.status, answer.json()) == (403, {"error": "refused"})
    assert await nothing_happened(open_world)


AS_PATHS = [
    "/v2/keys",
    "/_dev/snapshot",
    "/_dev/",
    "/_dev/page/app.js",
    "//.qstash-dev/to/http/127.0.0.1:1/",
    "/%2eqstash-dev/to/http/127.0.0.1:1/",
    "/x/..//.qstash-dev/to/http/127.0.0.1:1/",
    "/@evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/:80@evil.example/",
    "/?http://evil.example/",
]


@pytest.mark.parametrize("path", AS_PATHS)
async def test_all_else_that_is_unsigned_is_a_path_of_the_app(open_world: World, path: str) -> None:
    assert (await open_world.raw(head(f"GET {path}"))).body == b"ok"
    assert [got.path for got in open_world.app.got] == [path]


async def test_an_unsigned_request_follows_no_route(world: World) -> None:
    app = world.server.config.app_url
    elsewhere = ((f"{PUBLIC}/pay", f"{app}/other"), (f"{app}/pay", f"{app}/another"))
    port = int(app.rpartition(":")[2])
    async with outside_world(tunnel_open=True, app_port=port, routes=elsewhere) as second:
        await second.raw(head("GET /pay/1"))
    assert [got.path for got in world.app.got] == ["/pay/1"]


async def test_an_unsigned_request_writes_into_no_record_of_another_message(
    open_world: World,
) -> None:
    await open_world.deliver("/real", message_id="msg_real")
    for message_id in ("msg_real", "msg_mine"):
        text = head("POST /false", Upstash_Message_Id=message_id, Upstash_Retried="1")
        assert (await open_world.raw(text)).status == 200
    assert len((await open_world.dev("messages/msg_real"))["attempts"]) == 1
    assert "msg_mine" not in [row["id"] for row in await open_world.rows()]


# Where a signed request leads


SPELLINGS = [
    *("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.1", "127.9.9.9"),
    *("0.0.0.0", "0", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.1."),
    *("%5B::1%5D", "%5B::%5D", "%5B::ffff:127.0.0.1%5D", "%5B::ffff:7f00:1%5D", "[::1]"),
    *("user:pw@127.0.0.1", "@localhost", "%256cocalhost", "127%252e0.0.1", "x%40localhost"),
]
OWN_PATHS = ["/_dev/clock", "/_dev/snapshot", "/v2/keys", "/", "?x", "/x/../_dev/snapshot"]


def signed(path: str, body: bytes = b"") -> str:
    return head(f"POST {path}", sign(f"{PUBLIC}{path}", body, KEYS[0], now_s(), f"jwt_{path}"))


@pytest.mark.parametrize("host", SPELLINGS)
async def test_even_a_signed_request_never_reaches_ourselves(world: World, host: str) -> None:
    for port in own_ports(world):
        for path in OWN_PATHS:
            answer = await world.raw(signed(f"{WRAPPED}http/{host}:{port}{path}"))
            assert answer.status == 403, (port, path)
            assert not any(key.encode() in answer.body for key in (DEV.token, DEV.current_key))
    assert await nothing_happened(world)


async def test_no_route_leads_a_signed_request_to_ourselves(world: World) -> None:
    own = f"http://127.0.0.1:{world.server.started.port}"
    sources = (PUBLIC, "https://shop.example", world.server.config.app_url)
    routes = [{"from": source, "to": own} for source in sources]
    await world.dev("routes", "PUT", json={"routes": routes})
    app = world.server.config.app_url.removeprefix("http://")
    for path in ("/x", f"{WRAPPED}https/shop.example/_dev/", f"{WRAPPED}http/{app}/_dev/clock"):
        assert (await world.raw(signed(path))).status == 403
    assert await nothing_happened(world)


# What the token for webhooks is good for


async def webhook_token(world: World) -> str:
    url: str = (await world.dev("tunnel"))["webhook"]
    return url.partition("qstash_token=")[2]


async def by_webhook(world: World, destination: str, *headers: str) -> Answer:
    """A publish by a stranger; `{app}` and `{own}` are the app and the API of this server."""
    mark = "&" if "?" in destination else "?"
    line = f"POST /v2/publish/{destination}{mark}qstash_token={await webhook_token(world)}"
    text = "\n".join([head(line), *headers])
    own = f"127.0.0.1:{world.server.started.port}"
    app = world.server.config.app_url
    return await world.raw(text.replace("{app}", app).replace("{own}", own))


FAR = "https://evil.example"
TOO_FAR: dict[str, tuple[str, ...]] = {
    "outside": (f"{FAR}/x",),
    "the metadata of a cloud": ("http://169.254.169.254/",),
    "userinfo": ("{app}@evil.example/",),
    "userinfo of the app": ("http://u@localhost:1/",),
    "our API": ("http://{own}/_dev/reset",),
    "our API in another spelling": ("http://0x7f.1:%d/v2/keys",),
    "another local port": ("http://localhost:1/",),
    "another name of this machine": ("http://127.0.0.1/",),
    "a callback": ("{app}", f"Upstash-Callback: {FAR}"),
    "a callback to us": ("{app}", "Upstash-Callback: http://{own}/_dev/reset"),
    "a callback to another port": ("{app}", "Upstash-Callback: http://localhost:1"),
    "a callback in the query": (f"{{app}}/?upstash-callback={FAR}",),
    "header and query": ("{app}/?upstash-callback={app}", f"Upstash-Callback: {FAR}"),
    "query and empty header": (f"{{app}}/?upstash-callback={FAR}", "Upstash-Callback:"),
    "query twice": (f"{{app}}/?upstash-callback={{app}}&Upstash-Callback={FAR}",),
    "encoded name": (f"{{app}}/?upstash%2dcallback={FAR}",),
    "a failure callback": ("{app}", f"Upstash-Failure-Callback: {FAR}"),
    "a nested one": (
        "{app}",
        "Upstash-Failure-Callback: {app}",
        f"Upstash-Failure-Callback-Failure-Callback: {FAR}",
    ),
    "of a callback": (
        "{app}",
        "Upstash-Callback: {app}",
        f"Upstash-Callback-Failure-Callback: {FAR}",
    ),
    "a schedule": ("{app}", "Upstash-Cron: * * * * *"),
    "a schedule in the query": ("{app}?Upstash-CRON=*%20*%20*%20*%20*",),
    "a schedule by two headers": ("{app}", "Upstash-Cron: * * *", "Upstash-Cron: * *"),
    "a group": ("group",),
    "a workflow run": (
        "{app}",
        "Upstash-Workflow-RunId: wfr_1",
        "Upstash-Workflow-Init: true",
        "Upstash-Workflow-Url: {app}",
    ),
    "a workflow run elsewhere": (
        "{app}",
        "Upstash-Workflow-RunId: wfr_1",
        "Upstash-Workflow-Init: true",
        f"Upstash-Workflow-Url: {FAR}",
    ),
    "a group's default": ("harmless",),
}
MALFORMED = {
    "two callbacks": ("{app}", "Upstash-Callback: {app}", f"Upstash-Callback: {FAR}"),
    "two tokens": ("{app}", "Authorization: Bearer x", "Authorization: Bearer y"),
    "two hosts": ("{app}", "Host: evil.example"),
    "begins like the app": ("{app}0/",),
    "no destination": ("",),
    "another scheme": ("ftp://localhost/",),
}


async def make_groups(world: World) -> None:
    """Groups of the developer's own, which no stranger may use to get out."""
    calls: list[tuple[str, str, Any]] = [
        ("POST", "group/endpoints", {"endpoints": [{"url": FAR}]}),
        ("POST", "harmless/endpoints", {"endpoints": [{"url": world.server.config.app_url}]}),
        ("PATCH", "harmless", {"headers": {"Upstash-Callback": FAR}}),
    ]
    for method, path, order in calls:
        async with world.session.request(
            method,
            f"{world.url}/v2/topics/{path}",
            json=order,
            headers={"Authorization": f"Bearer {DEV.token}"},
        ) as answer:
            assert answer.ok


@pytest.mark.parametrize("name", TOO_FAR)
async def test_a_webhook_reaches_the_app_and_nothing_else(world: World, name: str) -> None:
    await make_groups(world)
    destination, *headers = (text.replace("%d", str(world.ingress)) for text in TOO_FAR[name])
    answer = await by_webhook(world, destination, *headers)
    assert (answer.status, answer.json()) == (403, {"error": "refused"})
    assert await nothing_happened(world)
    [refusal] = await world.refusals()
    assert await webhook_token(world) not in json.dumps(refusal)


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_webhook_that_means_two_things_is_refused(world: World, name: str) -> None:
    destination, *headers = MALFORMED[name]
    assert (await by_webhook(world, destination, *headers)).status in (400, 403)
    assert await nothing_happened(world)


WITHIN: dict[str, tuple[int, tuple[str, ...]]] = {
    "callbacks": (
        2,
        ("{app}/hook", "Upstash-Callback: {app}/done", "Upstash-Failure-Callback: {app}/failed"),
    ),
    "the sender's own header": (1, ("{app}?x=1", f"X-Callback: {FAR}")),
    "another spelling": (1, ("HTTP://LOCALHOST.:%d/",)),
    "a route": (
        2,
        ("https://routed.example/hook", "Upstash-Callback: https://routed.example/done"),
    ),
    "a route to itself": (1, ("http://127.0.0.1:%d/named",)),
}


@pytest.mark.parametrize("name", WITHIN)
async def test_a_webhook_reaches_the_app_and_what_has_a_route(world: World, name: str) -> None:
    app = world.server.config.app_url
    port = app.rpartition(":")[2]
    itself = f"http://127.0.0.1:{port}/named"
    routes = [{"from": "https://routed.example", "to": app}, {"from": itself, "to": itself}]
    await world.dev("routes", "PUT", json={"routes": routes})
    messages, texts = WITHIN[name]
    destination, *headers = (text.replace("%d", port) for text in texts)
    assert (await by_webhook(world, destination, *headers)).status == 200
    await world.wait("state:delivered", messages)


# A signature that was used


def with_signature(token: str) -> str:
    return f"POST /a HTTP/1.1\nUpstash-Signature: {token}\nHost: {PUBLIC_HOST}"


SPACES = [
    " ",
    "\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\xe2\x80\x83",
]
AROUND = [*SPACES, "=", "==", "%3D", ".", "!", "\x00", "\xff", "-", "Bearer "]


def other_spellings(token: str) -> Iterator[str]:
    """What decoders of base64 might take for the same token."""
    head_, claims, proof = token.split(".")
    for text in AROUND:
        yield from (text + token, token + text, text + token + text)
        for at in range(1, 4):
            parts = [head_, claims, proof]
            parts[at - 1] += text
            yield ".".join(parts)
        yield f"{head_}.{claims[:9]}{text}{claims[9:]}.{proof}"
    for letter in ALPHABET:  # the last letter carries two bits that nobody reads
        yield token[:-1] + letter
    yield token.replace("-", "+").replace("_", "/")
    yield f"{token}, {token}"
    yield f'"{token}"'


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


async def test_a_signature_is_used_once_however_it_is_spelled(world: World) -> None:
    token = sign(f"{PUBLIC}/a", b"", KEYS[0], now_s(), "jwt_once")
    assert (await world.raw(with_signature(token))).status == 200
    for spelling in other_spellings(token):
        assert (await world.raw(with_signature(spelling))).status in (400, 401), repr(spelling)
    assert len(world.app.got) == 1


async def test_a_signature_is_used_once_also_after_a_restart_and_a_reset(tmp_path: Path) -> None:
    token = sign(f"{PUBLIC}/a", b"", KEYS[0], now_s(), "jwt_once")
    async with outside_world(data_dir=tmp_path) as world:
        assert (await world.raw(with_signature(token))).status == 200
        await world.dev("reset", "POST")
        assert (await world.raw(with_signature(token))).status == 401
    async with outside_world(data_dir=tmp_path) as world:
        assert (await world.raw(with_signature(token))).status == 401
        assert world.app.got == []
        fresh = sign(f"{PUBLIC}/a", b"", KEYS[0], now_s(), "jwt_other")
        assert (await world.raw(with_signature(fresh))).status == 200


async def test_no_other_spelling_of_a_fresh_signature_is_let_in(world: World) -> None:
    """Only white space that HTTP itself takes away may stand around it."""
    token = sign(f"{PUBLIC}/a", b"", KEYS[0], now_s(), "jwt_once")
    for spelling in other_spellings(token):
        if spelling.strip(" \t") != token and spelling[:-1] != token[:-1]:
            assert (await world.raw(with_signature(spelling))).status in (400, 401), repr(spelling)
    assert world.app.got == []


@pytest.mark.parametrize("jti", ["", None, 7, ["x"]])
async def test_a_signature_without_an_id_is_refused(world: World, jti: Any) -> None:
    at = now_s()
    claims = {"iss": "Upstash", "sub": f"{PUBLIC}/a", "exp": at + 9, "nbf": 0, "iat": at}
    token = jwt.encode({**claims, "jti": jti, "body": body_hash(b"")}, KEYS[0], "HS256")
    assert (await world.raw(with_signature(token))).status == 401
    assert world.app.got == []


# Bytes that are no text, and requests that are no HTTP


BYTES = ["Zo\xeb", "\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80" * 900]
NAMES = [
    *("X-Name", "Content-Type", "Upstash-Message-Id", "Upstash-Schedule-Id", "Upstash-Topic-Name"),
    *("Upstash-Caller-Ip", "Upstash-Retried", "Upstash-Max-Retries", "Upstash-Retry-Delay"),
    *("X-Forwarded-For", "X-Forwarded-Host", "Cookie", "User-Agent", "Upstash-Forward-X"),
]


NOT_RECORDED = ("X-Forwarded-For", "X-Forwarded-Host", "User-Agent", "Cookie")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
async def test_a_header_that_is_no_text_is_recorded_with_its_bytes_replaced(
    open_world: World, name: str, is_signed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    open_world.app.answer = lambda got: web.Response(status=500)  # so that all of it is judged
    for number, value in enumerate(BYTES):
        path = f"/{number}"
        token = sign(f"{PUBLIC}{path}", b"", KEYS[0], now_s(), f"jwt_{number}")
        text = f"POST {path} HTTP/1.1\nHost: {PUBLIC_HOST}\n{name}: {value}"
        text += f"\nUpstash-Signature: {token}" if is_signed else ""
        assert (await open_world.raw(text)).status == 500
    assert [got.path for got in open_world.app.got] == [f"/{n}" for n in range(len(BYTES))]
    rows = await open_world.rows("source:cloud")
    assert sum(row["try"] for row in rows) == len(BYTES)
    details = [await open_world.dev(f"messages/{row['id']}") for row in rows]
    shown = json.dumps(details)
    assert "Zo?" in shown or name.startswith("Upstash-") or name in NOT_RECORDED
    assert "Traceback" not in caplog.text


async def test_what_is_no_text_breaks_no_delivery_that_is_under_way(open_world: World) -> None:
    release = asyncio.Event()

    async def slow(got: Got) -> web.Response:
        await release.wait()
        return web.Response()

    open_world.app.answer = slow
    url = f"{open_world.url}/v2/publish/{open_world.server.config.app_url}/mine"
    await open_world.session.post(url, headers={"Authorization": f"Bearer {DEV.token}"})
    await open_world.wait("state:active")
    strangers = [
        asyncio.create_task(open_world.raw(head("GET /a", X_Name="\xeb"))) for _ in range(3)
    ]
    await open_world.wait("state:active", 4)
    release.set()
    assert [answer.status for answer in await asyncio.gather(*strangers)] == [200] * 3
    await open_world.wait("state:delivered", 4)
    assert sorted(got.path for got in open_world.app.got) == ["/a"] * 3 + ["/mine"]


HOSTILE_BODIES = [
    b'{"sourceMessageId":"\\ud800"}',
    b'{"sourceMessageId":"\xff"}',
    b'{"sourceMessageId":7}',
    b'{"sourceMessageId":null}',
    b'{"sourceMessageId":"' + b"x" * 100_000 + b'"}',
    b"[" * 100_000 + b'"sourceMessageId"',
    b'"sourceMessageId"',
]


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
async def test_a_body_that_looks_like_a_callback_breaks_nothing(world: World, body: bytes) -> None:
    assert (await world.deliver(body=body)).status == 200
    [row] = await world.rows()
    assert (row["state"], row["parent"]) == ("delivered", None)


DELAYS = ["import os", "1/0", "exp(1000)", "retried.__class__", "(" * 5_000, "9**9**9", "\x80"]


@pytest.mark.parametrize("delay", DELAYS, ids=range(len(DELAYS)))
async def test_a_retry_delay_that_is_no_expression_breaks_nothing(world: World, delay: str) -> None:
    world.app.answer = lambda got: web.Response(status=500)
    assert (await world.deliver(headers=f"Upstash-Retry-Delay: {delay}")).status == 500
    [row] = await world.rows()
    assert row["state"] == "retry"


async def test_a_webhook_with_bytes_that_are_no_text_is_refused_or_recorded(world: World) -> None:
    headers = {
        "Upstash-Label": 400,
        "Upstash-Forward-X": 400,
        "Content-Type": 400,
        "X-Forwarded-For": 200,
        "X-Name": 200,
    }
    for name, status in headers.items():
        assert (await by_webhook(world, "{app}", f"{name}: Zo\xeb")).status == status
    assert (await by_webhook(world, "{app}/%ff?%fe")).status == 200
    reasons = [refusal["reason"] for refusal in await world.refusals()]
    refused = [name for name, status in headers.items() if status == 400]
    assert all(name in str(reasons) for name in refused)
    await world.wait("state:delivered", 3)


NO_HTTP = {
    "nonsense": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
    "a bad version": b"GET / HTTP/9.9\r\n\r\n",
    "a bad method": b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad header name": b"GET / HTTP/1.1\r\nX-\xff: 1\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nX-A: \x00\r\n\r\n",
    "a line feed": b"GET / HTTP/1.1\r\nX-A: a\nX-B: b\r\n\r\n",
    "a path that is no text": b"GET /\xff HTTP/1.1\r\n\r\n",
    "a long line": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * 1_100 + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a bad length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "an unknown encoding": b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_HTTP)
async def test_what_is_no_http_is_answered_in_json_and_logged_in_one_line(
    open_world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await open_world.send(NO_HTTP[name])
    assert answer.status == 400
    assert list(answer.json()) == ["error"]
    assert "Server" not in answer.headers
    assert "Traceback" not in caplog.text
    assert len([r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]) == 1
    assert await nothing_happened(open_world)


async def test_a_token_in_what_is_no_http_is_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    token = await webhook_token(world)
    for line in (f"GET /\xff?qstash_token={token} HTTP/1.1", f"G T /{token} HTTP/1.1"):
        for header in ("X: y", f"Authorization: Bearer {token}\x0b"):
            await world.send(f"{line}\r\n{header}\r\n\r\n".encode("latin-1"))
    await world.send(f"GET / HTTP/1.1\r\nAuthorization: {token}\x0b\r\n\r\n".encode())
    await world.send(f"GET /{token}{'x' * 70_000} HTTP/1.1\r\n\r\n".encode())
    assert caplog.text.count("invalid HTTP request") == 6
    assert token[:12] not in caplog.text


async def test_no_answer_tells_what_answers(open_world: World) -> None:
    open_world.app.answer = lambda got: web.Response(headers={"Server": "mine"})
    for text in (head("GET /a"), head("GET /a", host="x"), head("GET /a", "a.b.c")):
        answer = await open_world.raw(text)
        assert answer.headers.get("Server") == ("mine" if answer.status == 200 else None)
