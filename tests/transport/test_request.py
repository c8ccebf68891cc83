"""What of a request goes over the wire: what was given, byte for byte, and hardly anything else."""

import pytest

from qstash_dev.protocol.model import Headers
from qstash_dev.transport.delivery import Sender
from tests.raw_server import OK, RawServer
from tests.transport.sending import LARGE, request, response


async def test_the_request_is_sent_byte_for_byte_and_nothing_is_added(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(OK)
    target = f"http://127.0.0.1:{port}//a/../%41%2f?b=%20+&c=é%FF&&".replace("é", "%C3%A9")
    headers = (
        ("Content-Type", "text/x"),
        ("X-A", "1"),
        ("x-lower", "kept"),
        ("X-E", "é"),
        ("X-A", "2"),
        ("X-Empty", ""),
        ("User-Agent", "U"),
    )
    await sender(request(target, "PUT", headers, b"\x00\xff"))
    path = target.removeprefix(f"http://127.0.0.1:{port}")
    assert server.heads[0].decode().split("\r\n") == [
        f"PUT {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: text/x",
        "X-A: 1",
        "x-lower: kept",
        "X-E: é",
        "X-A: 2",
        "X-Empty: ",
        "User-Agent: U",
        "Content-Length: 2",
        "",
        "",
    ]
    assert server.bodies == [b"\x00\xff"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("café", b"Upstash-Workflow-Stepname: caf\xe9"),
        ("plain", b"Upstash-Workflow-Stepname: plain"),
        ("日本", "Upstash-Workflow-Stepname: 日本".encode()),
    ],
)
async def test_the_name_of_a_workflow_step_is_written_as_node_reads_it(
    server: RawServer, sender: Sender, name: str, line: bytes
) -> None:
    port = await server.answering(OK)
    headers = (("X-E", "é"), ("Upstash-Workflow-Stepname", name))
    await sender(request(f"http://127.0.0.1:{port}/", "POST", headers, b"x"))
    lines = server.heads[0].split(b"\r\n")
    assert line in lines
    assert "X-E: é".encode() in lines


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://127.0.0.1:{}", b"POST / HTTP/1.1"),
        ("http://127.0.0.1:{}?x=1", b"POST /?x=1 HTTP/1.1"),
        ("http://127.0.0.1:{}?x=/1", b"POST /?x=/1 HTTP/1.1"),
        ("http://127.0.0.1:{}/p#fragment", b"POST /p HTTP/1.1"),
        ("http://127.0.0.1:{}#a/b?c", b"POST / HTTP/1.1"),
        ("http://127.0.0.1:{}/?", b"POST /? HTTP/1.1"),
        ("HTTP://127.0.0.1:{}/A", b"POST /A HTTP/1.1"),
        ("http://127.0.0.1:{}/http://x/?u=http://y", b"POST /http://x/?u=http://y HTTP/1.1"),
    ],
)
async def test_the_request_line_is_what_follows_the_authority(
    server: RawServer, sender: Sender, url: str, line: bytes
) -> None:
    port = await server.answering(OK)
    assert response(await sender(request(url.format(port)))).status == 200
    assert server.heads[0].split(b"\r\n")[0] == line


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"body"])
async def test_any_method_with_and_without_a_body(
    server: RawServer, sender: Sender, method: str, body: bytes
) -> None:
    port = await server.answering(OK)
    outcome = await sender(request(f"http://127.0.0.1:{port}/", method, body=body))
    assert response(outcome).body == b"ok"
    assert server.bodies == [body]
    head = server.heads[0].lower()
    for absent in (b"content-type", b"transfer-encoding", b"accept", b"connection"):
        assert absent not in head
    # As Go's client: GET and DELETE say nothing of a body that they do not have.
    assert (b"content-length" in head) == (bool(body) or method not in ("GET", "DELETE"))


async def test_a_body_of_ten_megabytes_arrives_whole(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK, OK)
    for _ in range(2):
        response(await sender(request(f"http://127.0.0.1:{port}/", body=LARGE)))
    assert server.bodies == [LARGE, LARGE]
    assert server.connections == 1


async def test_ten_thousand_headers_are_sent(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK)
    headers = tuple((f"X-{number}", "value") for number in range(10_000))
    assert response(await sender(request(f"http://127.0.0.1:{port}/", headers=headers)))
    assert server.heads[0].count(b": value\r\n") == 10_000


async def test_a_host_header_takes_the_place_of_the_urls_host(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(OK)
    headers = (("X-A", "1"), ("host", "original.example"))
    await sender(request(f"http://127.0.0.1:{port}/", "GET", headers, b""))
    assert server.heads == [b"GET / HTTP/1.1\r\nX-A: 1\r\nhost: original.example\r\n\r\n"]


@pytest.mark.parametrize(
    ("headers", "authorization"),
    [
        ((), b"Basic dXMgZXI6cHc="),  # us er:pw
        ((("authorization", "Bearer x"),), b"Bearer x"),
    ],
)
async def test_credentials_in_the_url_are_sent_unless_a_header_has_others(
    server: RawServer, sender: Sender, headers: Headers, authorization: bytes
) -> None:
    port = await server.answering(OK)
    target = f"http://us%20er:pw@127.0.0.1:{port}//a%2fb?c=%41"
    assert response(await sender(request(target, headers=headers))).status == 200
    head = server.heads[0]
    assert head.startswith(b"POST //a%2fb?c=%41 HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{port}\r\n".encode() in head
    assert head.lower().count(b"authorization: ") == 1
    assert authorization in head


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb"])
async def test_a_header_that_would_begin_another_line_is_refused(
    server: RawServer, sender: Sender, value: str
) -> None:
    port = await server.answering(OK)
    with pytest.raises(ValueError, match="line break"):
        await sender(request(f"http://127.0.0.1:{port}/", headers=(("X-A", value),)))
    assert server.connections == 0


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request(
    server: RawServer, sender: Sender
) -> None:
    setting = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    port = await server.answering(setting, OK)
    await sender(request(f"http://127.0.0.1:{port}/"))
    await sender(request(f"http://127.0.0.1:{port}/"))
    assert b"cookie" not in server.heads[1].lower()


async def test_proxies_of_the_environment_are_not_asked(
    server: RawServer, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await server.answering(b"HTTP/1.1 502 Proxied\r\nContent-Length: 0\r\n\r\n")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
    port = await server.answering(OK)
    assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200
