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
