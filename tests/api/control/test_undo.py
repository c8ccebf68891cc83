"""What people delete or cancel can be taken back for a while, whole."""

from typing import Any

import pytest

from tests.api.conftest import TOKENS, Api
from tests.conftest import App

FLOW = {"flow_control_key": "k", "flow_control_value": "rate=1"}


async def undo(api: Api, *orders: str) -> Any:
    back = await api.ok("POST", "/_dev/undo", json={"ids": list(orders)})
    told = "are as before." if back["restored"] > 1 else "is as before."
    told = told if back["restored"] or back["things"] else "Nothing was undone"
    assert told in back.pop("told")
    return back


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
    assert await undo(api, answer["undo"]) == {"restored": 1, "things": []}
    assert await whole(api, message_id) == before
    assert before["row"]["dlq_id"]
    assert await api.ok("POST", f"/_dev/dlq/{before['row']['dlq_id']}/retry")


async def test_a_cleared_list_comes_back(api: Api, app: App) -> None:
    ids = {await failed(api, app) for _ in range(3)}
    answer = await api.ok("DELETE", "/_dev/messages")
    assert (answer["deleted"], (await api.ok("GET", "/_dev/messages"))["total"]) == (3, 0)
    assert await undo(api, answer["undo"]) == {"restored": 3, "things": []}
    page = await api.ok("GET", "/_dev/messages?filter=label:one")
    assert {row["id"] for row in page["rows"]} == ids


async def test_a_removed_dead_letter_comes_back(api: Api, app: App) -> None:
    row = (await whole(api, await failed(api, app)))["row"]
    answer = await api.ok("DELETE", f"/_dev/dlq/{row['dlq_id']}")
    assert (await api.ok("GET", "/_dev/dlq"))["entries"] == []
    assert await undo(api, answer["undo"]) == {"restored": 1, "things": []}
    (entry,) = (await api.ok("GET", "/_dev/dlq"))["entries"]
    assert entry["dlq_id"] == row["dlq_id"]


@pytest.mark.parametrize("headers", [{}, FLOW])
async def test_a_cancelled_message_waits_again_until_its_time(
    api: Api, app: App, headers: dict[str, Any]
) -> None:
    message_id = await api.publish(app.url, delay="1h", **headers)
    before = (await whole(api, message_id))["row"]
    answer = await api.ok("POST", f"/_dev/messages/{message_id}/cancel")
    assert await undo(api, answer["undo"]) == {"restored": 1, "things": []}
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


DAILY = {"Upstash-Cron": "0 9 * * *", "Upstash-Schedule-Id": "daily"}
THINGS = {
    "schedule": ("schedules/daily", "/v2/schedules/daily", "schedule daily"),
    "queue": ("queues/mail", "/v2/queues/mail", "queue mail"),
    "group": ("groups/team", "/v2/topics/team", "group team"),
    "flow": ("flow/k", "/v2/flowControl/k", "flow-control key k"),
}


async def do(api: Api, path: str, **options: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['defaultUser']}", **options.pop("headers", {})}
    async with api.session.post(api.url + path, headers=headers, **options) as answer:
        assert answer.status < 300


async def make(api: Api, kind: str, url: str) -> None:
    if kind == "schedule":
        await do(api, f"/v2/schedules/{url}", headers=DAILY)
    elif kind == "queue":
        await do(api, "/v2/queues", json={"queueName": "mail", "parallelism": 3})
        await do(api, "/v2/queues/mail/pause")
    elif kind == "group":
        await do(api, "/v2/topics/team/endpoints", json={"endpoints": [{"url": url}]})
    else:
        await do(api, "/v2/flowControl/k/pin?rate=5")


@pytest.mark.parametrize("kind", THINGS)
async def test_a_deleted_thing_comes_back_as_it_was(api: Api, app: App, kind: str) -> None:
    place, path, words = THINGS[kind]
    await make(api, kind, app.url)
    before = await api.ok("GET", path)
    answer = await api.ok("DELETE", f"/_dev/{place}")
    assert (answer["deleted"], (await api.call("GET", path))[0]) == (1, 404)
    assert await undo(api, answer["undo"]) == {"restored": 0, "things": [words]}
    assert await api.ok("GET", path) == before
    answer = await api.ok("DELETE", f"/_dev/{place}")
    await make(api, kind, app.url)
    assert await undo(api, answer["undo"]) == {"restored": 0, "things": []}


async def test_a_deleted_queue_comes_back_with_what_waited_in_it(api: Api, app: App) -> None:
    await make(api, "queue", app.url)
    ids = [(await api.ok("POST", f"/v2/enqueue/mail/{app.url}"))["messageId"] for _ in range(3)]
    answer = await api.ok("DELETE", "/_dev/queues/mail")
    await api.wait("state:canceled", count=3)
    assert await undo(api, answer["undo"]) == {"restored": 3, "things": ["queue mail"]}
    assert (await api.ok("GET", "/v2/queues/mail"))["lag"] == 3
    await do(api, "/v2/queues/mail/resume")
    for message_id in ids:
        await api.wait(f"id:{message_id} state:ok")
