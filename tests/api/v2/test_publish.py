"""Publish as any client may do it: destinations, webhooks, groups, batches, quotas."""

import pytest

from qstash_dev.protocol.quota import QUOTAS, Limits
from qstash_dev.protocol.users import DEV_USERS
from tests.api.wire import upstash

TOKEN = DEV_USERS[0].token
DAY = 86_400


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/a", "/a"),
        ("/a?x=1&y=%20+z", "/a?x=1&y=%20+z"),
        ("/a//b/../c/?", "/a//b/../c/"),
        ("/%E4%F6%2F%zz", "/%E4%F6%2F%zz"),
        ("/a?upstash=1&upstash_retries=2", "/a?upstash=1&upstash_retries=2"),
        ("/a?url=https://b.example/?c", "/a?url=https://b.example/?c"),
        ("/a?x&&=y&", "/a?x&&=y&"),
    ],
)
async def test_the_destination_is_called_as_it_stands_in_the_path(wire, app, path, arrives):
    message_id = await wire.publish(app.url + path)
    received = await app.one()
    assert received.path == arrives
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert message["url"] == app.url + (path.removesuffix("?"))


@pytest.mark.parametrize("port", ["8080", ""])
async def test_a_url_without_a_path_is_reported_without_one(wire, port):
    url = f"http://localhost{':' if port else ''}{port}"
    await wire.ok("POST", "/_dev/pause")
    answer = await wire.ok("POST", f"/v2/publish/{url}")
    assert answer["url"] == url
    assert (await wire.ok("GET", f"/v2/messages/{answer['messageId']}"))["url"] == url


async def test_a_collapsed_scheme_is_repaired(wire, app):
    await wire.publish(app.url.replace("://", ":/") + "/a//b")
    assert (await app.one()).path == "/a//b"


async def test_a_destination_that_is_encoded_as_a_whole_is_decoded(wire, app):
    encoded = f"{app.url}/a?x=1".replace(":", "%3A").replace("/", "%2F").replace("?", "%3F")
    message_id = await wire.publish(encoded)
    assert (await app.one()).path == "/a?x=1"
    assert (await wire.ok("GET", f"/v2/messages/{message_id}"))["url"] == f"{app.url}/a?x=1"


SCHEME = "invalid destination url: endpoint has invalid scheme, add http:// or https://"


@pytest.mark.parametrize(
    ("destination", "status", "text"),
    [
        ("", 400, "a non-empty destination must be provided"),
        ("nobody", 404, "topic nobody not found"),
        ("localhost:3000/api", 400, SCHEME),
        ("ftp://localhost/a", 400, SCHEME),
        ("a/b", 400, SCHEME),
        ("a%2Fb", 400, SCHEME),
        ("100%25", 400, SCHEME),
        ("%C3%BCber", 400, SCHEME),
        ("a%20b", 400, SCHEME),
        ("http:///path", 400, "invalid destination url: no host in 'http:///path'"),
        ("http://a:99999", 400, "invalid destination url: "),
        ("n" * 10_000, 404, "not found"),
    ],
)
async def test_a_destination_that_is_none_is_refused_with_a_clear_answer(
    wire, destination, status, text
):
    for path in ("/v2/publish/", "/v2/enqueue/q/"):
        answer = await wire.ask("POST", path + destination)
        assert answer.status == status
        assert text in answer.error
    assert await wire.ok("GET", "/v2/queues") == []


async def test_a_destination_of_ten_thousand_characters_is_tried(wire, app):
    path = "/" + "x" * 10_000
    message_id = await wire.publish(app.url + path, retries=0)
    await wire.idle()  # the app of this test takes no line as long as that
    assert await wire.states(message_id) == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    (event, *_) = await wire.events()
    assert event["url"] == app.url + path


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"])
async def test_any_method_publishes(wire, app, method):
    answer = await wire.ask(method, f"/v2/publish/{app.url}/hook", b"\x00\xff")
    assert answer.status == 200
    received = await app.one()
    assert (received.method, received.body) == ("POST", b"\x00\xff")


@pytest.mark.parametrize("method", ["get", "POST", "Put", "PATCH", "delete"])
async def test_the_destination_is_called_with_the_method_that_was_asked_for(wire, app, method):
    await wire.publish(app.url, b"\x00body", method=method)
    received = await app.one()
    assert (received.method, received.body) == (method.upper(), b"\x00body")


async def test_an_unknown_method_is_refused(wire, app):
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", headers=upstash(method="BREW"))
    assert answer.status == 400
    assert "BREW" in answer.error


# Webhooks: others call us with a URL, and cannot set headers.


async def test_a_webhook_is_configured_by_its_query(wire, app):
    query = (
        f"qstash_token={TOKEN}&a=1&upstash-retries=2&Upstash-Delay=100s&b=%20"
        "&upstash-label=x,y&upstash-forward-color=blue&upstash-method=PUT"
    )
    answer = await wire.ask("POST", f"/v2/publish/{app.url}/hook?{query}", b"event", token="")
    message = await wire.ok("GET", f"/v2/messages/{answer.json['messageId']}")
    assert message["url"] == f"{app.url}/hook?a=1&b=%20"
    assert message["maxRetries"] == 2
    assert message["notBefore"] - message["createdAt"] == 100_000
    assert message["labels"] == ["x", "y"]
    await wire.advance(100)
    received = await app.one()
    assert (received.method, received.path) == ("PUT", "/hook?a=1&b=%20")
    assert received.headers["Color"] == "blue"


async def test_a_header_wins_over_the_query(wire, app):
    path = f"/v2/publish/{app.url}?upstash-retries=2&upstash-label=query"
    answer = await wire.ok("POST", path, headers=upstash(retries=1))
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert (message["maxRetries"], message["label"]) == (1, "query")


async def test_header_forward_takes_every_ordinary_header_along(wire, app):
    headers = {
        "X-Custom": "1",
        "Cookie": "a=b",
        "User-Agent": "webhook-sender",
        "Content-Type": "text/csv",
        "Accept-Language": "de",
        "Upstash-Telemetry-Sdk": "secret",
        "Upstash-Label": "l",
    }
    path = f"/v2/publish/{app.url}?upstash-header-forward=true"
    await wire.ok("POST", path, b"x", headers)
    received = await app.one()
    assert received.headers["X-Custom"] == "1"
    assert received.headers["Cookie"] == "a=b"
    assert received.headers["Accept-Language"] == "de"
    assert received.headers["Content-Type"] == "text/csv"
    assert received.headers["User-Agent"] == "Upstash-QStash"
    for name in ("Authorization", "Upstash-Telemetry-Sdk", "Upstash-Label"):
        assert name not in received.headers
    assert received.headers["Host"] == app.url.removeprefix("http://")
    assert received.headers.getall("Content-Length") == ["1"]


async def test_an_authorization_that_is_not_ours_is_forwarded(wire, app):
    path = f"/v2/publish/{app.url}?upstash-header-forward=true&qstash_token={TOKEN}"
    answer = await wire.ask("POST", path, b"x", {"Authorization": "Basic abc"}, token="")
    assert answer.status == 200
    assert (await app.one()).headers["Authorization"] == "Basic abc"


async def test_a_forwarded_header_wins_over_one_that_is_taken_along(wire, app):
    headers = {"X-Color": "red", "Upstash-Forward-X-Color": "blue"}
    await wire.ok("POST", f"/v2/publish/{app.url}?upstash-header-forward=true", b"x", headers)
    assert (await app.one()).headers.getall("X-Color") == ["blue"]


async def test_nothing_is_taken_along_unless_it_is_asked_for(wire, app):
    await wire.ok("POST", f"/v2/publish/{app.url}", b"x", {"X-Custom": "1", "Cookie": "a=b"})
    received = await app.one()
    assert "X-Custom" not in received.headers
    assert "Cookie" not in received.headers
    assert "Content-Type" not in received.headers


TELEMETRY = {
    "Upstash-Telemetry-Sdk": "upstash-qstash-js@2.8.0, next",
    "Upstash-Telemetry-Platform": "vercel",
    "Upstash-Telemetry-Runtime": "node@22",
    "Upstash-Telemetry-Framework": "next",
}


async def test_telemetry_reaches_neither_the_destination_nor_the_message(wire, app):
    answer = await wire.ok("POST", f"/v2/publish/{app.url}", b"x", TELEMETRY)
    received = await app.one()
    assert not [name for name in received.headers if "telemetry" in name.lower()]
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["header"] == {}


async def test_server_owned_headers_of_a_publish_are_ignored(wire, app):
    headers = upstash(message_id="msg_mine", retried=7, signature="x", region="MARS")
    message_id = await wire.publish(app.url)
    await wire.ok("POST", f"/v2/publish/{app.url}/2", b"", headers)
    received = await app.one("/2")
    assert received.headers["Upstash-Message-Id"] not in ("msg_mine", message_id)
    assert received.headers["Upstash-Retried"] == "0"
    assert received.headers["Upstash-Region"] == "EU-CENTRAL-1"
    assert received.headers["Upstash-Signature"].count(".") == 2


async def test_forwarded_names_come_in_any_case_and_values_stay_as_they_are(wire, app):
    headers = [
        ("upstash-forward-x-a", "1, 2"),
        ("UPSTASH-FORWARD-X-B", " spaced "),
        ("Upstash-Forward-X-C", "one"),
        ("Upstash-Forward-X-C", "two"),
        ("Upstash-Forward-Authorization", "Bearer theirs"),
    ]
    answer = await wire.ok("POST", f"/v2/publish/{app.url}", b"x", headers)
    received = await app.one()
    assert received.headers["X-A"] == "1, 2"
    assert received.headers["X-B"] == "spaced"
    assert received.headers.getall("X-C") == ["one", "two"]
    assert received.headers["Authorization"] == "Bearer theirs"
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["header"]["X-C"] == ["one", "two"]
    assert set(message["header"]) == {"X-A", "X-B", "X-C", "Authorization"}


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"delay": "50s"}, 50),
        ({"delay": "1d10h30m"}, DAY + 37_800),
        ({"delay": "90"}, 90),
        ({"delay": "0s"}, 0),
    ],
)
async def test_a_delay_is_a_duration_or_plain_seconds(wire, app, headers, wait_s):
    message_id = await wire.publish(app.url, **headers)
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert message["notBefore"] - message["createdAt"] == wait_s * 1000
    if wait_s:
        await wire.advance(wait_s - 1)
        assert not app.requests
        await wire.advance(1)
    await app.one()


@pytest.mark.parametrize("delay", ["1w", "1.5s", "-1s", "s", "1 s", "soon", "1s1"])
async def test_a_delay_that_is_none_is_refused_by_the_name_of_its_header(wire, app, delay):
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", headers=upstash(delay=delay))
    assert answer.status == 400
    assert "Upstash-Delay" in answer.error


async def test_not_before_may_have_decimals_and_wins_over_delay(wire, app):
    at = (await wire.now() // 1000 + 6) * 1000 + 500
    message_id = await wire.publish(app.url, not_before=at / 1000, delay="1h")
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert message["notBefore"] == at
    await wire.advance((at - 1 - await wire.now()) / 1000)
    assert not app.requests
    await wire.advance(1)
    await app.one()


async def test_a_past_not_before_is_now(wire, app):
    message_id = await wire.publish(app.url, not_before="1")
    await app.one()
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert message["notBefore"] == message["createdAt"]


# Labels


async def test_all_labels_are_kept_and_the_first_is_the_label(wire, app):
    message_id = await wire.publish(app.url, label=" one ,two,, three", delay="1h")
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    (event,) = await wire.events()
    for document in (message, event):
        assert document["label"] == "one"
        assert document["labels"] == ["one", "two", "three"]


@pytest.mark.parametrize(("label", "count"), [("one", 2), ("two", 1), ("tw", 0), ("ONE", 0)])
async def test_a_filter_finds_any_of_the_labels(wire, app, label, count):
    await wire.publish(app.url, label="one,two", delay="1h")
    await wire.publish(app.url, label="one", delay="1h")
    assert len(await wire.events(f"label={label}")) == count
    answer = await wire.ok("DELETE", f"/v2/messages?label={label}")
    assert answer == {"cancelled": count}


# Deduplication


async def test_a_duplicate_is_202_with_the_id_of_the_original(wire, app):
    headers = upstash(deduplication_id="order 1/ä?")
    headers = {k: v.encode().decode("latin-1") for k, v in headers.items()}
    first = await wire.ask("POST", f"/v2/publish/{app.url}", b"x", headers)
    second = await wire.ask("POST", f"/v2/publish/{app.url}/other", b"y", headers)
    assert (first.status, second.status) == (200, 202)
    assert "deduplicated" not in first.json
    assert second.json["messageId"] == first.json["messageId"]
    assert second.json["deduplicated"] is True
    await wire.idle()
    assert len(await app.received()) == 1
    await wire.advance(600)
    assert (await wire.ask("POST", f"/v2/publish/{app.url}", b"x", headers)).status == 200


async def test_a_colon_in_a_deduplication_id_is_refused_in_qstashs_words(wire, app):
    headers = upstash(deduplication_id="a:b")
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", headers=headers)
    assert (answer.status, answer.error) == (400, "DeduplicationId cannot contain ':'")


@pytest.mark.parametrize("flag", ["true", "True", "TRUE"])
async def test_content_deduplicates_however_true_is_written(wire, app, flag):
    headers = upstash(content_based_deduplication=flag)
    statuses = [
        (await wire.ask("POST", f"/v2/publish/{app.url}", body, headers)).status
        for body in ("a", "a", "b")
    ]
    assert statuses == [200, 202, 200]


async def test_the_window_can_be_configured(start_wire, app):
    wire = await start_wire(dedup_window_ms=2_000)
    await wire.publish(app.url, deduplication_id="a")
    await wire.advance(2)
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"", upstash(deduplication_id="a"))
    assert answer.status == 200


# Quotas

PUBLISHES = {
    "publish": "/v2/publish/{url}",
    "enqueue": "/v2/enqueue/q/{url}",
    "schedule": "/v2/schedules/{url}?upstash-cron=* * * * *".replace(" ", "%20"),
}


@pytest.mark.parametrize("path", PUBLISHES.values(), ids=PUBLISHES)
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"retries": 6}, "quota maxRetries exceeded"),
        ({"retries": 1_000_000}, "quota maxRetries exceeded"),
        ({"callback": "http://localhost", "callback_retries": 6}, "quota maxRetries exceeded"),
        (
            {"failure_callback": "http://localhost", "failure_callback_retries": 6},
            "quota maxRetries exceeded",
        ),
        ({"delay": "366d"}, f"quota maxDelay exceeded, current limit: {365 * DAY}"),
        (
            {"callback": "http://localhost", "callback_delay": "366d"},
            f"quota maxDelay exceeded, current limit: {365 * DAY}",
        ),
    ],
)
async def test_what_payg_does_not_allow_is_412_in_qstashs_words(wire, app, path, headers, text):
    answer = await wire.ask("POST", path.format(url=app.url), headers=upstash(**headers))
    assert (answer.status, answer.error) == (412, text)
    assert await wire.events() == []
    assert await wire.ok("GET", "/v2/queues") == []
    assert await wire.ok("GET", "/v2/schedules") == []


async def test_a_not_before_beyond_the_plan_is_412_too(wire, app):
    at = await wire.now() // 1000 + 366 * DAY
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", headers=upstash(not_before=at))
    assert answer.status == 412
    assert "quota maxDelay exceeded" in answer.error


async def test_what_payg_just_allows_is_accepted(wire, app):
    await wire.publish(app.url, retries=5, delay="365d")
    await wire.publish(app.url, b"x" * 10_000_000, delay="365d")


async def test_a_body_over_the_limit_is_412_in_qstashs_words(wire, app):
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"x" * 10_000_001)
    assert (answer.status, answer.error) == (412, "quota maxMessageSize exceeded")
    item = {"destination": app.url, "body": "x" * 10_000_001}
    answer = await wire.ask("POST", "/v2/batch", [{"destination": app.url}, item])
    assert (answer.status, answer.error) == (412, "quota maxMessageSize exceeded")
    assert await wire.events() == []


async def test_pro_allows_more(start_wire, app):
    wire = await start_wire(quota="pro", limits=QUOTAS["pro"])
    await wire.publish(app.url, retries=1_000_000, delay="9000d")
    await wire.publish(app.url, b"x" * 10_000_001, delay="9000d")


@pytest.mark.parametrize(
    ("limits", "headers", "size"),
    [
        (Limits(max_retries=1, max_delay_s=None, max_message_size=None), {"retries": 2}, 0),
        (Limits(max_retries=None, max_delay_s=10, max_message_size=None), {"delay": "11s"}, 0),
        (Limits(max_retries=None, max_delay_s=None, max_message_size=10), {}, 11),
    ],
)
async def test_each_limit_can_be_configured_by_itself(start_wire, app, limits, headers, size):
    wire = await start_wire(limits=limits)
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"x" * size, upstash(**headers))
    assert answer.status == 412
    others = {"retries": 100, "delay": "400d"}
    allowed = {name: value for name, value in others.items() if name not in headers}
    await wire.publish(app.url, b"x" * (10 if size else 100), **allowed)


async def test_retries_beyond_the_default_limit_are_fine_without_asking(start_wire, app):
    wire = await start_wire(limits=Limits(max_retries=1, max_delay_s=None, max_message_size=None))
    message_id = await wire.publish(app.url, delay="1h")
    assert (await wire.ok("GET", f"/v2/messages/{message_id}"))["maxRetries"] == 1


# Batch


async def test_a_batch_answers_in_order_with_nested_groups_and_errors(wire, app):
    await wire.ok(
        "POST", "/v2/topics/g/endpoints", {"endpoints": [{"url": f"{app.url}/{n}"} for n in "ab"]}
    )
    items = [
        {"destination": f"{app.url}/1", "headers": {"Upstash-Delay": "1h"}, "body": "x"},
        {"destination": "g", "headers": None, "body": None, "queue": None},
        {"destination": "nobody"},
        {"destination": f"{app.url}/2", "queue": "q"},
        {"destination": f"{app.url}/3", "queue": ""},
        {"destination": f"{app.url}/4", "headers": {"Upstash-Retries": 1, "X": ["a", "b"]}},
        {"destination": "g", "queue": "q"},
        {"destination": f"{app.url}/5", "headers": {"Upstash-Delay": "soon"}},
        {"destination": f"{app.url}/6", "queue": "bad name"},
        {"headers": {}},
        7,
    ]
    answers = await wire.ok("POST", "/v2/batch", items)
    shapes = [
        [one["url"] for one in answer]
        if isinstance(answer, list)
        else answer.get("url", next(iter(answer)))
        for answer in answers
    ]
    assert shapes == [
        f"{app.url}/1",
        [f"{app.url}/a", f"{app.url}/b"],
        "error",
        f"{app.url}/2",
        f"{app.url}/3",
        f"{app.url}/4",
        [f"{app.url}/a", f"{app.url}/b"],
        "error",
        "error",
        "error",
        "error",
    ]
    assert answers[2] == {"error": "topic nobody not found"}
    assert "Upstash-Delay" in answers[7]["error"]
    assert [q["name"] for q in await wire.ok("GET", "/v2/queues")] == ["q"]
    queued = await wire.ok("GET", "/v2/events?queueName=q&state=CREATED")
    assert len(queued["events"]) == 3


async def test_a_batch_in_which_everything_fails_is_400_with_all_errors(wire):
    items = [{"destination": "nobody"}, {"destination": ""}]
    answer = await wire.ask("POST", "/v2/batch", items)
    assert answer.status == 400
    assert answer.json == [
        {"error": "topic nobody not found"},
        {"error": "a non-empty destination must be provided"},
    ]


async def test_a_duplicate_in_a_batch_is_marked_there(wire, app):
    item = {"destination": app.url, "headers": {"Upstash-Deduplication-Id": "a"}}
    first, second = await wire.ok("POST", "/v2/batch", [item, item])
    assert second == {**first, "deduplicated": True}


async def test_headers_of_the_batch_request_do_not_apply_to_its_items(wire, app):
    headers = upstash(delay="1h", label="l", forward_x="y")
    (answer,) = await wire.ok("POST", "/v2/batch", [{"destination": app.url}], headers)
    received = await app.one()
    assert "X" not in received.headers
    assert "label" not in await wire.ok("GET", f"/v2/messages/{answer['messageId']}")


@pytest.mark.parametrize(
    ("header", "value", "error"),
    [
        ("Upstash-Retries", "1000000", "quota maxRetries exceeded"),
        ("Upstash-Delay", "400d", f"quota maxDelay exceeded, current limit: {365 * DAY}"),
        ("Upstash-Not-Before", None, f"quota maxDelay exceeded, current limit: {365 * DAY}"),
    ],
)
async def test_a_quota_refuses_the_batch_before_anything_is_sent(wire, app, header, value, error):
    value = value or str(await wire.now() // 1000 + 400 * DAY)
    items = [{"destination": app.url}, {"destination": app.url, "headers": {header: value}}]
    answer = await wire.ask("POST", "/v2/batch", items)
    assert (answer.status, answer.error) == (412, error)
    assert await wire.events() == []


async def test_the_url_of_a_batch_item_keeps_its_query_whatever_that_is(wire, app):
    url = f"{app.url}/a?upstash-retries=1&qstash_token=x#frag"
    (answer,) = await wire.ok("POST", "/v2/batch", [{"destination": url}])
    assert answer["url"] == url
    assert (await app.one()).path == "/a?upstash-retries=1&qstash_token=x"


async def test_a_batch_may_be_larger_than_a_message(wire, app):
    items = [{"destination": app.url, "body": "x" * 5_000_000}] * 3
    await wire.ok("POST", "/_dev/pause")
    assert len(await wire.ok("POST", "/v2/batch", items)) == 3


async def test_a_schedule_may_be_created_in_a_batch(wire, app):
    item = {"destination": app.url, "headers": {"Upstash-Cron": "* * * * *"}}
    bad = {"destination": app.url, "headers": {"Upstash-Cron": "61 * * * *"}}
    created, refused = await wire.ok("POST", "/v2/batch", [item, bad])
    assert list(created) == ["scheduleId"]
    assert "cron" in refused["error"]


# How a body travels


@pytest.mark.parametrize("expect", [{"Expect": "100-continue"}, {"Content-Encoding": "gzip"}])
async def test_a_body_arrives_byte_for_byte_whatever_stands_around_it(wire, app, expect):
    body = bytes(range(256)) * 1000
    await wire.ok("POST", f"/v2/publish/{app.url}", body, expect)
    assert (await app.one()).body == body
