"""What people delete or cancel can be taken back for a while, whole."""

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.conftest import App

FLOW = {"flow_control_key": "k", "flow_control_value": "rate=1"}


async def undo(api: Api, *orders: str) -> Any:
    return await api.ok("POST", "/_dev/undo", json={"ids": list(orders)})


async def whole(api: Api, message_id: str) -> Any:
    return await api.ok("GET", f"/_dev/messages/{message_id}")


async def failed(api: Api, app: App) -> str:
    url = app.answers("/bad", {"status": 500})
    message_id = await api.publish(url, b'{"a": 1}', retries=0, label="one")
    await api.wait(f"id:{message_id} state:failed")
    return message_id


async def test_a_deleted_message_comes_back_whole(api: Api, app: App) -> None:
    message_id = await failed(api, app)
    before = await whole(api, message_id)
    answer = await api.ok("DELETE", f"/_dev/messages/{message_id}")
    assert (await api.call("GET", f"/_dev/messages/{message_id}"))[0] == 404
    assert await undo(api, answer["undo"]) == {"restored": 1}
    assert await whole(api, message_id) == before
    assert before["row"]["dlq_id"]
    assert await api.ok("POST", f"/_dev/dlq/{before['row']['dlq_id']}/retry")


async def test_a_cleared_list_comes_back(api: Api, app: App) -> None:
    ids = {await failed(api, app) for _ in range(3)}
    answer = await api.ok("DELETE", "/_dev/messages")
    assert (answer["deleted"], (await api.ok("GET", "/_dev/messages"))["total"]) == (3, 0)
    assert await undo(api, answer["undo"]) == {"restored": 3}
    page = await api.ok("GET", "/_dev/messages?filter=label:one")
    assert {row["id"] for row in page["rows"]} == ids


async def test_a_removed_dead_letter_comes_back(api: Api, app: App) -> None:
    row = (await whole(api, await failed(api, app)))["row"]
    answer = await api.ok("DELETE", f"/_dev/dlq/{row['dlq_id']}")
    assert (await api.ok("GET", "/_dev/dlq"))["entries"] == []
    assert await undo(api, answer["undo"]) == {"restored": 1}
    (entry,) = (await api.ok("GET", "/_dev/dlq"))["entries"]
    assert entry["dlq_id"] == row["dlq_id"]


@pytest.mark.parametrize("headers", [{}, FLOW])
async def test_a_cancelled_message_waits_again_until_its_time(
    api: Api, app: App, headers: dict[str, Any]
) -> None:
    message_id = await api.publish(app.url, delay="1h", **headers)
    before = (await whole(api, message_id))["row"]
    answer = await api.ok("POST", f"/_dev/messages/{message_id}/cancel")
    assert await undo(api, answer["undo"]) == {"restored": 1}
    after = (await whole(api, message_id))["row"]
    assert (after["state"], after["due_at"]) == ("delayed", before["due_at"])
    await api.ok("POST", f"/_dev/messages/{message_id}/run")
    await api.wait(f"id:{message_id} state:ok")


async def test_what_was_taken_back_or_forgotten_cannot_be_again(api: Api, app: App) -> None:
    answer = await api.ok("DELETE", f"/_dev/messages/{await failed(api, app)}")
    await undo(api, answer["undo"])
    again = await api.error("POST", "/_dev/undo", json={"ids": [answer["undo"]]})
    assert again == (404, "nothing to undo: it is over 60 seconds ago")
    gone = await api.ok("DELETE", "/_dev/messages")
    await api.ok("POST", "/_dev/reset")
    assert (await api.error("POST", "/_dev/undo", json={"ids": [gone["undo"]]}))[0] == 404


async def test_what_was_not_done_offers_no_undo(api: Api) -> None:
    await api.publish("http://127.0.0.1:1/x", delay="1h")
    assert await api.ok("DELETE", "/_dev/messages") == {"deleted": 0, "undo": None}
