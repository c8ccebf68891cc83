"""Who is let in, how paths are found, and what bad requests get: always JSON, never a traceback."""

import asyncio
import json
from io import BytesIO
from typing import Any

import psutil
import pytest

from qstash_dev.protocol.quota import Limits
from tests.api.conftest import TOKENS, Api, StartApi
from tests.patience import PATIENCE_S

TOKEN = TOKENS["defaultUser"]
NOWHERE = "http://127.0.0.1:1/"
"""A destination that nobody listens at; messages to it are delayed."""


def document(answer: tuple[int, bytes, bytes]) -> tuple[int, Any]:
    status, head, body = answer
    assert b"application/json" in head, (head, body)
    return status, json.loads(body)


def request_bytes(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    lines = [line, f"Host: {host}", f"Authorization: Bearer {TOKEN}", *headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


# Paths and methods


@pytest.mark.parametrize(
    "path",
    ["/v2/keys", "/v2/keys/", "/V2/KEYS", "/v2/Keys/", "/v2/keys?x=1", "/v2/keys/?x=1"],
)
async def test_case_and_a_slash_at_the_end_do_not_matter(api: Api, path: str) -> None:
    assert (await api.ok("GET", path)).keys() == {"current", "next"}


@pytest.mark.parametrize(
    "path", ["/v2/dlq", "/v2/schedules", "/v2/queues", "/v2/topics", "/v2/flowControl"]
)
async def test_a_list_with_a_slash_at_the_end_is_the_list(api: Api, path: str) -> None:
    assert await api.ok("GET", path + "/") == await api.ok("GET", path)


async def test_a_bulk_call_with_a_slash_at_the_end_is_the_bulk_call(api: Api) -> None:
    assert await api.ok("DELETE", "/v2/messages/") == {"cancelled": 0}
    assert await api.ok("DELETE", "/v2/dlq/") == {"deleted": 0}


@pytest.mark.parametrize("path", ["//v2/keys", "///V2/keys/", "//v2/keys?x=//"])
async def test_slashes_at_the_beginning_count_as_one(api: Api, path: str) -> None:
    """`QSTASH_URL` with a slash at its end, and a client that adds another."""
    assert (await api.ok("GET", path)).keys() == {"current", "next"}


async def test_the_first_version_is_an_alias_of_the_second(api: Api) -> None:
    """SDKs before 1.0, and code written beside them."""
    headers = {"Upstash-Delay": "1h"}
    answer = await api.ok("POST", f"/v1/publish/{NOWHERE}?a=1", headers=headers)
    message = await api.ok("GET", f"/V1/messages/{answer['messageId']}")
    assert message["url"] == f"{NOWHERE}?a=1"
    for name in ("events", "logs"):
        [event] = (await api.ok("GET", f"/v1/{name}?count=1"))[name]
        assert event["messageId"] == answer["messageId"]
    schedule = await api.ok(
        "POST", f"/v1/schedules/{NOWHERE}", headers={"Upstash-Cron": "0 0 * * *"}
    )
    [found] = await api.ok("GET", "/v1/schedules")
    assert found["scheduleId"] == schedule["scheduleId"]


async def test_other_paths_of_the_first_version_say_what_to_use(api: Api) -> None:
    refused = await api.error("GET", "/v1/topics/a")
    assert refused == (404, "there is no GET /v1/topics/a: this is version 2, use /v2/topics/a")
    refused = await api.error("GET", "/v1/endpoints")
    assert refused == (404, "there is no GET /v1/endpoints: this is version 2")


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/",
        "/v3/keys",
        "/v2/nothing",
        "/v2/keys/more",
        "/_dev/nothing",
        "/x?y",
        "/v2//keys",
        "/%00",
        "/v2/%2e%2e/keys",
    ],
)
async def test_an_unknown_path_is_404_with_a_sentence(api: Api, path: str) -> None:
    status, sentence = await api.error("GET", path)
    assert status == 404
    assert sentence == f"there is no GET {path.partition('?')[0]}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/keys", "GET"),
        ("PUT", "/v2/messages/msg_1", "DELETE, GET"),
        ("GET", "/v2/batch", "POST"),
        ("PATCH", "/_dev/snapshot", "GET"),
    ],
)
async def test_a_wrong_method_is_405_with_those_that_are_allowed(
    api: Api, method: str, path: str, allowed: str
) -> None:
    status, sentence = await api.error(method, path)
    assert (status, sentence) == (405, f"{method} is not allowed here, only {allowed}")
    async with api.session.request(
        method, api.url + path, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as response:
        assert response.headers["Allow"] == allowed


# Tokens


@pytest.mark.parametrize("user", list(TOKENS))
async def test_each_dev_user_is_let_in_by_its_token(api: Api, user: str) -> None:
    keys = await api.ok("GET", "/v2/keys", user=user)
    by_query = await api.ok("GET", f"/v2/keys?qstash_token={TOKENS[user]}", user=None)
    assert keys == by_query


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
    ],
)
async def test_without_a_known_token_there_is_only_a_401(api: Api, headers: dict[str, str]) -> None:
    for path in ("/v2/keys", "/v2/nothing", "/v2/publish/http://a", "/V2/messages"):
        refused = await api.error("GET", path, user=None, headers=headers)
        assert refused == (401, "unable to authenticate: invalid token"), path


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"qstash_token={TOKEN}", {}),
        (f"QSTASH_TOKEN={TOKEN.replace('=', '%3D')}", {}),
        (f"a=b&qstash_token={TOKEN}&c", {}),
        (f"qstash_token={TOKEN}", {"Authorization": "Bearer of-somebody-else"}),
        ("", {"Authorization": f"bearer  {TOKEN} "}),
    ],
)
async def test_spellings_of_the_token(api: Api, query: str, headers: dict[str, str]) -> None:
    await api.ok("GET", f"/v2/keys?{query}", user=None, headers=headers)


async def test_the_control_api_on_loopback_needs_no_token(api: Api) -> None:
    assert (await api.ok("GET", "/_dev/health", user=None))["ok"] is True


async def test_the_control_api_that_others_can_reach_needs_a_token(start_api: StartApi) -> None:
    api = await start_api(host=("0.0.0.0",))
    assert await api.ok("GET", "/health", user=None) == {"ok": True}
    assert (await api.error("GET", "/_dev/health", user=None))[0] == 401
    assert (await api.ok("GET", "/_dev/health"))["ok"] is True


@pytest.mark.parametrize("path", ["/health", "/HEALTH/", "//health"])
async def test_health_answers_whoever_waits_for_the_server(api: Api, path: str) -> None:
    assert await api.ok("GET", path, user=None) == {"ok": True}
    assert (await api.session.head(api.url + path)).status == 200


# Web pages: more of them in tests/attack


FOREIGN = (
    "https://evil.example",
    "http://localhost.evil.example",
    "null",
    "http://192.168.1.5",
    "http://[",
    "file://",
    "app://localhost",
    "http://localhost@evil.example",
    "http://0.0.0.0:3000",
    "http://[::ffff:127.0.0.1]:3000",
    "",
)
OURS = (
    "http://localhost:3000",
    "http://127.0.0.1:8080",
    "http://[::1]:3000",
    "https://app.localhost",
    "https://console.upstash.com",
)
PATHS = ["/v2/keys", "/_dev/health", "/v2/publish/http://a"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_other_origins_are_refused(api: Api, origin: str) -> None:
    for path in PATHS:
        status, sentence = await api.error("GET", path, headers={"Origin": origin})
        assert status == 403
        assert sentence.startswith(f"requests from the web page origin {origin!r} are refused")


@pytest.mark.parametrize("path", PATHS)
async def test_other_sites_are_refused_without_an_origin_too(api: Api, path: str) -> None:
    """A form or an image of another page."""
    refused = await api.error("POST", path, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused[0] == 403
    assert refused[1].startswith("requests from other web sites are refused")


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_our_own_pages_and_the_address_bar_are_let_in(api: Api, site: str) -> None:
    await api.ok("GET", "/_dev/health", headers={"Sec-Fetch-Site": site})


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:8080", "[::1", "", "\xff", "0.0.0.0:8080"]
)
async def test_a_host_name_that_is_not_ours_is_refused(api: Api, host: str) -> None:
    """DNS rebinding: the page's own name leads to this machine."""
    for path in PATHS:
        head = f"GET {path} HTTP/1.1\r\nHost: ".encode() + host.encode("latin-1") + b"\r\n"
        status, refusal = document(await api.raw(head + b"Connection: close\r\n\r\n"))
        assert status == 403
        assert "is not a name of this server" in refusal["error"]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:9", "[::1]:8080", "LOCALHOST:1", "host.docker.internal:8080"]
)
async def test_names_of_this_machine_are_let_in(api: Api, host: str) -> None:
    status, _ = document(await api.raw(request_bytes("GET /v2/keys HTTP/1.1", host=host)))
    assert status == 200


@pytest.mark.parametrize("origin", OURS)
async def test_a_preflight_of_our_pages_allows_what_it_asks_for(api: Api, origin: str) -> None:
    asked = "authorization,upstash-delay"
    headers = {"Origin": origin, "Access-Control-Request-Headers": asked}
    async with api.session.options(api.url + "/v2/publish/http://a", headers=headers) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Headers"] == asked
        assert response.headers["Access-Control-Allow-Private-Network"] == "true"
        assert "DELETE" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", ["/v2/keys", "/v2/nothing"])
async def test_our_pages_may_read_answers_and_errors(api: Api, path: str) -> None:
    headers = {"Origin": OURS[0], "Authorization": f"Bearer {TOKEN}"}
    async with api.session.get(api.url + path, headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == OURS[0]
        assert response.headers["Vary"] == "Origin"


async def test_a_preflight_of_other_pages_is_refused(api: Api) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (await api.error("OPTIONS", "/v2/keys", headers=headers))[0] == 403


# What is not HTTP, or nearly


@pytest.mark.parametrize(
    "request_",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G\xc3\xa9T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2/keys HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET /v2/keys HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
        b"GET /v2/keys HTTP/1.1\r\nHost: localhost\r\nX\xff: a\r\n\r\n",
        b"POST /v2/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"POST /v2/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n",
    ],
    ids=range(13),
)
async def test_what_is_no_http_request_is_400_in_json_and_the_server_lives(
    api: Api, request_: bytes
) -> None:
    status, refusal = document(await api.raw(request_))
    assert status == 400
    assert refusal["error"].startswith("invalid HTTP request: ")
    assert len(refusal["error"]) < 600
    assert "\n" not in refusal["error"]
    await api.ok("GET", "/v2/keys")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /v2/keys HTTP/1.0", 200),
        ("BREW /v2/keys HTTP/1.1", 400),
        ("HEAD /v2/keys HTTP/1.1", 405),
        ("CONNECT example.com:443 HTTP/1.1", 404),
        ("GET http://localhost/v2/keys HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 404),
    ],
)
async def test_unusual_requests_get_an_answer(api: Api, line: str, status: int) -> None:
    answer = await api.raw(request_bytes(line, "Connection: close"))
    assert answer[0] == status


@pytest.mark.parametrize(
    "path",
    [
        b"/v2/messages/\xff",
        b"/v2/\xff",
        b"/\xff",
        b"/v2/events?label=\xff",
        b"/v2/events?\xff=1",
        b"/_dev/messages/\xc3\x28",
        b"/_dev/snapshot?filter=\xff",
    ],
)
async def test_a_path_that_is_no_utf_8_gets_an_answer(api: Api, path: bytes) -> None:
    line = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    authorization = f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    status, _ = document(await api.raw(line + authorization))
    assert status in (200, 400, 404)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Origin",
        "Upstash-Forward-X",
        "Content-Type",
        "Upstash-Label",
        "Access-Control-Request-Headers",
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_a_header_that_is_no_utf_8_gets_an_answer(api: Api, name: str, method: str) -> None:
    lines = [
        f"{method} /v2/publish/{NOWHERE} HTTP/1.1".encode(),
        b"Host: localhost",
        b"Upstash-Delay: 1h",
        b"Connection: close",
        name.encode() + b": a\xff\xfe",
    ]
    if name != "Authorization":
        lines.append(f"Authorization: Bearer {TOKEN}".encode())
    if name.startswith("Access"):
        lines.append(b"Origin: http://localhost")
    status, _, _ = await api.raw(b"\r\n".join([*lines, b"", b""]))
    assert status in (204, 400, 401, 403) or (name.startswith("Access") and status == 200)


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n", b"fffffffffffffffffff\r\n"]
)
async def test_a_body_in_broken_chunks_is_400(api: Api, chunks: bytes) -> None:
    head = request_bytes("POST /v2/batch HTTP/1.1", "Connection: close")
    head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    status, refusal = document(await api.raw(head + chunks))
    assert status == 400
    assert refusal["error"].startswith(("invalid request body: ", "invalid HTTP request: "))


async def test_a_client_that_goes_away_in_the_middle_of_its_body_harms_nobody(api: Api) -> None:
    head = request_bytes(f"POST /v2/publish/{NOWHERE} HTTP/1.1")
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(head.replace(b"Content-Length: 0", b"Content-Length: 100") + b"half")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await api.ok("GET", "/_dev/snapshot"))["counts"]["messages"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v2/batch", b"{"),
        ("POST", "/v2/batch", b'{"destination": "a"}'),
        ("POST", "/v2/batch", b"\xff\xfe"),
        ("POST", "/v2/batch", b"[" * 100_000),
        ("POST", "/v2/queues", b'{"queueName": "\xff"}'),
        ("DELETE", "/v2/messages", b'{"label": "\xff"}'),
        ("DELETE", "/v2/dlq", b"[" * 100_000),
        ("POST", "/_dev/replay", b'{"ids": ["\xff"]}'),
        ("DELETE", "/v2/messages", b"[1]"),
        ("DELETE", "/v2/dlq", b'{"dlqIds": {"a": 1}}'),
        ("POST", "/v2/dlq/retry", b"nonsense"),
        ("POST", "/v2/queues", b"{"),
        ("POST", "/v2/topics/a/endpoints", b"[]"),
        ("POST", "/_dev/replay", b'{"ids": 1}'),
    ],
    ids=range(14),
)
async def test_broken_json_is_400_with_a_sentence(
    api: Api, method: str, path: str, body: bytes
) -> None:
    status, sentence = await api.error(method, path, data=body)
    assert status == 400
    assert sentence.startswith("invalid ")


async def test_an_item_that_is_no_utf_8_does_not_keep_the_others_from_being_sent(api: Api) -> None:
    good = json.dumps({"destination": NOWHERE, "headers": {"Upstash-Delay": "1h"}}).encode()
    half = good[:-1] + rb', "body": "\ud83d"}'
    body = b"[" + b",".join([good, b'{"destination": "\xff"}', half]) + b"]"
    first, second, third = await api.ok("POST", "/v2/batch", data=body)
    assert second == {"error": "invalid batch item: it is not UTF-8"}
    async with api.session.get(f"{api.url}/_dev/messages/{third['messageId']}/body") as response:
        assert await response.text() == "\ufffd"
    assert first["messageId"]


@pytest.mark.parametrize("filter_", ["*" * 1_000, "h*" * 1_000, "header:x=" + "h*" * 1_000])
async def test_a_filter_of_a_thousand_stars_is_refused(api: Api, filter_: str) -> None:
    async with api.session.get(f"{api.url}/_dev/snapshot?filter={filter_}") as response:
        assert (response.status, await response.json()) == (
            400,
            {"error": "A text of the filter has more than 100 stars: *."},
        )


# Sizes


PIECE = b"x" * 100_000


def used_memory() -> int:
    return int(psutil.Process().memory_info().rss)


async def test_a_body_of_50_mb_is_412_and_costs_no_memory(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    head = request_bytes(f"POST /v2/publish/{NOWHERE} HTTP/1.1", "Connection: close")
    before = used_memory()
    writer.write(head.replace(b"Content-Length: 0", b"Content-Length: 50000000"))
    for _ in range(500):
        writer.write(PIECE)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 412 ")
    assert answer.endswith(b'{"error":"quota maxMessageSize exceeded"}')
    assert used_memory() - before < 25_000_000


async def test_an_endless_body_in_chunks_is_412(api: Api) -> None:
    async def endless() -> Any:
        for _ in range(110):
            yield PIECE

    refused = await api.error("POST", f"/v2/publish/{NOWHERE}", data=endless())
    assert refused == (412, "quota maxMessageSize exceeded")


async def test_a_body_of_exactly_the_limit_is_accepted(api: Api) -> None:
    body = b"x" * 10_000_000
    message_id = await api.publish(NOWHERE, BytesIO(body), delay="1h")
    async with api.session.get(f"{api.url}/_dev/messages/{message_id}/body") as response:
        assert await response.read() == body
    refused = await api.error("POST", f"/v2/publish/{NOWHERE}", data=BytesIO(body + b"x"))
    assert refused == (412, "quota maxMessageSize exceeded")


SMALL = Limits(max_retries=5, max_delay_s=None, max_message_size=None, max_request_size=1_000)


async def test_a_batch_of_exactly_the_limit_is_accepted(start_api: StartApi) -> None:
    api = await start_api(limits=SMALL)
    for path, order in (("/v2/batch", b"[]"), ("/v2/queues", b'{"queueName": "q"}')):
        status, _, _ = await api.raw(
            request_bytes(f"POST {path} HTTP/1.1", body=order.ljust(1_000))
        )
        assert status == 200, path
        status, _, body = await api.raw(
            request_bytes(f"POST {path} HTTP/1.1", body=order.ljust(1_001))
        )
        assert (status, body) == (412, b'{"error":"quota maxMessageSize exceeded"}'), path


async def test_a_batch_in_chunks_is_refused_before_it_is_read_to_the_end(
    start_api: StartApi,
) -> None:
    api = await start_api(limits=SMALL)
    head = request_bytes("POST /v2/batch HTTP/1.1")
    chunked = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    # One byte more than the limit; that the body ends there is never said.
    status, _, body = await api.raw(chunked + b"3e9\r\n" + b"[]".ljust(1_001) + b"\r\n")
    assert (status, body) == (412, b'{"error":"quota maxMessageSize exceeded"}')


async def test_a_batch_of_more_than_100_mb_is_refused_by_its_length(api: Api) -> None:
    head = request_bytes("POST /v2/batch HTTP/1.1")
    head = head.replace(b"Content-Length: 0", b"Content-Length: 100000001")
    status, _, body = await api.raw(head)
    assert (status, body) == (412, b'{"error":"quota maxMessageSize exceeded"}')


async def test_a_message_without_a_limit_is_as_large_as_a_request_may_be(
    start_api: StartApi,
) -> None:
    api = await start_api(limits=SMALL)
    await api.publish(NOWHERE, b"x" * 1_000, delay="1h")
    refused = await api.error("POST", f"/v2/publish/{NOWHERE}", data=b"x" * 1_001)
    assert refused == (412, "quota maxMessageSize exceeded")


async def test_a_long_destination_and_many_headers_are_no_trouble(api: Api) -> None:
    url = f"{NOWHERE}?x={'y' * 50_000}"
    headers = {f"Upstash-Forward-X-{n}": "v" for n in range(500)}
    headers["Upstash-Delay"] = "1h"
    answer = await api.ok("POST", f"/v2/publish/{url}", headers=headers)
    message = await api.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["url"] == url
    assert len([name for name in message["header"] if name.startswith("X-")]) == 500


async def test_a_compressed_body_is_kept_as_it_came(api: Api) -> None:
    """The destination gets the bytes that were signed for, with `Upstash-Forward-Content-Encoding`."""
    body = b"\x1f\x8b not really gzip"
    headers = {"Content-Encoding": "gzip", "Upstash-Delay": "1h"}
    answer = await api.ok("POST", f"/v2/publish/{NOWHERE}", data=body, headers=headers)
    async with api.session.get(f"{api.url}/_dev/messages/{answer['messageId']}/body") as response:
        assert await response.read() == body


async def test_by_the_advertised_address_it_is_shown_and_called(start_api: StartApi) -> None:
    api = await start_api(advertised="https://Me-8080.preview.test")
    server = (await api.ok("GET", "/_dev/snapshot"))["server"]
    assert server["url"] == server["env"]["QSTASH_URL"] == "https://Me-8080.preview.test"
    for host, status in (("me-8080.preview.test", 200), ("preview.test", 403)):
        answered, _ = await api.call("GET", "/v2/keys", headers={"Host": host})
        assert answered == status
    for origin, status in (("https://me-8080.preview.test", 200), ("https://x.preview.test", 403)):
        headers = {"Host": "me-8080.preview.test", "Origin": origin}
        assert (await api.call("POST", "/_dev/pause", headers=headers))[0] == status
