"""The control API's messages: whole with every attempt, in pages, and what people do to them."""

import asyncio
import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.conftest import App
from tests.patience import PATIENCE_MS

NOWHERE = "http://127.0.0.1:1/x"
ROW = {
    "seq", "id", "user", "kind", "parent", "state", "method", "url", "created_at", "updated_at",
    "due_at", "try", "tries", "status", "duration_ms", "error", "hint", "labels", "queue", "topic",
    "endpoint", "schedule", "flow_key", "dlq_id", "replays", "body_size", "content_type", "source",
    "lints",
}  # fmt: skip
EVENT = {"seq", "time", "id", "user", "state", "error", "status", "next_at", "url", "method"}


async def detail(api: Api, message_id: str, query: str = "") -> Any:
    return await api.ok("GET", f"/_dev/messages/{message_id}{query}")


async def rows(api: Api, query: str = "") -> list[str]:
    found = await api.ok("GET", f"/_dev/messages{query}")
    return [row["id"] for row in found["rows"]]


async def raw(api: Api, path: str) -> tuple[int, bytes, dict[str, str]]:
    async with api.session.get(api.url + path) as response:
        return response.status, await response.read(), dict(response.headers)


# One message


async def test_a_delivered_message_with_its_attempt(api: Api, app: App) -> None:
    url = app.answers("/ok", {"body": b"fine", "headers": {"x-a": "1", "Set-Cookie": "secret"}})
    message_id = await api.publish(
        url, b'{"a": 1}', forward_authorization="Bearer abcdefghijklmnop"
    )
    await api.wait(f"id:{message_id} state:ok")
    whole = await detail(api, message_id)
    assert whole["row"].keys() >= ROW
    assert whole["row"]["state"] == "delivered"
    assert (whole["row"]["try"], whole["row"]["tries"], whole["row"]["status"]) == (1, 4, 200)
    assert whole["request"]["method"] == "POST"
    assert whole["request"]["url"] == url
    assert whole["request"]["body"]["text"] == '{"a": 1}'
    assert ["Authorization", "Bearer ****mnop"] in whole["request"]["headers"]
    (attempt,) = whole["attempts"]
    assert (attempt["number"], attempt["target"], attempt["failure"]) == (1, url, None)
    assert attempt["connected_ms"] <= attempt["first_byte_ms"] <= attempt["total_ms"]
    sent = dict(attempt["request"]["headers"])
    assert sent["Upstash-Message-Id"] == message_id
    assert sent["Upstash-Signature"].count(".") == 2
    answer = attempt["response"]
    assert (answer["status"], answer["http_version"]) == (200, "1.1")
    assert answer["body"] == {"size": 4, "truncated": False, "text": "fine", "base64": None}
    assert ["X-A", "1"] in answer["headers"]
    assert ["Set-Cookie", "****"] in answer["headers"]
    assert [event["state"] for event in whole["events"]] == ["CREATED", "ACTIVE", "DELIVERED"]
    assert all(event.keys() >= EVENT for event in whole["events"])
    signature = whole["signature"]
    assert (signature["valid"], signature["key"], signature["problems"]) == (True, "current", [])
    assert signature["claims"]["sub"] == url
    assert whole["links"] == {"parent": None, "children": [], "siblings": []}
    assert (whole["hint"], whole["lints"]) == (None, [])


async def test_secrets_are_shown_to_who_asks(api: Api, app: App) -> None:
    secret = "Bearer abcdefghijklmnop"
    message_id = await api.publish(
        app.url,
        forward_authorization=secret,
        callback=app.url,
        callback_forward_authorization=secret,
        callback_failure_callback=app.url,
        callback_failure_callback_forward_authorization=secret,
    )
    shown = await detail(api, message_id, "?reveal=1")
    assert ["Authorization", secret] in shown["request"]["headers"]
    assert [["Authorization", secret]] == shown["spec"]["callback"]["headers"]
    masked = await detail(api, message_id)
    assert secret not in json.dumps(masked)
    callback = masked["spec"]["callback"]
    for family in (callback, callback["failure_callback"]):
        assert family["headers"] == [["Authorization", "Bearer ****mnop"]]


async def test_an_attempt_without_an_answer_says_why(api: Api) -> None:
    message_id = await api.publish(NOWHERE, retries=0)
    await api.wait(f"id:{message_id} state:failed")
    whole = await detail(api, message_id)
    (attempt,) = whole["attempts"]
    assert attempt["response"] is None
    assert attempt["failure"]["reason"] == "refused"
    assert "connection refused" in attempt["failure"]["detail"]
    assert whole["row"]["error"] == attempt["failure"]["detail"]
    assert whole["row"]["dlq_id"] is not None
    assert whole["hint"]


async def test_what_was_asked_for_is_in_the_spec(api: Api) -> None:
    message_id = await api.publish(
        NOWHERE,
        delay="1h",
        retries=1,
        label="a,b",
        timeout="5s",
        retry_delay="1000",
        callback="http://localhost/cb",
        flow_control_key="k",
        flow_control_value="rate=1",
        nonsense="x",
    )
    whole = await detail(api, message_id)
    spec = whole["spec"]
    assert (spec["max_retries"], spec["labels"], spec["timeout_ms"]) == (1, ["a", "b"], 5_000)
    assert (spec["retry_delay"], spec["callback"]["url"]) == ("1000", "http://localhost/cb")
    assert spec["flow"] == {"key": "k", "rate": 1}
    assert whole["attempts"] == []
    assert whole["signature"] is None
    assert any("Upstash-Nonsense" in lint for lint in whole["lints"])


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", {"size": 0, "truncated": False, "text": ""}),
        ("é".encode(), {"size": 2, "truncated": False, "text": "é"}),
        (b"\xff\x00", {"size": 2, "truncated": False, "base64": "/wA="}),
        (b"x" * 262_145, {"size": 262_145, "truncated": True, "text": "x" * 262_144}),
        (  # the cut falls into a character
            b"x" + "é".encode() * 200_000,
            {"size": 400_001, "truncated": True, "text": "x" + "é" * 131_071},
        ),
        (
            b"\xff" * 300_000,
            {
                "size": 300_000,
                "truncated": True,
                "base64": b64encode(b"\xff" * 262_144).decode(),
            },
        ),
    ],
    ids=range(6),
)
async def test_of_a_large_body_the_beginning_is_shown_and_the_whole_can_be_had(
    api: Api, body: bytes, shown: dict[str, Any]
) -> None:
    message_id = await api.publish(NOWHERE, body, delay="1h")
    found = (await detail(api, message_id))["request"]["body"]
    assert found == {"text": None, "base64": None} | shown
    status, whole, headers = await raw(api, f"/_dev/messages/{message_id}/body")
    assert (status, whole) == (200, body)
    assert headers["Content-Disposition"] == "attachment"


async def test_the_answer_to_each_attempt_can_be_had_whole(api: Api, app: App) -> None:
    url = app.answers("/x", {"status": 500, "body": b"\xff\x00"}, {"body": b"second"})
    message_id = await api.publish(url, retry_delay="0")
    await api.wait(f"id:{message_id} state:ok")
    for number, body in ((1, b"\xff\x00"), (2, b"second")):
        found = await raw(api, f"/_dev/messages/{message_id}/attempts/{number}/body")
        assert found[:2] == (200, body)
    for wrong in ("0", "3", "x", "9" * 30):
        path = f"/_dev/messages/{message_id}/attempts/{wrong}/body"
        assert (await api.error("GET", path))[0] == 404


async def test_redacted_fields_stay_hashed_and_are_delivered(api: Api, app: App) -> None:
    message_id = await api.publish(
        app.url, b"secret", redact_fields="body,header[x-key]", forward_x_key="hidden"
    )
    delivered = await app.one()
    assert (delivered.body, delivered.headers["X-Key"]) == (b"secret", "hidden")
    await api.wait(f"id:{message_id} state:ok")
    whole = await detail(api, message_id, "?reveal=1")
    text = json.dumps(whole)
    assert "secret" not in text
    assert "hidden" not in text
    assert sha256(b"hidden").hexdigest() in text
    assert b"secret" not in (await raw(api, f"/_dev/messages/{message_id}/body"))[1]


async def test_what_is_given_back_as_it_is_shown_is_replayed_as_it_was(api: Api, app: App) -> None:
    secret = {"forward_x_key": "hidden", "forward_authorization": "Bearer 0123456789abcdef"}
    message_id = await api.publish(
        app.url, b"secret", redact_fields="body,header[x-key]", forward_x_plain="1", **secret
    )
    await app.one()
    path = f"/_dev/messages/{message_id}/replay"
    shown = (await detail(api, message_id))["request"]
    headers = dict(shown["headers"])
    assert headers["X-Key"].startswith("REDACTED:")
    assert "****" in headers["Authorization"]
    order = {"headers": {**headers, "X-Plain": "2"}, "body": shown["body"]["text"] + "\n"}
    await api.ok("POST", path, json=order)
    _, copy = await app.received(2)
    assert copy.body == b"secret"
    assert (copy.headers["X-Key"], copy.headers["X-Plain"]) == ("hidden", "2")
    assert copy.headers["Authorization"] == secret["forward_authorization"]
    await api.ok("POST", path, json={"headers": {"X-Plain": headers["X-Key"]}, "body": "other"})
    *_, changed = await app.received(3)
    assert (changed.body, changed.headers["X-Plain"]) == (b"other", headers["X-Key"])
    assert "X-Key" not in changed.headers


async def test_white_space_around_a_body_is_a_change(api: Api, app: App) -> None:
    message_id = await api.publish(app.url, b"x")
    await app.one()
    await api.ok("POST", f"/_dev/messages/{message_id}/replay", json={"body": " x\n"})
    assert [got.body for got in await app.received(2)] == [b"x", b" x\n"]


async def test_a_replay_may_have_headers_of_one_name(api: Api, app: App) -> None:
    message_id = await api.publish(app.url)
    await app.one()
    order = {"headers": [["X-A", "1"], ["X-B", "2"], ["X-A", "3"]]}
    await api.ok("POST", f"/_dev/messages/{message_id}/replay", json=order)
    _, copy = await app.received(2)
    assert (copy.headers.getall("X-A"), copy.headers["X-B"]) == (["1", "3"], "2")


async def test_callbacks_and_replays_are_linked(api: Api, app: App) -> None:
    message_id = await api.publish(app.url, callback=app.url + "/cb")
    await api.wait("source:callback state:ok")
    copy = (await api.ok("POST", f"/_dev/messages/{message_id}/replay"))["id"]
    await api.wait("source:callback state:ok", 2)
    children = (await detail(api, message_id))["links"]["children"]
    assert sorted(child["kind"] for child in children) == ["callback", "replay"]
    parent = (await detail(api, copy))["links"]["parent"]
    assert (parent["id"], parent["replays"]) == (message_id, 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_dev/messages/msg_none"),
        ("GET", "/_dev/messages/msg_none/body"),
        ("DELETE", "/_dev/messages/msg_none"),
        ("POST", "/_dev/messages/msg_none/replay"),
        ("POST", "/_dev/messages/msg_none/run"),
        ("POST", "/_dev/messages/msg_none/cancel"),
        ("GET", "/_dev/dlq/1-1"),
        ("POST", "/_dev/dlq/1-1/retry"),
        ("DELETE", "/_dev/dlq/1-1"),
    ],
)
async def test_what_is_not_there_is_404(api: Api, method: str, path: str) -> None:
    status, sentence = await api.error(method, path)
    assert status == 404
    assert sentence.endswith(" not found")


# Lists


async def test_a_list_comes_in_pages_in_both_orders(api: Api) -> None:
    ids = [await api.publish(NOWHERE, delay="1h", label=f"n{n % 2}") for n in range(5)]
    first = await api.ok("GET", "/_dev/messages?limit=2")
    assert [row["id"] for row in first["rows"]] == ids[:2:-1]
    assert first["total"] == 5
    pages, cursor = [], ""
    while cursor is not None:
        page = await api.ok("GET", f"/_dev/messages?limit=2&order=earliest&cursor={cursor}")
        pages += [row["id"] for row in page["rows"]]
        cursor = page["cursor"]
    assert pages == ids
    assert await rows(api, "?filter=label:n1") == [ids[3], ids[1]]
    whole = await api.ok("GET", "/_dev/messages")
    assert (len(whole["rows"]), whole["cursor"]) == (5, None)
    assert whole["rows"][0].keys() >= ROW


@pytest.mark.parametrize("path", ["/_dev/messages", "/_dev/snapshot", "/_dev/logs", "/_dev/wait"])
async def test_a_filter_that_cannot_be_read_is_400_with_a_suggestion(api: Api, path: str) -> None:
    status, sentence = await api.error("GET", f"{path}?filter=state:faild")
    assert status == 400
    assert "state:failed" in sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=many", "invalid limit: 'many' is not a whole number of 0 or more"),
        ("limit=-1", "invalid limit: '-1' is not a whole number of 0 or more"),
        (f"limit={'9' * 30}", f"invalid limit: '{'9' * 30}' has more than 18 digits"),
        ("cursor=next", "invalid cursor 'next'"),
        (f"cursor={'9' * 30}", f"invalid cursor '{'9' * 30}'"),
    ],
)
async def test_a_page_that_cannot_be_is_400(api: Api, query: str, sentence: str) -> None:
    assert await api.error("GET", f"/_dev/messages?{query}") == (400, sentence)


# What people do


async def test_a_replay_is_delivered_with_its_changes(api: Api, app: App) -> None:
    source = await api.publish(app.url + "/first", b"1", forward_x="old", label="a")
    await app.received(1)
    order = {
        "body": "2",
        "url": app.url + "/second",
        "method": "put",
        "headers": {"x": "new", "content-type": "text/plain"},
    }
    answer = await api.ok("POST", f"/_dev/messages/{source}/replay", json=order)
    second = (await app.received(1, "/second"))[0]
    assert (second.method, second.body, second.headers["X"]) == ("PUT", b"2", "new")
    assert second.headers["Upstash-Message-Id"] == answer["id"] != source
    assert second.headers["Content-Type"] == "text/plain"


async def test_a_replay_takes_what_a_person_writes(api: Api, app: App) -> None:
    source = await api.publish(app.url + "/first", b"1")
    order = {"url": app.url.removeprefix("http://") + "/written", "headers": "X: new\n\nY: a:b"}
    await api.ok("POST", f"/_dev/messages/{source}/replay", json=order)
    sent = (await app.received(1, "/written"))[0].headers
    assert (sent["X"], sent["Y"]) == ("new", "a:b")


@pytest.mark.parametrize(("body", "bytes_"), [({"base64": "/wA="}, b"\xff\x00"), ("", b"")])
async def test_a_replay_may_have_any_body(
    api: Api, app: App, body: dict[str, str] | str, bytes_: bytes
) -> None:
    source = await api.publish(app.url, b"1")
    await app.received(1)
    await api.ok("POST", f"/_dev/messages/{source}/replay", json={"body": body})
    assert (await app.received(2))[1].body == bytes_


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"method": "BREW"}, "invalid method 'BREW'"),
        ({"url": "localhost"}, "invalid destination url"),
        ({"body": {"base64": "!"}}, "invalid body"),
        ({"body": {}}, "invalid body"),
        ({"body": {"base64": 1}}, "invalid body"),
        (
            {"body": {"order": 1}},
            'invalid body: expected text (of JSON, too: a string) or {"base64": "..."}',
        ),
        ({"headers": "a"}, 'A header is "Name: value", not "a".'),
        ({"headers": {"a b": "c"}}, "invalid header name 'a b'"),
        ({"headers": {"a": "b\r\nc: d"}}, "invalid value of header A"),
        ({"bodi": "x"}, "invalid JSON body"),
    ],
)
async def test_a_replay_that_cannot_be_is_400_and_makes_nothing(
    api: Api, order: dict[str, Any], sentence: str
) -> None:
    source = await api.publish(NOWHERE, delay="1h")
    status, message = await api.error("POST", f"/_dev/messages/{source}/replay", json=order)
    assert (status, message[: len(sentence)]) == (400, sentence)
    assert await rows(api) == [source]


async def test_many_are_replayed_by_ids_or_by_a_filter(api: Api, app: App) -> None:
    ids = [await api.publish(app.url, label="x") for _ in range(3)]
    await api.wait("state:ok", 3)
    answer = await api.ok("POST", "/_dev/replay", json={"ids": [ids[0], "msg_none"]})
    assert [pair["id"] for pair in answer["replayed"]] == [ids[0]]
    assert answer["failed"] == [{"id": "msg_none", "error": "message msg_none not found"}]
    answer = await api.ok("POST", "/_dev/replay", json={"filter": "label:x -is:replay"})
    assert [pair["id"] for pair in answer["replayed"]] == ids
    await api.wait("is:replay state:ok", 4)
    assert (await api.error("POST", "/_dev/replay", json={}))[0] == 400


async def test_a_waiting_message_runs_now_and_a_finished_one_does_not(api: Api, app: App) -> None:
    message_id = await api.publish(app.url, delay="1h")
    assert await api.ok("POST", f"/_dev/messages/{message_id}/run") == {"id": message_id}
    await api.wait(f"id:{message_id} state:ok")
    status, sentence = await api.error("POST", f"/_dev/messages/{message_id}/run")
    assert (status, sentence) == (
        409,
        f"message {message_id} cannot be run now: it is delivered",
    )


async def test_a_message_is_cancelled_and_then_forgotten(api: Api) -> None:
    message_id = await api.publish(NOWHERE, delay="1h")
    assert (await api.error("DELETE", f"/_dev/messages/{message_id}"))[0] == 409
    assert (await api.ok("POST", f"/_dev/messages/{message_id}/cancel"))["id"] == message_id
    assert (await api.error("POST", f"/_dev/messages/{message_id}/cancel"))[0] == 409
    assert (await api.ok("DELETE", f"/_dev/messages/{message_id}"))["deleted"] == 1
    assert (await api.error("GET", f"/_dev/messages/{message_id}"))[0] == 404


async def test_finished_messages_are_forgotten_by_a_filter(api: Api, app: App) -> None:
    for _ in range(3):
        await api.publish(app.url, label="x")
    kept = await api.publish(NOWHERE, label="x", delay="1h")
    await api.wait("state:ok", 3)
    assert (await api.ok("DELETE", "/_dev/messages?filter=label:x"))["deleted"] == 3
    assert await rows(api) == [kept]


async def test_waiting_ends_when_enough_match_or_the_time_is_over(api: Api, app: App) -> None:
    enough = f"/_dev/wait?filter=state:ok&count=2&timeout_ms={PATIENCE_MS}"
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(api.ok("GET", enough))
        for _ in range(2):
            await api.publish(app.url)
    found = waiting.result()
    assert found["met"] is True
    assert [row["state"] for row in found["rows"]] == ["delivered", "delivered"]
    late = await api.ok("GET", "/_dev/wait?filter=state:failed&timeout_ms=1")
    assert (late["met"], late["rows"]) == (False, [])
    assert late["nearest"].startswith(
        "Nearest: 2 messages match all but state:failed: delivered 200 "
    )


async def test_many_who_wait_each_get_their_own_and_what_there_was_when_it_ends(
    api: Api, app: App
) -> None:
    url = app.answers("/x", 500)
    gone = await api.publish(url, retries=0)
    await api.wait(f"id:{gone} state:failed")
    waits = "/_dev/wait?filter=label:{0}&count={1}&timeout_ms={2}"
    async with asyncio.TaskGroup() as group:
        each = [
            group.create_task(api.ok("GET", waits.format(f"n{n}", 1, PATIENCE_MS)))
            for n in range(20)
        ]
        both = group.create_task(
            api.ok("GET", f"/_dev/wait?filter=state:failed&count=2&timeout_ms={PATIENCE_MS}")
        )
        some = group.create_task(api.ok("GET", waits.format("n1", 2, 300)))
        await api.ok("DELETE", f"/_dev/messages/{gone}")
        ids = [await api.publish(url, retries=0, label=f"n{n}") for n in range(20)]
    assert [[row["id"] for row in one.result()["rows"]] for one in each] == [[id_] for id_ in ids]
    assert both.result()["met"]
    assert gone not in {row["id"] for row in both.result()["rows"]}
    assert not some.result()["met"]


async def test_who_waits_sees_what_is_back_after_an_undo(api: Api, app: App) -> None:
    url = app.answers("/x", 500)
    first, _ = [await api.publish(url, retries=0) for _ in range(2)]
    await api.wait("state:failed", 2)
    order = (await api.ok("DELETE", f"/_dev/messages/{first}"))["undo"]
    async with asyncio.TaskGroup() as group:
        both = group.create_task(api.wait("state:failed", 2))
        await api.wait("state:failed")
        await api.ok("POST", "/_dev/undo", json={"ids": [order]})
    assert first in {row["id"] for row in both.result()}


async def test_the_dead_letter_queue_of_all_users(api: Api, app: App) -> None:
    url = app.answers("/x", 500)
    ids = [await api.publish(url, retries=0) for _ in range(3)]
    await api.wait("state:failed", 3)
    first = await api.ok("GET", "/_dev/dlq?limit=2")
    assert [entry["row"]["id"] for entry in first["entries"]] == ids[:0:-1]
    second = await api.ok("GET", f"/_dev/dlq?limit=2&cursor={first['cursor']}")
    (entry,) = second["entries"]
    assert (entry["row"]["id"], second["cursor"]) == (ids[0], None)
    assert entry["row"]["dlq_id"] == entry["dlq_id"]
    app.answers("/x", 200)
    assert await api.ok("GET", f"/_dev/dlq/{entry['dlq_id']}") == entry
    again = await api.ok("POST", f"/_dev/dlq/{entry['dlq_id']}/retry")
    await api.wait(f"id:{again['id']} state:ok")
    assert (await api.ok("GET", "/_dev/snapshot"))["counts"]["dlq"] == 2
    gone = first["entries"][0]["dlq_id"]
    assert (await api.ok("DELETE", f"/_dev/dlq/{gone}"))["deleted"] == 1
    assert (await api.error("DELETE", f"/_dev/dlq/{gone}"))[0] == 404
