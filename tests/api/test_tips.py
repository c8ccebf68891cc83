"""What the log and the UI say of a refused request, as a table; the answer keeps QStash's words."""

import logging

import pytest

from tests.api.conftest import Api

BEARER = "Authorization header"
ACCOUNT = "eyJVc2VySUQiOiJzb21lYm9keSIsIlBhc3N3b3JkIjoic2VjcmV0In0="


@pytest.mark.parametrize(
    ("method", "path", "body", "tip"),
    [
        (
            "POST",
            "/v2/schedules",
            {"destination": "http://localhost:3000/x", "cron": "0 1 * * *"},
            '/v2/schedules/http://localhost:3000/x with the header "Upstash-Cron: 0 1 * * *"',
        ),
        ("POST", "/v2/publish", {"url": "http://a.test/x"}, "/v2/publish/http://a.test/x."),
        ("POST", "/v2/publish/", {"a": 1}, "The destination goes into the path"),
        ("POST", "/v2/enqueue/mail", {"url": "http://a.test"}, "/v2/enqueue/mail/http://a.test."),
        ("POST", "/v2/publish/v2/publish/http://a.test/x", None, "QSTASH_URL must be http://127."),
        ("POST", "/v2/publish/v2/batch", [], "QSTASH_URL must be http://127.0.0.1:"),
        ("GET", "/v2/v2/keys", None, "it has the path /v2 behind it"),
        ("POST", "/api/v2/publish/http://a.test", None, "it has the path /api behind it"),
        ("POST", "/v2/publish//api/x", None, "/v2/publish/http://localhost:3000/api/x"),
        ("POST", "/v2/publish/localhost:3000/x", None, "Did you mean http://localhost:3000/x?"),
        ("POST", "/v2/publish/example.com/x", None, "Did you mean https://example.com/x?"),
        ("POST", "/v2/publish/undefined/api/x", None, "A variable of the app was empty"),
        ("POST", "/v2/publish/undefined", None, "A variable of the app was empty"),
        ("POST", "/v2/publish/https:///api/x", None, "A variable of the app was empty"),
        ("POST", "/v2/publish/orders", None, "is a URL group; there is no orders"),
        ("POST", "/publish/http://a.test/x", None, "begin with /v2: http://127.0.0.1:"),
        ("POST", "/v2/publishJSON/http://a.test", None, "Did you mean POST /v2/publish/*?"),
        ("POST", "/v2/messages", {"destination": "http://a.test"}, "/v2/publish/http://a.test."),
        ("POST", "/v2/enqueue/http://a.test/x", None, "The queue comes before the destination"),
        ("POST", "/v2/publish/ws://a.test/x", None, "not over ws://"),
        ("POST", "/v2/publish/https:localhost:3000/x", None, "Did you mean https://localhost:30"),
        ("POST", "/v2/messages/msg_1/cancel", None, "Did you mean DELETE /v2/messages/msg_1?"),
        ("GET", "/v2/events/msg_1", None, "Did you mean GET /v2/events?messageId=msg_1?"),
        ("POST", "/v2/trigger", {"url": "http://a.test"}, "/v2/trigger/http://a.test."),
        ("POST", "/v2/notify", {"eventId": "paid"}, "/v2/notify/paid"),
        ("GET", "/v2/dlq/list", None, "GET /v2/dlq lists them"),
        ("POST", "/v2/dlq/17-1/retry", None, "Did you mean POST /v2/dlq/retry/{id}?"),
        ("POST", "/v2/dlq/retryAll", None, "POST /v2/dlq/retry"),
        ("GET", "/v2/messages", None, "GET /v2/events"),
        ("GET", "/v2/schedule", None, "Did you mean GET /v2/schedules?"),
        ("GET", "/v2/url-groups/a/endpoints", None, "Did you mean "),
        ("GET", "/v2/url-groups", None, "Did you mean GET /v2/topics?"),
        ("POST", "/v2/urlGroups/a/endpoints", None, "Did you mean POST /v2/topics/a/endpoints?"),
        ("GET", "/v2/dead-letter-queue", None, "Did you mean GET /v2/dlq?"),
        ("DELETE", "/v2/dlq/messages/17-1", None, "Did you mean DELETE /v2/dlq/17-1?"),
        ("GET", "/v2/signing-keys", None, "Did you mean GET /v2/keys?"),
    ],
)
async def test_a_refused_request_is_told_the_way(
    api: Api, caplog: pytest.LogCaptureFixture, method: str, path: str, body: object, tip: str
) -> None:
    status, _ = await api.error(method, path, json=body)
    assert 400 <= status < 500
    assert tip in caplog.text
    notice = (await api.ok("GET", "/_dev/snapshot"))["server"]["notice"]
    assert tip in notice["text"]
    assert notice["number"] == 1


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "No Authorization header was sent"),
        ("Bearer undefined", "is the word undefined"),
        ("Bearer null", "is the word null"),
        ("Bearer ", "is empty"),
        ("Bearer ${QSTASH_TOKEN}", "was not replaced by its value"),
        ('Bearer "abc"', "has quotes around it"),
        ("Bearer Bearer abc", "has the word Bearer twice"),
        ("Basic abc", "must be `Bearer` and the token"),
        (ACCOUNT, "must be `Bearer` and the token"),
        (f"Bearer {ACCOUNT}", "is that of another account"),
        ("Bearer sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", "is a signing key"),
        ("Bearer sup3r-s3cret", "(12 characters) is none that this server knows"),
    ],
)
async def test_the_log_says_why_a_token_is_refused_and_never_the_token(
    api: Api, caplog: pytest.LogCaptureFixture, header: str | None, reason: str
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": header} if header else {}
    answer = await api.error("GET", "/v2/keys", user=None, headers=headers)
    assert answer == (401, "unable to authenticate: invalid token")
    assert reason in caplog.text
    for secret in (ACCOUNT, "7kYjw48", "sup3r", '"abc"', "Bearer abc"):
        assert secret not in caplog.text


async def test_the_reason_for_a_token_in_the_query_is_told(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.error("POST", "/v2/publish/http://a.test?qstash_token=undefined", user=None)
    assert "The qstash_token of the query is the word undefined" in caplog.text


@pytest.mark.parametrize(
    ("item", "tip"),
    [
        ({"destination": "undefined/api/x"}, "A variable of the app was empty"),
        ({"destination": "https:///api/x"}, "A variable of the app was empty"),
        ({"destination": "localhost:3000/x"}, "Did you mean http://localhost:3000/x?"),
        ({"destination": "example.com/x"}, "Did you mean https://example.com/x?"),
        ({"destination": "/api/x"}, "A path alone is no destination: http://localhost:3000/api/x"),
        ({"destination": "api/x"}, "A path alone is no destination: http://localhost:3000/api/x"),
        ({"destination": "orders"}, "is a URL group; there is no orders"),
        ({"destination": "/v2/publish/http://a.test"}, "names the destination alone, without"),
        ({"url": "http://a.test"}, 'goes into its field "destination", not as url.'),
        ({"body": "x"}, 'goes into its field "destination".'),
        ({"destination": "http://a.test", "body": {"a": 1}}, "JSON.stringify it"),
        (
            {
                "destination": "http://a.test",
                "body": {"a": 1},
                "headers": {"Upstash-Workflow-CallType": "toCallback"},
            },
            "The body of context.call is text",
        ),
        ({"destination": "http://a.test", "headers": ["a"]}, "headers of an item are an object"),
        ({"destination": "http://a.test", "body": 1, "headers": ["a"]}, "JSON.stringify it"),
    ],
)
@pytest.mark.parametrize("path", ["/v2/batch", "/v2/batch/trigger"])
async def test_a_refused_item_of_a_batch_is_told_the_way(
    api: Api, caplog: pytest.LogCaptureFixture, path: str, item: object, tip: str
) -> None:
    status, _ = await api.call("POST", path, json=[{"destination": "http://b.test"}, item])
    assert status in (200, 400, 404)
    assert f"{path}, item 2 of 2: " in caplog.text
    assert tip in caplog.text
    notice = (await api.ok("GET", "/_dev/snapshot"))["server"]["notice"]
    assert tip in notice["text"]
    assert "for item 2 of 2 of a batch" in notice["text"]


async def test_of_what_the_form_of_the_page_sends_no_batch_is_told(api: Api) -> None:
    form = {"url": " ", "method": "POST", "headers": "", "body": ""}
    status, answer = await api.call("POST", "/_dev/written", json=form)
    assert (status, str(answer["error"])[:9]) == (400, "Where to?")
    item = await api.ok("POST", "/_dev/written", json={**form, "url": "nonsense"})
    await api.call("POST", "/v2/batch", json=[item])
    notice = (await api.ok("GET", "/_dev/snapshot"))["server"]["notice"]
    assert notice["text"].startswith("404 for a publish: A destination without http://")


@pytest.mark.parametrize(
    "path", ["/v2/queues/mail", "/v2/messages/msg_1", "/v2/flowControl/a/b", "/v2/schedules/digest"]
)
async def test_nothing_else_is_meant_by_a_right_path_to_what_is_missing(
    api: Api, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    await api.call("GET", path)
    assert "Did you mean" not in caplog.text
    assert "URL group" not in caplog.text


@pytest.mark.parametrize("url", ["/api/done", "undefined/api/done"])
async def test_a_callback_is_not_taken_for_the_destination(
    api: Api, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    headers = {"Upstash-Callback": url}
    await api.error("POST", "/v2/publish/http://a.test/x", headers=headers)
    assert "A callback is a whole URL, such as http://localhost:3000/api/done" in caplog.text
    assert "Did you mean" not in caplog.text


async def test_of_a_batch_of_refused_items_a_few_are_told_and_the_others_counted(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.call("POST", "/v2/batch", json=[{"destination": "undefined/x"}] * 30)
    assert caplog.text.count("A variable of the app was empty") == 5
    assert "/v2/batch: 30 of 30 items were refused" in caplog.text
    await api.error("POST", "/v2/batch", json={"destination": "http://a.test"})
    assert "A batch is a JSON array" in caplog.text
