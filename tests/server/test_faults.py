async def test_a_fault_makes_a_delivery_fail_once_and_is_visible(start, make_app):
    app = make_app()
    await app.start()
    server = await start(retry_interval_ms=0)
    await server.call(
        "POST",
        "/_dev/faults",
        {"kind": "status", "filter": "dest:/api/orders label:x", "status": 503, "times": 1},
        status=201,
    )
    assert (await server.status())["faults"] == 1
    message_id = await server.publish(f"{app.url}/api/orders", Upstash_Label="x")
    await server.publish(f"{app.url}/api/orders", Upstash_Label="y")
    await server.wait("state:delivered", 2)
    assert (await server.row(message_id))["try"] == 2
    assert (await server.status())["faults"] == 0
    rules = (await server.call("GET", "/_dev/faults"))["faults"]
    assert [(rule["hits"], rule["active"]) for rule in rules] == [(1, False)]


async def test_a_publish_can_be_refused_as_when_too_many_come(start):
    server = await start()
    await server.call("POST", "/_dev/faults", {"kind": "publish", "times": 1}, status=201)
    await server.call("POST", "/v2/publish/http://127.0.0.1:9/", "{}", status=429)
    await server.call("POST", "/v2/publish/http://127.0.0.1:9/", "{}")


async def test_faults_are_cleared_together_one_by_one_and_by_a_reset(start):
    server = await start()
    for _ in range(3):
        await server.call("POST", "/_dev/faults", {"kind": "drop"}, status=201)
    assert await server.call("DELETE", "/_dev/faults/flt_2") == {"deleted": 1, "undo": None}
    await server.call("DELETE", "/_dev/faults/flt_2", status=404)
    assert await server.call("DELETE", "/_dev/faults") == {"deleted": 2, "undo": None}
    await server.call("POST", "/_dev/faults", {"kind": "drop"}, status=201)
    await server.call("POST", "/_dev/reset")
    assert (await server.call("GET", "/_dev/faults"))["faults"] == []


async def test_an_unknown_kind_of_fault_is_refused(start):
    server = await start()
    await server.call("POST", "/_dev/faults", {"kind": "sabotage"}, status=400)
