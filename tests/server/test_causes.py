"""Causes of an attempt without an answer, each from a real socket and the probe that decides it.

Every cause of the table has its drive here: a test that is marked with it.
"""

import asyncio
import contextlib
import shutil
import socket
import sys
from pathlib import Path

import pytest

from qstash_dev.devtools.explain.no_answer import NO_ANSWER
from qstash_dev.protocol.model import Attempt, Message, Spec, State
from qstash_dev.protocol.urls import Nearby
from qstash_dev.server.data_dir import DATABASE
from qstash_dev.server.explainer import Explainer
from qstash_dev.sources.tree import SourceTree
from qstash_dev.transport.connect import has_network
from qstash_dev.transport.delivery import Sender
from tests.own_network import needs_unshare, run_alone
from tests.ports import reserved_port
from tests.protocol.workflow.play import APP, init, of_step
from tests.raw_server import OK, RawServer, reset
from tests.transport.sending import request

DRIVEN = {"app-ended", "no-descriptors"}
"""Causes that are driven; these elsewhere: by apps that the server starts (`test_own_app`), and by the
limits of a process (`tests/process/test_descriptors.py`).
"""


def drives(*causes):
    """A test that makes them happen."""
    DRIVEN.update(causes)
    return lambda test: test


def test_every_cause_of_the_table_is_driven():
    assert {cause.id for cause in NO_ANSWER} == DRIVEN


@pytest.fixture
async def raw():
    async with contextlib.AsyncExitStack() as stack:
        yield RawServer(stack)


async def hint_of(server, url):
    message_id = await server.publish(url, Upstash_Retries=0)
    await server.wait("state:failed")
    return (await server.row(message_id))["hint"]


@drives("refused-other-address")
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
    with reserved_port("::1", "127.0.0.1") as port:
        server = await start(hold=True)
        await server.publish(f"http://127.0.0.1:{port}/x", Upstash_Retries=0)
        await server.wait("state:held")
        app = await asyncio.start_server(lambda reader, writer: writer.close(), "::1", port)
        async with app:
            rows = await server.wait("state:failed")
    assert "listens on ::1 only" in rows[0]["hint"]


@drives("app-not-running")
async def test_nobody_on_either_address_is_an_app_that_is_not_running(start, make_app):
    app = make_app()
    server = await start(app_url=app.url)
    assert "your app is not running" in await hint_of(server, f"{app.url}/x")


@drives("workflow-elsewhere")
async def test_steps_for_the_address_that_an_app_takes_for_its_own_name_what_to_set(
    start, make_app
):
    app = make_app()
    server = await start()
    headers = of_step("wfr_1")
    begin = {"destination": APP, "headers": init("wfr_1", delay="1d")}
    step = {"destination": f"{app.url}/wf", "headers": {**headers, "upstash-retries": "0"}}
    await server.call("POST", "/v2/batch", [begin])
    await server.call("POST", "/v2/batch", [step])
    [row] = await server.wait("state:failed")
    assert row["hint"] == (
        f"No answer from 127.0.0.1:{app.port}: the run was started at https://app.example, and "
        f"its app submits steps for {app.url}: behind a proxy or a tunnel, set baseUrl in serve(), "
        "or UPSTASH_WORKFLOW_URL."
    )
    assert (await server.row(row["id"]))["lints"] == []


@drives("http-to-https-port")
async def test_http_to_an_https_port_is_found_by_a_hello(start, raw, tls):
    port = await raw.start(lambda reader, writer: reader.read(), tls=tls)
    server = await start()
    assert await hint_of(server, f"http://127.0.0.1:{port}/x") == (
        f"127.0.0.1:{port} speaks https, but the URL says http: publish to "
        f"https://127.0.0.1:{port}."
    )


@drives("https-to-http-port")
async def test_https_to_an_http_port_is_found_by_a_request(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    assert await hint_of(server, f"https://127.0.0.1:{app.port}/x") == (
        f"127.0.0.1:{app.port} speaks plain HTTP, but the URL says https: publish to "
        f"http://127.0.0.1:{app.port}."
    )
    assert [request[:2] for request in app.requests] == []


@drives("nothing-behind-port")
async def test_a_published_port_with_nothing_behind_it_is_told_from_a_crash(start, raw):
    async def close(reader, writer):
        reset(writer)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(close)}/x")
    assert "nothing is behind it" in hint


@drives("app-crashed")
async def test_an_app_that_ends_over_a_message_is_said_to_have_ended(start, raw):
    async def die(reader, writer):
        await raw.read(reader)
        raw.stop_listening()
        reset(writer)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(die)}/x")
    assert "The app ended while it handled the message" in hint


@drives("app-restarted")
async def test_an_app_that_closes_one_connection_and_goes_on_has_restarted(start, raw):
    async def restart(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"OPTIONS"):
            writer.write(OK)

    server = await start()
    hint = await hint_of(server, f"http://127.0.0.1:{await raw.start(restart)}/x")
    assert "crashed or restarted" in hint


@drives("other-protocol")
async def test_another_protocol_on_the_port_is_named(start, raw):
    port = await raw.answering(b"-ERR unknown command 'POST'\r\n")
    server = await start()
    assert await hint_of(server, f"http://127.0.0.1:{port}/x") == (
        f"127.0.0.1:{port} speaks Redis, not HTTP/1.1: is the port right?"
    )


@drives("docker-host-name", "tunnel-gone", "unknown-host")
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


@drives("refused-in-container", "container-not-running")
async def test_in_a_container_the_app_is_another_container(start):
    with reserved_port() as port:
        server = await start(container=True, nearby=Nearby(is_private=True))
        hint = await hint_of(server, f"http://localhost:{port}/x")
        assert "is the container that qstash-dev runs in, and nothing listens there" in hint
    await server.publish("http://web:3000/x", Upstash_Retries=0)
    [row] = await server.wait("state:failed%20dest:web")
    assert "No container of this network is called 'web' now" in row["hint"]


@drives("refused-other-port")
async def test_the_port_where_the_app_is_expected_is_named(start, make_app):
    app, other = make_app(), make_app()
    server = await start(app_url=app.url)
    assert f"but the app is expected at {app.url}" in await hint_of(server, f"{other.url}/x")


@drives("cold-compile", "handler-too-slow")
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


@drives("tls-failed")
async def test_a_port_that_breaks_off_the_handshake_is_asked_about(start, raw):
    async def broken(reader, writer):
        await reader.read(5)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # TLS alert: handshake failure

    server = await start()
    hint = await hint_of(server, f"https://127.0.0.1:{await raw.start(broken)}/x")
    assert "No TLS connection with 127.0.0.1:" in hint


@drives("external-denied")
async def test_what_the_server_itself_keeps_back_is_said(start):
    server = await start(external="deny")
    assert "external destinations are denied" in await hint_of(server, "https://example.com/x")


@drives("own-server")
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


@drives("http2-only")
@pytest.mark.parametrize("says", [b"", b"\x00\x00\x06\x04\x00\x00\x00\x00\x00"])
async def test_a_port_that_speaks_http_2_alone_is_asked_in_http_2(start, raw, says):
    async def http2(reader, writer):
        first = await reader.read(100)
        writer.write(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" if first[:3] == b"PRI" else says)

    hint = await hint_of(await start(), f"http://127.0.0.1:{await raw.start(http2)}/x")
    assert "speaks HTTP/2 only" in hint


@drives("closes-on-http")
async def test_a_port_that_takes_no_request_at_all_is_told_from_a_restart(start, raw):
    async def close(reader, writer):
        await reader.read(5)

    hint = await hint_of(await start(), f"http://127.0.0.1:{await raw.start(close)}/x")
    assert "ends every connection at the first words of HTTP" in hint


@drives("answer-broken-off")
async def test_an_answer_that_is_shorter_than_it_says_has_broken_off(start, raw):
    async def short(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc")

    hint = await hint_of(await start(), f"http://127.0.0.1:{await raw.start(short)}/x")
    assert "The answer broke off in its middle" in hint


@drives("no-network")
@needs_unshare
async def test_a_machine_without_a_network_is_seen_to_have_none():
    ask = "from qstash_dev.transport.connect import has_network; print(has_network())"
    said, error = await run_alone(ask)
    assert (said, error) == (b"False\n", b"")
    own_address()  # skips where there is no network anyway
    assert has_network()


@drives("not-http")
async def test_a_port_that_answers_with_noise_is_not_http(start, raw):
    async def noise(reader, writer):
        await reader.read(5)
        writer.write(b"\x00\x01\x02 hello\r\n\r\n")

    hint = await hint_of(await start(), f"http://127.0.0.1:{await raw.start(noise)}/x")
    assert "is not valid HTTP" in hint


async def explained(url, between=lambda: None, **more):
    """What is said of one real request, something having happened between it and the question."""
    sender, explain = (
        Sender(lambda: 0, 1_000_000),
        Explainer(lambda user: ("a", "b"), lambda: "", SourceTree(Path()), lambda: 0, **more),
    )
    spec = Spec(url)
    outcome = await sender(request(url))
    await sender.close()
    undo = between()
    message = Message("msg_1", "me", spec, b"{}", 0, 0, State.ACTIVE, 0)
    hint = await explain(message, Attempt("msg_1", 1, url, (), outcome))
    if undo is not None:
        undo()
    return hint


@drives("app-just-up")
async def test_an_app_that_came_up_meanwhile_is_said_to_be_up():
    def come_up():
        return socket.create_server(("127.0.0.1", port)).close

    with reserved_port() as port:
        assert "but now the app does" in await explained(f"http://127.0.0.1:{port}/x", come_up)


async def test_a_message_does_not_wait_for_its_explanation_for_ever(caplog):
    with reserved_port() as port:
        assert await explained(f"http://127.0.0.1:{port}/x", patience_s=0) is None
    assert "msg_1 failed was not found out" in caplog.text


def own_address():
    """An address of this machine that is not loopback, without a packet being sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return probe.getsockname()[0]


@drives("refused")
async def test_a_port_of_another_machine_where_nothing_runs_refuses(start):
    address, server = own_address(), await start()
    with reserved_port(address) as port:
        hint = await hint_of(server, f"http://{address}:{port}/x")
    assert "refuses connections: no server runs on that port" in hint


@drives("certificate-not-trusted")
async def test_a_certificate_that_nobody_signed_is_not_trusted(start, raw, tls):
    port = await raw.start(lambda reader, writer: reader.read(), own_address(), tls)
    hint = await hint_of(await start(), f"https://{own_address()}:{port}/x")
    assert f"The certificate of {own_address()}:{port} is not trusted" in hint


@drives("connection-closed")
async def test_another_machine_that_closes_the_connection_has_crashed_or_given_up(start, raw):
    async def close(reader, writer):
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"OPTIONS"):
            writer.write(OK)

    port = await raw.start(close, own_address())
    hint = await hint_of(await start(), f"http://{own_address()}:{port}/x")
    assert "closed the connection before it answered" in hint


@drives("no-connection", "app-takes-no-connection")
@pytest.mark.skipif(sys.platform != "linux", reason="others refuse when the backlog is full")
async def test_who_takes_no_connection_is_down_or_here_stands_still(start):
    with contextlib.ExitStack() as stack:
        server = await start()
        ids = []
        for host in (own_address(), "127.0.0.1"):
            full = stack.enter_context(socket.create_server((host, 0), backlog=0))
            for _ in range(3):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            url = "http://{}:{}/x".format(*full.getsockname())
            ids.append(await server.publish(url, Upstash_Retries=0, Upstash_Timeout="1s"))
        await server.wait("state:failed", 2)
        down, still = [(await server.row(each))["hint"] for each in ids]
    assert "the host is down or a firewall drops packets" in down
    assert "stands still (a breakpoint, Ctrl+Z) or is far too busy. The handler has not" in still


@drives("unreachable")
async def test_an_address_without_a_way_there_is_unreachable(start):
    hint = await hint_of(await start(), "http://224.0.0.1:81/x")  # no TCP to many at once
    assert "There is no way to 224.0.0.1:81 from this machine" in hint


@drives("interrupted")
async def test_an_attempt_that_the_end_of_the_server_cut_off_says_so(start, raw, tmp_path):
    async def silent(reader, writer):
        await reader.read()

    url = f"http://127.0.0.1:{await raw.start(silent)}/x"
    first = await start(data_dir=tmp_path / "first")
    message_id = await first.publish(url)
    await first.wait("state:active")
    # What a machine that lost its power finds on its disk.
    (tmp_path / "second").mkdir()
    for file in (tmp_path / "first").glob(f"{DATABASE}*"):
        shutil.copy(file, tmp_path / "second")
    second = await start(data_dir=tmp_path / "second")
    assert "stopped during this attempt: the handler" in (await second.row(message_id))["hint"]
