"""Causes of an attempt without an answer, each from a real socket and the probe that decides it."""

import asyncio
import contextlib
import socket

import pytest

from tests.raw_server import OK, RawServer, reset


@pytest.fixture
async def raw():
    async with contextlib.AsyncExitStack() as stack:
        yield RawServer(stack)


async def hint_of(server, url):
    message_id = await server.publish(url, Upstash_Retries=0)
    await server.wait("state:failed")
    return (await server.row(message_id))["hint"]


@pytest.mark.parametrize(("host", "named"), [("::1", "127.0.0.1"), ("127.0.0.1", "[::1]")])
@pytest.mark.parametrize("hold", [False, True])
async def test_an_app_on_the_other_loopback_address_is_found_and_not_waited_for(
    start, raw, host, named, hold
):
    port = await raw.answering(OK, host=host)
    server = await start(hold=hold)
    assert await hint_of(server, f"http://{named}:{port}/x") == (
        f"The app listens on {host} only, not where {named}:{port} leads: publish to "
        f"http://localhost:{port}, which tries both addresses, or start the app on "
        f"{named.strip('[]')} (--host)."
    )
    assert raw.heads == []


async def test_an_app_that_comes_up_on_the_other_address_ends_the_wait(start, raw):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
    server = await start(hold=True)
    await server.publish(f"http://127.0.0.1:{port}/x", Upstash_Retries=0)
    await server.wait("state:held")
    app = await asyncio.start_server(lambda reader, writer: writer.close(), "::1", port)
    async with app:
        rows = await server.wait("state:failed")
    assert "listens on ::1 only" in rows[0]["hint"]


async def test_nobody_on_either_address_is_an_app_that_is_not_running(start, make_app):
    app = make_app()
    server = await start(app_url=app.url)
    assert "your app is not running" in await hint_of(server, f"{app.url}/x")


async def test_http_to_an_https_port_is_found_by_a_hello(start, raw, tls):
    port = await raw.start(lambda reader, writer: reader.read(), tls=tls)
    server = await start()
    assert await hint_of(server, f"http://127.0.0.1:{port}/x") == (
        f"127.0.0.1:{port} speaks https, but the URL says http: publish to "
        f"https://127.0.0.1:{port}."
    )


async def test_https_to_an_http_port_is_found_by_a_request(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    assert await hint_of(server, f"https://127.0.0.1:{app.port}/x") == (
        f"127.0.0.1:{app.port} speaks plain HTTP, but the URL says https: publish to "
        f"http://127.0.0.1:{app.port}."
    )
    assert [request[:2] for request in app.requests] == []


async def test_a_published_port_with_nothing_behind_it_is_told_from_a_crash(start, raw):
    async def close(reader, writer):
        reset(writer)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(close)}/x")
    assert "nothing is behind it" in hint


async def test_an_app_that_ends_over_a_message_is_said_to_have_ended(start, raw):
    async def die(reader, writer):
        await raw.read(reader)
        raw.stop_listening()
        reset(writer)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(die)}/x")
    assert "The app ended while it handled the message" in hint


async def test_an_app_that_closes_one_connection_and_goes_on_has_restarted(start, raw):
    async def restart(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"OPTIONS"):
            writer.write(OK)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(restart)}/x")
    assert "crashed or restarted" in hint


async def test_another_protocol_on_the_port_is_named(start, raw):
    port = await raw.answering(b"-ERR unknown command 'POST'\r\n")
    server = await start()
    assert await hint_of(server, f"http://127.0.0.1:{port}/x") == (
        f"127.0.0.1:{port} speaks Redis, not HTTP/1.1: is the port right?"
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://web:3000/x", "'web' is a name inside a Docker network"),
        ("https://a.ngrok-free.app/x", "The tunnel a.ngrok-free.app is gone"),
        ("https://nowhere.invalid/x", "The name nowhere.invalid is not known"),
    ],
)
async def test_a_name_that_does_not_resolve_is_explained_by_what_it_looks_like(start, url, words):
    server = await start()
    assert words in await hint_of(server, url)


async def test_the_port_where_the_app_is_expected_is_named(start, make_app):
    app, other = make_app(), make_app()
    server = await start(app_url=app.url)
    assert f"but the app is expected at {app.url}" in await hint_of(server, f"{other.url}/x")


async def test_the_first_slow_answer_is_a_compile_and_the_next_one_a_slow_handler(start, raw):
    async def silent(reader, writer):
        await reader.read()

    url = f"http://127.0.0.1:{await raw.start(silent)}/x"
    server = await start(retry_interval_ms=0)
    once = await server.publish(url, Upstash_Retries=0, Upstash_Timeout="1s")
    twice = await server.publish(url, Upstash_Retries=1, Upstash_Timeout="1s")
    await server.wait("state:failed", 2)
    first, second = [(await server.row(each))["hint"] for each in (once, twice)]
    assert "No answer within 1s. The first request to a route waits" in first
    assert "The handler did not answer within 1s: it hangs" in second


async def test_a_port_that_breaks_off_the_handshake_is_asked_about(start, raw):
    async def broken(reader, writer):
        await reader.read(5)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # TLS alert: handshake failure

    server = await start()
    hint = await hint_of(server, f"https://127.0.0.1:{await raw.start(broken)}/x")
    assert "No TLS connection with 127.0.0.1:" in hint


async def test_what_the_server_itself_keeps_back_is_said(start):
    server = await start(external="deny")
    assert "external destinations are denied" in await hint_of(server, "https://example.com/x")


async def test_a_route_that_leads_into_the_server_itself_is_said(start):
    server = await start()
    message_id = await server.publish(
        "https://example.com/x", Upstash_Retries=0, Upstash_Delay="1h"
    )
    route = {"routes": [{"from": "https://example.com", "to": server.url}]}
    await server.call("PUT", "/_dev/routes", route)
    await server.call("POST", f"/_dev/messages/{message_id}/run")
    await server.wait("state:failed")
    assert "is qstash-dev itself" in (await server.row(message_id))["hint"]
