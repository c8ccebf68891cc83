"""Who is let in by which head of a request: tables of raw bytes, without a browser.

What browsers really send is proven in test_browser.py; the heads here are copies of that.
"""

import json

import pytest

from qstash_dev.protocol.urls import Nearby
from tests.api.conftest import TOKENS, Api

TOKEN = TOKENS["defaultUser"]
NOWHERE = "http://127.0.0.1:1/a"
BEARER = f"Authorization: Bearer {TOKEN}"
BY_QUERY = f"/v2/publish/{NOWHERE}?qstash_token={TOKEN}&upstash-delay=1h"
SCHEDULE = f"{BY_QUERY}&upstash-cron=0%200%20*%20*%20*"
CHROMIUM = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"


def head(line: str, *headers: str, host: str | None = "localhost:8080") -> bytes:
    named = [] if host is None else [f"Host: {host}"]
    lines = [f"{line} HTTP/1.1", *named, *headers, "Content-Length: 0", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def status_of(api: Api, request: bytes) -> int:
    status, answer_head, body = await api.raw(request)
    assert status < 400 or list(json.loads(body)) == ["error"], answer_head
    return status


async def nothing_happened(api: Api) -> bool:
    counts = (await api.ok("GET", "/_dev/snapshot"))["counts"]
    return not counts["messages"] and not await api.ok("GET", "/v2/schedules")


# Host


OURS = [
    *("localhost", "localhost:8080", "LOCALHOST", "localhost.", "LocalHost.:1", "localhost:"),
    *("app.localhost", "a.b.LOCALHOST.:9", "qstash-dev.localhost"),
    *("127.0.0.1", "127.0.0.1:8080", "127.0.0.2", "127.255.255.254:1"),
    *("[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[0000::0001]"),
]
FOREIGN = [
    *("", " ", ":8080", "evil.example", "evil.example:8080", "192.168.1.5", "10.0.0.1:8080"),
    *("0.0.0.0", "0.0.0.0:8080", "0", "[::]", "[::]:8080", "[0::0]", "169.254.169.254"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]:8080", "[::ffff:0:0]", "[::127.0.0.1]", "[::2]"),
    *("127.1", "127.0.1:8080", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.0.0.01"),
    *("127.0.0.1.", "127.0.0.1.evil.example", "127.0.0.1.nip.io", "128.0.0.1", "[::1", "::1"),
    *("[::1%25lo]", "[fe80::1]", "[127.0.0.1]", "[localhost]", "[]"),
    *("localhost.evil.example", "notlocalhost", "localhostx", "xlocalhost:1", "localhost_"),
    *("evil.example/.localhost", "evil.example#.localhost", "evil.example?localhost"),
    *("localhost@evil.example", "evil.example@localhost", "evil.example\\.localhost"),
    *("localhost:80:80", "localhost:port", "localhost, evil.example", "local\xadhost", "\xff"),
    *("%6cocalhost", "http://localhost", "localhost\tx", "xn--lcalhost-n2a", "ip6-localhost"),
]


async def test_names_and_addresses_of_this_machine_are_let_in(api: Api) -> None:
    for host in OURS:
        for line in ("GET /v2/keys", "GET /_dev/health"):
            assert await status_of(api, head(line, BEARER, host=host)) == 200, host


async def test_every_other_spelling_is_refused_whatever_the_token(api: Api) -> None:
    for host in FOREIGN:
        for line in ("GET /v2/keys", "GET /_dev/health", f"POST {BY_QUERY}", f"GET {BY_QUERY}"):
            assert await status_of(api, head(line, BEARER, host=host)) in (400, 403), host
    assert await nothing_happened(api)


async def test_a_request_without_a_host_is_refused(api: Api) -> None:
    assert await status_of(api, head("GET /v2/keys", BEARER, host=None)) in (400, 403)


async def test_a_refused_host_is_told_what_to_do(api: Api) -> None:
    _, _, body = await api.raw(head("GET /v2/keys", BEARER, host="0.0.0.0:8080"))
    assert json.loads(body)["error"] == (
        "the Host header '0.0.0.0:8080' is not a name of this server: address it as localhost or "
        "127.0.0.1; other addresses are given with --host, names with --allow-host"
    )


@pytest.fixture
async def contained(start_api):
    """A server that a container would run, but for the addresses that it listens on."""
    return await start_api(container=True, nearby=Nearby(True, ("qstash.test", "*.preview.test")))


IN_THE_NETWORK = [
    *("qstash", "qstash:8080", "my_stack-qstash-1:8080", "host.docker.internal", "qstash.internal"),
    *("172.18.0.2:8080", "192.168.1.5", "10.0.0.1:8080", "[fd00::2]:8080"),
]
ALLOWED = ["qstash.test", "QSTASH.test.:8080", "a.preview.test"]
BROWSERS = (CHROMIUM, "Sec-Fetch-Site: none", "Origin: http://evil.example", "Referer: http://x/")


async def test_in_a_container_apps_of_its_network_get_in(contained: Api) -> None:
    for host in (*OURS, *IN_THE_NETWORK, *ALLOWED):
        for line in ("GET /v2/keys", "GET /_dev/health"):
            assert await status_of(contained, head(line, BEARER, host=host)) == 200, host
        assert await status_of(contained, head("GET /v2/keys", host=host)) == 401, host


async def test_in_a_container_a_browser_gets_in_by_no_other_name(contained: Api) -> None:
    for host in (*FOREIGN, *IN_THE_NETWORK):
        for line in ("GET /v2/keys", "GET /_dev/health", f"POST {BY_QUERY}"):
            for signal in BROWSERS:
                request = head(line, BEARER, signal, host=host)
                assert await status_of(contained, request) in (400, 403), (host, signal)
    assert await nothing_happened(contained)


PUBLIC = [
    *("", "evil.example", "8.8.8.8", "169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]:8080"),
    *(
        "[::ffff:127.0.0.1]",
        "2130706433",
        "127.1",
        "nas.local",
        "x.lan",
        "xqstash.test",
        "preview.test",
        "a.qstash.test",
    ),
]


async def test_in_a_container_no_public_name_is_ours(contained: Api) -> None:
    for host in PUBLIC:
        for line in ("GET /v2/keys", "GET /_dev/health", f"POST {BY_QUERY}"):
            assert await status_of(contained, head(line, BEARER, host=host)) in (400, 403), host
    assert await nothing_happened(contained)


async def test_no_message_reaches_the_control_api_whatever_name_it_finds_us_by(contained) -> None:
    for path in ("/_dev/reset", "/_dev/snapshot", "/health", "/"):
        request = head(f"POST {path}", "Upstash-Signature: x.y.z", host="qstash:8080")
        assert await status_of(contained, request) == 403


async def test_an_app_in_a_container_reaches_us_and_a_page_of_that_name_does_not(api: Api) -> None:
    host = "host.docker.internal:8080"
    assert await status_of(api, head("GET /v2/keys", BEARER, host=host)) == 200
    for signal in (CHROMIUM, "Sec-Fetch-Site: none", f"Origin: http://{host}"):
        for line in ("GET /v2/keys", "GET /_dev/snapshot", f"GET {BY_QUERY}"):
            assert await status_of(api, head(line, BEARER, signal, host=host)) == 403
    assert await nothing_happened(api)


# Request targets that name an authority


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://127.0.0.1:8080/v2/keys", "127.0.0.1:8080", 200),
        ("http://localhost/v2/keys", None, 400),
        ("HTTP://LOCALHOST:8080/V2/KEYS/?x=1", "localhost", 200),
        ("http://localhost//v2/keys", "localhost", 200),
        ("http://[::1]:8080/v1/messages/msg_1", "localhost", 404),
        ("http://localhost", "localhost", 307),
        ("http://localhost?x", "localhost", 307),
        ("http://evil.example/v2/keys", "localhost", 403),
        ("http://localhost/v2/keys", "evil.example", 403),
        ("http://evil.example/v2/keys", None, 400),
        ("http://0.0.0.0:8080/v2/keys", "localhost", 403),
        ("http://localhost@evil.example/v2/keys", "localhost", 403),
        ("http:///v2/keys", "localhost", 400),
        ("ftp://localhost/v2/keys", "localhost", 404),
    ],
)
async def test_the_authority_of_a_request_target_is_judged_as_host(
    api: Api, target: str, host: str | None, status: int
) -> None:
    assert await status_of(api, head(f"GET {target}", BEARER, host=host)) == status


# Headers that stand there twice


@pytest.mark.parametrize(
    "headers",
    [
        ("Host: localhost:8080",),
        ("Host: evil.example",),
        ("host: evil.example", BEARER),
        (BEARER, "Authorization: Bearer wrong"),
        ("Authorization: Bearer wrong", BEARER),
        ("Origin: http://localhost:3000", "Origin: https://evil.example", BEARER),
        ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site", BEARER),
    ],
    ids=" | ".join,
)
async def test_a_header_that_decides_stands_there_once(api: Api, headers: tuple[str, ...]) -> None:
    for line in ("GET /v2/keys", "GET /_dev/snapshot"):
        assert await status_of(api, head(line, *headers)) == 400


# What a page can send


PAGES = {
    "an image of a page on another local port": (
        CHROMIUM,
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Mode: no-cors",
        "Sec-Fetch-Dest: image",
        "Referer: http://localhost:9999/",
    ),
    "an image of a foreign page": (CHROMIUM, "Sec-Fetch-Site: cross-site"),
    "an image where nothing of it is told": (CHROMIUM, "Accept: image/avif,image/webp,*/*;q=0.8"),
    "a link in a mail": (CHROMIUM, "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document"),
    "our own page": (CHROMIUM, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Dest: empty"),
    "a form of a page on another local port": (
        CHROMIUM,
        "Origin: http://localhost:9999",
        "Sec-Fetch-Site: same-site",
    ),
    "a form of a file": (CHROMIUM, "Origin: null", "Sec-Fetch-Site: cross-site"),
    "a browser with a name of its own": ("User-Agent: App/1", "Sec-Fetch-Dest: image"),
    "an old browser with a name of its own": ("User-Agent: App/1", "Referer: http://a.example/"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("path", [BY_QUERY, SCHEDULE, BY_QUERY.replace("publish", "enqueue/q")])
async def test_a_page_publishes_nothing_by_a_token_in_the_query(
    api: Api, path: str, page: str
) -> None:
    for method in ("GET", "HEAD", "POST"):
        status, _, _ = await api.raw(head(f"{method} {path}", *PAGES[page]))
        assert status == 403
    assert await nothing_happened(api)


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_publishes_nothing_by_get_however_it_has_the_token(
    api: Api, page: str
) -> None:
    path = f"/v2/publish/{NOWHERE}?upstash-delay=1h"
    for target in (path, f"http://localhost:8080{path}", f"/{path}", path.replace("v2", "v1")):
        assert await status_of(api, head(f"GET {target}", BEARER, *PAGES[page])) == 403
    assert await nothing_happened(api)


CLIENTS = {
    "nothing": (),
    "curl": ("User-Agent: curl/8.5.0", "Accept: */*"),
    "Node": ("User-Agent: node", "Accept: */*", "Sec-Fetch-Mode: cors", "Accept-Language: *"),
    "Python": ("User-Agent: python-requests/2.32", "Accept: */*", "Accept-Encoding: gzip"),
    "Go": ("User-Agent: Go-http-client/1.1", "Accept-Encoding: gzip"),
    "Java": ("User-Agent: Java/1.8.0", "Accept: text/html, image/gif, image/jpeg, */*; q=.2"),
    "PowerShell": ("User-Agent: Mozilla/5.0 (Windows NT 10.0; en-US) PowerShell/7.4.1",),
    "a sender of webhooks": ("User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)",),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_no_browser_publishes_by_a_token_in_the_query(
    api: Api, method: str, client: str
) -> None:
    assert await status_of(api, head(f"{method} {BY_QUERY}", *CLIENTS[client])) == 200


async def test_a_page_of_another_local_port_publishes_by_post_with_the_token_in_the_header(
    api: Api,
) -> None:
    page = PAGES["a form of a page on another local port"]
    line = f"POST /v2/publish/{NOWHERE}"
    assert await status_of(api, head(line, BEARER, "Upstash-Delay: 1h", *page)) == 200


# The control API


OWN = ["Origin: http://localhost:8080", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"]
NOT_OWN = [
    *(
        "Origin: http://localhost:9999",
        "Origin: http://localhost",
        "Origin: https://localhost:8080",
    ),
    *("Origin: http://127.0.0.1:8080", "Origin: http://[::1]:8080", "Origin: http://a.localhost"),
    *("Origin: https://console.upstash.com", "Origin: https://evil.example", "Origin: null"),
    *("Origin: http://localhost:8080.evil.example", "Origin: http://x@localhost:8080", "Origin:"),
    *("Sec-Fetch-Site: same-site", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: x"),
]
CONTROL = ["GET /_dev/snapshot", "GET /_dev/health", "POST /_dev/reset", "POST /_dev/pause"]


@pytest.mark.parametrize("header", OWN)
async def test_the_control_api_answers_its_own_page(api: Api, header: str) -> None:
    for line in CONTROL:
        assert await status_of(api, head(line, header)) == 200, line


@pytest.mark.parametrize("header", NOT_OWN)
async def test_only_the_api_of_qstash_answers_other_pages(api: Api, header: str) -> None:
    for line in (*CONTROL, "OPTIONS /_dev/reset", "GET /health", "GET /nothing"):
        status, answer_head, body = await api.raw(head(line, header, BEARER))
        assert status == 403, line
        assert b"access-control" not in answer_head.lower()
        assert TOKEN.encode() not in body


@pytest.mark.parametrize("header", NOT_OWN)
async def test_pages_of_this_machine_and_the_console_may_use_the_api_of_qstash(
    api: Api, header: str
) -> None:
    name = header.partition("//")[2].removesuffix(":8080").removesuffix(":9999")
    allowed = name in ("localhost", "127.0.0.1", "[::1]", "a.localhost", "console.upstash.com")
    allowed = allowed or header in ("Sec-Fetch-Site: same-site", "Sec-Fetch-Site: x")
    assert await status_of(api, head("GET /v2/keys", header, BEARER)) == (200 if allowed else 403)
