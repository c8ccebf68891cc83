"""What holds for every call: who is asking, how errors look, how paths are read."""

import pytest

from qstash_dev.protocol.users import DEV_USERS


@pytest.mark.parametrize("number", range(4))
async def test_each_predefined_user_has_its_public_keys(wire, number):
    keys = await wire.ok("GET", "/v2/keys", user=number)
    user = DEV_USERS[number]
    assert keys == {"current": user.current_key, "next": user.next_key}


async def test_rotation_makes_the_next_key_the_current_one_by_either_name(wire):
    first = await wire.ok("GET", "/v2/keys")
    second = await wire.ok("POST", "/v2/keys/rotate")
    third = await wire.ok("POST", "/v2/rotate")
    assert second["current"] == first["next"]
    assert third["current"] == second["next"]
    assert third == await wire.ok("GET", "/v2/keys")
    assert len({first["next"], second["next"], third["next"]}) == 3
    assert third["next"].startswith("sig_")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/publish", 400),
        ("GET", "/nothing", 404),
        ("PUT", "/v2/queues", 405),
        ("PATCH", "/v2/dlq", 405),
        ("GET", "/v2/messages/msg_unknown", 404),
        ("DELETE", "/v2/messages/msg_unknown", 404),
        ("POST", "/v2/messages/msg_unknown/retry", 404),
        ("GET", "/v2/schedules/unknown", 404),
        ("DELETE", "/v2/schedules/unknown", 404),
        ("PATCH", "/v2/schedules/unknown/pause", 404),
        ("GET", "/v2/queues/unknown", 404),
        ("POST", "/v2/queues/unknown/pause", 404),
        ("GET", "/v2/topics/unknown", 404),
        ("PATCH", "/v2/topics/unknown", 404),
        ("DELETE", "/v2/topics/unknown/endpoints", 404),
        ("GET", "/v2/flowControl/unknown", 404),
        ("GET", "/v2/dlq/1-1", 404),
        ("DELETE", "/v2/dlq/1-1", 404),
        ("POST", "/v2/dlq/retry/1-1", 404),
        ("GET", "/v2/bulkActions/unknown", 404),
        ("GET", "/v2/bulkActions?state=DONE", 400),
        ("GET", "/v2/events?cursor=x", 400),
        ("GET", "/v2/events?count=x", 400),
        ("GET", "/v2/events?order=sideways", 400),
        ("GET", "/v2/events?state=LOST", 400),
        ("GET", "/v2/events?fromDate=yesterday", 400),
        ("GET", "/v2/dlq?labeel=a", 400),
        ("DELETE", "/v2/dlq?labeel=a", 400),
        ("DELETE", "/v2/dlq?host=a", 400),
        ("DELETE", "/v2/dlq?path=a", 400),
        ("DELETE", "/v2/messages?labeel=a", 400),
    ],
)
async def test_errors_are_json_with_a_sentence(wire, method, path, status):
    body = {"headers": {}, "endpoints": []} if method in ("PATCH", "DELETE") else None
    if "/messages" in path or "/dlq" in path:
        body = None
    answer = await wire.ask(method, path, body)
    assert answer.status == status
    assert len(answer.error) > 10


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null", b"\xff\xfe", '{"endpoints": 1}'])
@pytest.mark.parametrize("path", ["/v2/queues", "/v2/topics/g/endpoints", "/v2/batch"])
async def test_a_body_that_is_no_order_is_refused_with_a_sentence(wire, path, body):
    if (path, body) == ("/v2/batch", "[]"):
        assert await wire.ok("POST", path, body) == []
        return
    answer = await wire.ask("POST", path, body)
    assert answer.status == 400
    assert "invalid" in answer.error


async def test_json_bodies_need_no_content_type(wire):
    await wire.ok("POST", "/v2/queues", '{"queueName": "q"}')
    await wire.ok("POST", "/v2/queues", '{"queueName": "q"}', {"Content-Type": "text/plain"})


async def test_names_in_paths_keep_their_case(wire):
    await wire.ok("POST", "/v2/queues", {"queueName": "Orders"})
    assert (await wire.ok("GET", "/V2/QUEUES/Orders"))["name"] == "Orders"
    assert (await wire.ask("GET", "/v2/queues/orders")).status == 404


async def test_the_go_sdk_creates_schedules_under_a_capital_letter(wire):
    path = "/v2/Schedules/http://localhost:3000/Path"
    created = await wire.ok("POST", path, headers={"Upstash-Cron": "* * * * *"})
    found = await wire.ok("GET", f"/v2/Schedules/{created['scheduleId']}")
    assert found["destination"] == "http://localhost:3000/Path"


async def test_runs_are_cancelled_in_the_background_if_that_is_asked_for(wire):
    url = "http://localhost:1/wf"
    for number in (1, 2):
        headers = {"Upstash-Workflow-RunId": f"wfr_{number}", "Upstash-Delay": "1d"}
        await wire.ok("POST", f"/v2/trigger/{url}", headers=headers)
    answer = await wire.ask("DELETE", f"/v2/workflows/runs?async=true&workflowUrl={url}")
    assert answer.status == 202
    action_id = answer.json["actionId"]
    found = await wire.ok("GET", f"/v2/workflows/bulkActions/{action_id}")
    assert (found["kind"], found["state"], found["total"]) == ("cancel", "FINISHED", 2)
    assert found["filter"] == {"workflowUrl": [url]}
    assert await wire.ok("GET", "/v2/workflows/bulkActions") == {"bulkActions": [found]}
    assert await wire.ok("GET", "/v2/bulkActions") == {"bulkActions": []}
    assert (await wire.ask("GET", "/v2/workflows/bulkActions/bulk_9")).status == 404
    assert (await wire.ask("GET", "/v2/workflows/nothing")).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_webhook_of_a_workflow_is_called_without_a_token(wire, method):
    path = "/v2/Workflows/hooks/defaultUser/wfr_1/event"
    answer = await wire.ask(method, path, token="")
    assert answer.status == 404
    assert "there is no live workflow run wfr_1" in answer.error


@pytest.mark.parametrize(
    "path", ["/v2/workflows/runs/wfr_1", "/v2/workflows/hooks", "/v2/wait/event", "/v2/keys"]
)
async def test_all_else_needs_a_token(wire, path):
    assert (await wire.ask("GET", path, token="")).status == 401
