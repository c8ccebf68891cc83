"""What comes through the tunnel and may not get in: tables of raw requests at the ingress port.

A new attack is a new row. The public name is made up; the sockets, the server and the app are real.
"""

from typing import Any

import pytest

from qstash_dev.protocol.signature import sign
from tests.cloud.test_ingress import head
from tests.server.outside_world import DEV, KEYS, PUBLIC, World, now_s, outside_world

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
