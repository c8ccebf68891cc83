"""Redaction: what is hidden is nowhere to be seen, and delivered whole. And what is somebody else's."""

import contextlib
import hashlib
import json
from base64 import b64decode

import jwt
import pytest

from qstash_dev.protocol.users import DEV_USERS
from tests.api.wire import upstash

BODY = b"body-secret-kilo"
X = "header-secret-lima"
Y = "header-secret-mike"
TYPE = "text/type-secret-november"


def hashed(value):
    data = value if isinstance(value, bytes) else value.encode()
    return f"REDACTED:{hashlib.sha256(data).hexdigest()}"


PUBLIC = [
    "/v2/messages/{id}",
    "/v2/events",
    "/v2/logs",
    "/v2/dlq",
    "/v2/dlq/{dlq}",
    "/v2/schedules",
    "/v2/schedules/s",
    "/_dev/snapshot",
    "/_dev/messages",
    "/_dev/messages/{id}",
    "/_dev/messages/{id}?reveal=true",
    "/_dev/messages/{callback}",
    "/_dev/messages/{callback}?reveal=true",
    "/_dev/messages/{id}/body",
    "/_dev/messages/{callback}/body",
    "/_dev/messages/{retried}?reveal=true",
    "/_dev/dlq",
    "/_dev/logs",
    "/_dev/schedules",
    "/_dev/wait?count=1",
]


def secrets(text):
    """All that is readable in an answer, also what is base64 in JSON strings."""
    readable = [text]

    def look(value):
        if isinstance(value, dict):
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)
        elif isinstance(value, str):
            try:
                readable.append(b64decode(value, validate=True).decode("latin-1"))
            except ValueError:
                return

    with contextlib.suppress(ValueError):
        look(json.loads(text))
    return {word for word in ("kilo", "lima", "mike", "november") if word in "".join(readable)}


@pytest.mark.parametrize(
    ("fields", "hidden"),
    [
        ("body,header", {"kilo", "lima", "mike", "november"}),
        ("body", {"kilo"}),
        ("headers", {"lima", "mike", "november"}),
        ("header[x-secret]", {"lima"}),
        (" Body , headers[X-Secret],header[Y-Secret]", {"kilo", "lima", "mike"}),
    ],
)
async def test_what_is_redacted_is_shown_nowhere_and_delivered_everywhere(
    wire, app, fields, hidden
):
    headers = {
        "Content-Type": TYPE,
        **upstash(
            redact_fields=fields,
            forward_x_secret=X,
            forward_y_secret=Y,
            retries=0,
            failure_callback=f"{app.url}/callback",
            failure_callback_forward_x_secret=f"{X}-5",
        ),
    }
    url = app.answers("/bad", 500)
    answer = await wire.ok("POST", f"/v2/publish/{url}", BODY, headers)
    cron = upstash(cron="0 0 1 1 *", schedule_id="s")
    await wire.ok("POST", f"/v2/schedules/{url}", BODY, {**headers, **cron})
    await wire.idle()
    source = await app.one("/bad")
    assert (source.body, source.headers["X-Secret"], source.headers["Y-Secret"]) == (BODY, X, Y)
    callback = await app.one("/callback")
    assert b64decode(callback.json["sourceBody"]) == BODY
    assert callback.json["sourceHeader"]["X-Secret"] == [X]
    assert callback.headers["X-Secret"] == f"{X}-5"
    (letter,) = (await wire.ok("GET", "/v2/dlq"))["messages"]
    ids = {"id": answer["messageId"], "dlq": letter["dlqId"]}
    ids["callback"] = callback.headers["Upstash-Message-Id"]
    retry = await wire.ok("POST", f"/_dev/messages/{ids['id']}/replay", {})
    ids["retried"] = retry["id"]
    await wire.idle()
    for path in PUBLIC:
        answer = await wire.ask("GET", path.format(**ids))
        text = answer.body.decode()
        assert answer.status == 200
        if "november" in hidden:
            assert "november" not in answer.headers["Content-Type"]
        assert not secrets(text) & hidden, path
    shown = (await wire.ask("GET", "/v2/events")).body.decode()
    assert secrets(shown) >= {"kilo", "lima", "mike", "november"} - hidden or "callback" in fields


@pytest.mark.parametrize(
    ("fields", "finds", "misses"),
    [
        ("body", ["header:x-secret=*lima"], ["body:kilo", "kilo", "body:*secret*"]),
        ("header", ["body:kilo", "kilo"], ["header:x-secret=*lima", "header:y-secret=*mike"]),
        ("header[X-Secret]", ["header:y-secret=*mike"], ["header:x-secret=h*"]),
        ("body,header[y-secret]", ["header:x-secret=*lima"], ["body:kilo", "header:y-secret=h*"]),
    ],
)
async def test_a_search_sees_what_is_shown(wire, fields, finds, misses):
    headers = upstash(redact_fields=fields, forward_x_secret=X, forward_y_secret=Y, delay="1h")
    await wire.ok("POST", "/v2/publish/http://localhost:3000/", BODY, headers)
    for route in ("messages", "logs"):
        for filter_ in (*finds, "header:x-secret"):
            answer = await wire.ok("GET", f"/_dev/{route}?filter={filter_}")
            assert len(answer.get("rows", answer.get("events"))) == 1, filter_
        for filter_ in misses:
            answer = await wire.ok("GET", f"/_dev/{route}?filter={filter_}")
            assert answer.get("rows", answer.get("events")) == [], filter_
    if "body" in fields:
        found = await wire.ok("GET", f"/_dev/messages?filter=body:{hashed(BODY)}")
        assert found["total"] == 1


async def test_the_hash_is_the_sha_256_of_the_value_in_hex(wire):
    headers = upstash(redact_fields="body,header[X]", forward_x=X, forward_y=Y, delay="1h")
    answer = await wire.ok("POST", "/v2/publish/http://localhost", BODY, headers)
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["body"] == hashed(BODY)
    assert message["header"] == {"X": [hashed(X)], "Y": [Y]}
    (event,) = await wire.events()
    assert b64decode(event["body"]).decode() == hashed(BODY)
    assert event["header"] == message["header"]


@pytest.mark.parametrize("fields", ["url", "header[", "header[a b]", "bodies"])
async def test_fields_that_cannot_be_redacted_are_refused(wire, fields):
    headers = upstash(redact_fields=fields)
    answer = await wire.ask("POST", "/v2/publish/http://localhost", BODY, headers)
    assert answer.status == 400
    assert "Upstash-Redact-Fields" in answer.error


# Four users, four worlds


@pytest.fixture
async def mine(wire, app):
    """One of everything, made by the first user."""
    await wire.ok("POST", "/v2/queues", {"queueName": "q", "parallelism": 3})
    await wire.ok("POST", "/v2/topics/g/endpoints", {"endpoints": [{"url": app.url}]})
    headers = upstash(cron="0 0 1 1 *", schedule_id="s")
    await wire.ok("POST", f"/v2/schedules/{app.url}", b"", headers)
    flow = {"flow_control_key": "k", "flow_control_value": "parallelism=3"}
    waiting = await wire.publish(app.url, delay="1h", **flow)
    await wire.publish(app.answers("/bad", 500), retries=0)
    await wire.idle()
    action = (await wire.ok("DELETE", "/v2/messages?async=true&label=none"))["actionId"]
    (letter,) = (await wire.ok("GET", "/v2/dlq"))["messages"]
    return {"id": waiting, "dlq": letter["dlqId"], "action": action}


@pytest.mark.parametrize("user", [1, 2, 3])
async def test_another_user_sees_nothing_of_it(wire, mine, user):
    for path, key in (
        ("/v2/queues", None),
        ("/v2/topics", None),
        ("/v2/schedules", None),
        ("/v2/flowControl", None),
        ("/v2/events", "events"),
        ("/v2/logs", "logs"),
        ("/v2/dlq", "messages"),
        ("/v2/bulkActions", "bulkActions"),
        (f"/v2/events?messageId={mine['id']}", "events"),
        (f"/v2/dlq?dlqIds={mine['dlq']}", "messages"),
    ):
        document = await wire.ok("GET", path, user=user)
        assert (document[key] if key else document) == [], path


OTHERS = [
    ("GET", "/v2/messages/{id}", 404),
    ("DELETE", "/v2/messages/{id}", 404),
    ("POST", "/v2/messages/{id}/retry", 404),
    ("GET", "/v2/queues/q", 404),
    ("POST", "/v2/queues/q/pause", 404),
    ("DELETE", "/v2/queues/q", 200),
    ("GET", "/v2/topics/g", 404),
    ("DELETE", "/v2/topics/g", 200),
    ("POST", "/v2/publish/g", 404),
    ("GET", "/v2/schedules/s", 404),
    ("DELETE", "/v2/schedules/s", 404),
    ("PATCH", "/v2/schedules/s/pause", 404),
    ("GET", "/v2/flowControl/k", 404),
    ("POST", "/v2/flowControl/k/pause", 200),
    ("POST", "/v2/flowControl/k/pin?parallelism=9", 200),
    ("POST", "/v2/flowControl/k/resetRate", 200),
    ("GET", "/v2/dlq/{dlq}", 404),
    ("DELETE", "/v2/dlq/{dlq}", 404),
    ("POST", "/v2/dlq/retry/{dlq}", 404),
    ("DELETE", "/v2/dlq?dlqIds={dlq}", 200),
    ("POST", "/v2/dlq/retry?dlqIds={dlq}", 201),
    ("GET", "/v2/bulkActions/{action}", 404),
    ("DELETE", "/v2/messages?messageIds={id}", 202),
    ("DELETE", "/v2/messages", 202),
    ("DELETE", "/v2/dlq", 200),
    ("POST", "/v2/dlq/retry", 201),
    ("POST", "/v2/keys/rotate", 200),
]


async def everything(wire, mine):
    """All that the first user has, as text."""
    paths = ["/v2/queues", "/v2/topics", "/v2/schedules", "/v2/flowControl", "/v2/events",
             "/v2/dlq", "/v2/keys", "/v2/bulkActions", f"/v2/messages/{mine['id']}"]  # fmt: skip
    return {path: await wire.ok("GET", path) for path in paths}


@pytest.mark.parametrize(("method", "path", "status"), OTHERS)
async def test_another_user_can_do_nothing_to_it(wire, mine, method, path, status):
    before = await everything(wire, mine)
    answer = await wire.ask(method, path.format(**mine), user=1)
    assert answer.status == status
    await wire.idle()
    assert await everything(wire, mine) == before
    if "cancelled" in answer.body.decode():
        assert answer.json == {"cancelled": 0}
    if "deleted" in answer.body.decode():
        assert answer.json == {"deleted": 0}


async def test_names_are_each_users_own(wire, mine, app):
    await wire.ok("POST", "/v2/queues", {"queueName": "q", "parallelism": 7}, user=1)
    body = {"endpoints": [{"url": f"{app.url}/theirs"}]}
    await wire.ok("POST", "/v2/topics/g/endpoints", body, user=1)
    assert (await wire.ok("GET", "/v2/queues/q"))["parallelism"] == 3
    assert (await wire.ok("GET", "/v2/queues/q", user=1))["parallelism"] == 7
    (accepted,) = await wire.ok("POST", "/v2/publish/g", b"", user=1)
    assert accepted["url"] == f"{app.url}/theirs"


async def test_deliveries_are_signed_with_the_keys_of_their_user(wire, app):

    for number, user in enumerate(DEV_USERS):
        await wire.publish(f"{app.url}/{number}", user=number)
        signature = (await app.one(f"/{number}")).headers["Upstash-Signature"]
        for other in DEV_USERS:
            try:
                jwt.decode(signature, other.current_key, ["HS256"])
                verified = True
            except jwt.InvalidSignatureError:
                verified = False
            assert verified == (other is user)


async def test_one_users_deduplication_does_not_swallow_anothers_message(wire, app):
    ids = [await wire.publish(app.url, deduplication_id="a", user=user) for user in range(4)]
    assert len(set(ids)) == 4
