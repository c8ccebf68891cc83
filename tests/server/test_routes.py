import pytest
from msgspec.structs import replace

FAR = "https://my-app.example"


async def test_routes_can_be_replaced_while_the_server_runs(start, make_app):
    app = make_app()
    await app.start()
    server = await start(external="deny")
    routes = {"routes": [{"from": FAR, "to": f"{app.url}/"}]}
    shown = await server.call("PUT", "/_dev/routes", routes)
    assert shown == {"routes": [{"from": FAR, "to": app.url}]}
    assert await server.call("GET", "/_dev/routes") == shown
    message_id = await server.publish(f"{FAR}/api/x?y=1")
    await server.wait("state:delivered")
    assert (await server.row(message_id))["url"] == f"{FAR}/api/x?y=1"
    assert app.requests[0][1] == "/api/x"


async def test_a_route_tells_the_app_the_url_and_may_keep_its_host(start, make_app):
    app = make_app()
    await app.start()
    server = await start(external="deny")
    for keep in (False, True):
        routes = {"routes": [{"from": FAR, "to": app.url, **({"keepHost": True} if keep else {})}]}
        assert await server.call("PUT", "/_dev/routes", routes) == routes
        await server.publish(f"{FAR}/api/x")
        await server.wait("state:delivered", count=1 + keep)
    (plain, kept) = (headers for _, _, headers, *_ in app.requests)
    for headers in (plain, kept):
        assert headers["X-Forwarded-Host"] == "my-app.example"
        assert headers["X-Forwarded-Proto"] == "https"
    assert plain["Host"] == app.url.removeprefix("http://")
    assert kept["Host"] == "my-app.example"


async def test_a_message_that_waits_for_an_app_follows_a_new_route(start, make_app):
    down, up = make_app(), make_app()
    await up.start()
    server = await start(hold=True)
    await server.publish(down.url)
    await server.wait("state:held")
    await server.call("PUT", "/_dev/routes", {"routes": [{"from": down.url, "to": up.url}]})
    await server.wait("state:delivered")
    assert len(up.requests) == 1


async def test_allowing_what_is_external_lets_go_what_was_held(start):
    server = await start(external="hold")
    await server.publish("https://nowhere.invalid/", Upstash_Retries=0)
    await server.wait("state:held")
    server.server.reconfigure(replace(server.server.config, external="allow"))
    await server.wait("state:failed")


async def test_settings_from_the_file_leave_routes_alone_that_were_put(start, make_app):
    server = await start()
    routes = {"routes": [{"from": FAR, "to": "http://localhost:3000"}]}
    await server.call("PUT", "/_dev/routes", routes)
    server.server.reconfigure(replace(server.server.config, hold=True))
    assert await server.call("GET", "/_dev/routes") == routes
    assert (await server.status())["hold"]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"routes": [{"from": FAR}]},
        {"routes": [{"from": "my-app", "to": "http://localhost:3000"}]},
        {"routes": [{"from": FAR, "to": "localhost"}]},
    ],
)
async def test_routes_that_make_no_sense_are_refused(start, order):
    server = await start()
    await server.call("PUT", "/_dev/routes", order, status=400)
    assert await server.call("GET", "/_dev/routes") == {"routes": []}


async def test_what_a_route_keeps_on_this_machine_is_not_external(start, make_app):
    app = make_app()
    await app.start()
    server = await start(external="deny", routes=((FAR, app.url),))
    kept = await server.publish(f"{FAR}/kept")
    await server.wait("state:delivered")
    left = await server.publish("https://nowhere.invalid/", Upstash_Retries=0)
    await server.wait("state:failed")
    assert [row["id"] for row in await server.wait("is:external")] == [left]
    assert [row["id"] for row in await server.wait("-is:external")] == [kept]
    await server.call("PUT", "/_dev/routes", {"routes": []})
    assert [row["id"] for row in await server.wait("is:external", 2)] == [left, kept]
