import asyncio
import json


async def test_a_wrong_key_in_the_apps_env_file_is_named(start, make_app, tmp_path):
    (tmp_path / ".env.local").write_text("QSTASH_CURRENT_SIGNING_KEY=sig_of_somebody_else\n")
    app = make_app(lambda path, count: 500)
    await app.start()
    server = await start(watch=tmp_path)
    message_id = await server.publish(f"{app.url}/api/orders", Upstash_Retries=0)
    await server.wait("state:failed")
    detail = await server.call("GET", f"/_dev/messages/{message_id}")
    assert ".env.local" in detail["hint"]
    assert detail["row"]["hint"] == detail["hint"]
    errors = [event for event in detail["events"] if event["hint"]]
    assert [(event["state"], event["hint"]) for event in errors] == [("ERROR", detail["hint"])]


async def test_the_nearest_route_file_is_named_for_a_404(start, make_app, tmp_path):
    route = tmp_path / "app" / "api" / "orders" / "route.ts"
    route.parent.mkdir(parents=True)
    route.write_text("export const POST = () => {}\n")
    app = make_app(lambda path, count: 404)
    await app.start()
    server = await start(watch=tmp_path)
    message_id = await server.publish(f"{app.url}/api/order", Upstash_Retries=0)
    await server.wait("state:failed")
    assert "app/api/orders/route.ts" in (await server.row(message_id))["hint"]


async def test_a_handler_that_has_answered_before_is_not_said_to_be_compiled(start, make_app):
    may_answer = asyncio.Event()

    async def hang():
        await may_answer.wait()
        return 200

    app = make_app(lambda path, count: 200 if count == 1 else hang())
    await app.start()
    server = await start()
    await server.publish(app.url)
    await server.wait("state:delivered")
    message_id = await server.publish(app.url, Upstash_Retries=0, Upstash_Timeout="1s")
    await server.wait("state:failed")
    may_answer.set()
    assert "The handler did not answer within 1s" in (await server.row(message_id))["hint"]


async def test_a_success_after_a_failure_takes_the_hint_away(start, make_app):
    app = make_app(lambda path, count: 401 if count == 1 else 200)
    await app.start()
    server = await start(retry_interval_ms=0)
    message_id = await server.publish(app.url)
    await server.wait("state:delivered")
    row = await server.row(message_id)
    assert row["try"] == 2
    assert row["hint"] is None


async def test_a_fault_on_purpose_is_not_blamed_on_the_app(start, make_app):
    app = make_app()
    server = await start()
    await server.call("POST", "/_dev/faults", {"kind": "status"}, status=201)
    message_id = await server.publish(app.url, Upstash_Retries=0)
    await server.wait("state:failed")
    assert (await server.row(message_id))["hint"] == "Fault flt_1 answered, not your app."


async def test_differences_to_the_cloud_are_marked_on_the_row(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    message_id = await server.publish(
        app.url, json.dumps({"a": 1}), Content_Type="text/plain", Upstash_Invented="1"
    )
    plain = await server.publish(app.url, "hello", Content_Type="text/plain")
    row = await server.row(message_id)
    assert any("Upstash-Invented" in lint for lint in row["lints"])
    detail = await server.call("GET", f"/_dev/messages/{message_id}")
    assert detail["lints"] == row["lints"]
    assert (await server.row(plain))["lints"] == []


async def test_a_callback_that_the_cloud_cannot_reach_is_marked(start):
    server = await start(external="hold")
    message_id = await server.publish(
        "https://example.com/", Upstash_Callback="http://localhost:3000/done"
    )
    assert any(
        "the callback goes to localhost" in x for x in (await server.row(message_id))["lints"]
    )


async def test_a_lint_that_has_become_the_cause_is_said_once(start, make_app):
    app = make_app(lambda path, count: 400)
    await app.start()
    server = await start()
    message_id = await server.publish(
        f"{app.url}/x", '{"a":1}', Upstash_Retries=0, Content_Type="text/plain"
    )
    [row] = await server.wait("state:failed")
    assert "its Content-Type is text/plain" in row["lints"][0]
    detail = await server.call("GET", f"/_dev/messages/{message_id}")
    assert row["lints"][0] in detail["hint"]
    assert detail["lints"] == detail["row"]["lints"] == []
