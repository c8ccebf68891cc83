"""An app that nobody named is found by the deliveries that it answers."""

import pytest


async def app_is(server, url):
    """Waits until the app is there."""
    async with server.ticks() as ticks:
        if (await server.status())["app"]["url"] != url:
            async for tick in ticks:
                if tick["server"] and tick["server"]["app"]["url"] == url:
                    return


async def delivered(server, app):
    await server.publish(f"{app.url}/a")
    await server.wait(f"dest:{app.url}/a state:delivered")


async def test_the_app_is_where_a_delivery_is_answered_until_one_is_where_apps_are(start, make_app):
    usual, other, third = make_app(), make_app(), make_app()
    server = await start(hold=True, app_url=usual.url)
    for app in (other, third):
        await app.start()
        await delivered(server, app)
        await app_is(server, other.url)
    await usual.start()
    await delivered(server, usual)
    await app_is(server, usual.url)


@pytest.mark.parametrize(
    "settings", [{"is_app_given": True}, {"hold": False}, {"public_url": "https://a.example"}]
)
async def test_an_app_that_is_named_or_that_others_reach_is_where_it_was_said_to_be(
    start, make_app, settings
):
    usual, other = make_app(), make_app()
    await other.start()
    server = await start(**{"hold": True, "app_url": usual.url, **settings})
    await delivered(server, other)
    await delivered(server, other)
    assert (await server.status())["app"]["url"] == usual.url


async def test_no_app_is_found_while_one_is_where_apps_are_or_where_a_route_leads(start, make_app):
    usual, other = make_app(), make_app()
    for app in (usual, other):
        await app.start()
    for routes in ((), ((usual.url, other.url),)):
        server = await start(hold=True, app_url=usual.url, routes=routes)
        await delivered(server, usual if routes else other)
        assert (await server.status())["app"]["url"] == usual.url


async def test_another_host_with_the_port_where_apps_are_is_no_app(start, make_app):
    usual, other, third = make_app(), make_app(), make_app()
    server = await start(hold=True, app_url=usual.url)
    await other.start()
    await delivered(server, other)
    await app_is(server, other.url)
    third.port, third.url, third.host = usual.port, f"http://127.0.0.2:{usual.port}", "127.0.0.2"
    await third.start()
    await delivered(server, third)
    assert (await server.status())["app"]["url"] == other.url


async def test_what_a_fault_answers_tells_nothing_of_where_the_app_is(start, make_app):
    usual, fake, app = make_app(), make_app(), make_app()
    server = await start(hold=True, app_url=usual.url)
    order = {"kind": "status", "status": 200, "times": 1}
    await server.call("POST", "/_dev/faults", order, status=201)
    await delivered(server, fake)
    await app.start()
    await delivered(server, app)
    await app_is(server, app.url)
