import asyncio

from tests.patience import PATIENCE_S


async def test_messages_wait_for_the_app_and_are_delivered_in_order_when_it_is_up(start, make_app):
    app = make_app()
    server = await start(hold=True, app_url=app.url)
    for number in range(3):
        await server.call("POST", f"/v2/enqueue/mail/{app.url}/{number}", "{}")
    rows = await server.wait("state:held")
    assert rows[0]["due_at"] is None
    assert rows[0]["hint"] == (
        f"Nothing listens at {app.url}: it is delivered as soon as your app does."
    )
    await app.start()
    rows = await server.wait("state:delivered", 3)
    assert [path for _, path, _, _ in app.requests] == ["/0", "/1", "/2"]
    assert {row["try"] for row in rows} == {1}
    assert app.requests[0][2]["Upstash-Retried"] == "0"


async def test_held_messages_are_counted_and_their_event_says_why(start, make_app):
    app = make_app()
    server = await start(hold=True)
    message_id = await server.publish(app.url)
    await server.wait("is:held")
    snapshot = await server.call("GET", "/_dev/snapshot")
    assert snapshot["counts"]["held"] == 1
    last = (await server.call("GET", f"/_dev/messages/{message_id}"))["events"][-1]
    assert last["state"] == "RETRY"
    assert last["error"].startswith("held: ")


async def test_run_now_tries_a_held_message_and_holds_it_again(start, make_app):
    app = make_app()
    server = await start(hold=True)
    message_id = await server.publish(app.url)
    await server.wait("state:held")
    await server.call("POST", f"/_dev/messages/{message_id}/run")
    await server.wait("state:held")
    row = await server.row(message_id)
    assert row["try"] == 0


async def test_a_held_message_can_be_cancelled(start, make_app):
    app = make_app()
    server = await start(hold=True)
    message_id = await server.publish(app.url)
    await server.wait("state:held")
    await server.call("POST", f"/_dev/messages/{message_id}/cancel")
    assert (await server.row(message_id))["state"] == "canceled"
    assert (await server.call("GET", "/_dev/snapshot"))["counts"]["held"] == 0


async def test_without_hold_a_refused_connection_is_a_failed_attempt(start, make_app):
    app = make_app()
    server = await start(hold=False)
    message_id = await server.publish(app.url)
    await server.wait("state:retry")
    assert (await server.row(message_id))["try"] == 1


async def test_held_messages_survive_a_restart_with_their_place_in_the_queue(
    start, make_app, tmp_path
):
    app = make_app()
    server = await start(hold=True, data_dir=tmp_path)
    for number in range(2):
        await server.call("POST", f"/v2/enqueue/mail/{app.url}/{number}", "{}")
    await server.wait("state:held")
    await server.server.stop()
    server = await start(hold=True, data_dir=tmp_path)
    assert (await server.call("GET", "/_dev/snapshot"))["counts"]["held"] == 1
    await app.start()
    await server.wait("state:delivered", 2)
    assert [path for _, path, _, _ in app.requests] == ["/0", "/1"]


async def test_external_destinations_are_held_until_they_are_run(start, make_app):
    server = await start(external="hold")
    message_id = await server.publish("https://nowhere.invalid/hook", Upstash_Retries="0")
    rows = await server.wait("state:held")
    assert "--external hold" in rows[0]["hint"]
    await server.call("POST", f"/_dev/messages/{message_id}/run")
    await server.wait("state:failed")
    assert "nowhere.invalid" in (await server.row(message_id))["error"]  # it was looked up


async def test_a_routed_destination_is_not_external(start, make_app):
    app = make_app()
    await app.start()
    server = await start(external="hold", routes=(("https://my-app.example", app.url),))
    await server.publish("https://my-app.example/api")
    await server.wait("state:delivered")


async def test_the_status_shows_whether_the_app_is_up(start, make_app):
    app = make_app()
    await app.start()
    server = await start(app_url=app.url)
    async with asyncio.timeout(PATIENCE_S):
        while (await server.status())["app"]["up"] is None:
            await server.server._notifier.changed_since(server.server._notifier.version)
    shown = {"url": app.url, "up": True, "process": None, "may_restart": False}
    assert (await server.status())["app"] == shown
    assert app.requests == []  # connections only, never HTTP
