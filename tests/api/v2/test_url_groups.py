"""URL groups on the wire: endpoints, default headers, fan-out, two clients at once."""

import asyncio
import json

import pytest

from tests.api.wire import upstash


async def add(wire, name, *endpoints):
    body = {"endpoints": [e if isinstance(e, dict) else {"url": e} for e in endpoints]}
    return await wire.ok("POST", f"/v2/topics/{name}/endpoints", body)


async def endpoints(wire, name):
    return (await wire.ok("GET", f"/v2/topics/{name}"))["endpoints"]


A, B, C = (f"http://localhost:3000/{name}" for name in "abc")


async def test_a_group_is_made_by_its_first_endpoints_in_their_order(wire):
    now = await wire.now()
    await add(wire, "g", B, {"url": A, "name": "first"})
    assert await wire.ok("GET", "/v2/topics/g") == {
        "name": "g",
        "createdAt": now,
        "updatedAt": now,
        "endpoints": [{"url": B}, {"name": "first", "url": A}],
    }
    assert [g["name"] for g in await wire.ok("GET", "/v2/topics")] == ["g"]


async def test_more_endpoints_go_to_the_end_and_a_known_url_or_name_is_updated_in_place(wire):
    await add(wire, "g", {"url": A, "name": "a"}, B)
    await wire.advance(5)
    await add(wire, "g", C, {"url": B, "name": "b"}, {"url": f"{A}/new", "name": "a"})
    assert await endpoints(wire, "g") == [
        {"name": "a", "url": f"{A}/new"},
        {"name": "b", "url": B},
        {"url": C},
    ]
    group = await wire.ok("GET", "/v2/topics/g")
    assert group["updatedAt"] - group["createdAt"] == 5_000


async def test_an_endpoint_that_would_replace_two_is_refused_and_nothing_is_lost(wire):
    await add(wire, "g", {"url": A, "name": "a"}, {"url": B, "name": "b"})
    order = {"endpoints": [{"url": C}, {"url": A, "name": "b"}]}
    answer = await wire.ask("POST", "/v2/topics/g/endpoints", order)
    assert answer.status == 400
    assert B in answer.error
    await add(wire, "g", A)
    assert await endpoints(wire, "g") == [{"name": "a", "url": A}, {"name": "b", "url": B}]


async def test_endpoints_are_removed_by_url_or_name_and_with_the_last_one_the_group(wire):
    await add(wire, "g", {"url": A, "name": "a"}, B, C)
    await wire.ok("DELETE", "/v2/topics/g/endpoints", {"endpoints": [{"name": "a"}]})
    await wire.ok("DELETE", "/v2/topics/g/endpoints", {"endpoints": [{"url": C}, {"url": "x"}]})
    assert await endpoints(wire, "g") == [{"url": B}]
    await wire.ok("DELETE", "/v2/topics/g/endpoints", {"endpoints": [{"url": B}]})
    assert (await wire.ask("GET", "/v2/topics/g")).status == 404
    assert await wire.ok("GET", "/v2/topics") == []


async def test_deleting_a_group_is_fine_even_if_there_is_none(wire, app):
    await add(wire, "g", app.url)
    message_ids = await wire.ok("POST", "/v2/publish/g", b"x", upstash(delay="10s"))
    assert (await wire.ask("DELETE", "/v2/topics/g")).status == 200
    assert (await wire.ask("DELETE", "/v2/topics/g")).status == 200
    await wire.advance(10)
    received = await app.one()
    assert received.headers["Upstash-Message-Id"] == message_ids[0]["messageId"]


@pytest.mark.parametrize(
    "body",
    [
        {"endpoints": []},
        {"endpoints": [{}]},
        {"endpoints": [{"name": "only"}]},
        {"endpoints": [{"url": "localhost:3000"}]},
        {"endpoints": [{"url": "ftp://localhost"}]},
        {"endpoints": [{"url": A}, {"url": 7}]},
        {"endpoints": None},
        {},
    ],
)
async def test_endpoints_that_cannot_be_are_refused_and_change_nothing(wire, body):
    answer = await wire.ask("POST", "/v2/topics/g/endpoints", body)
    assert answer.status == 400
    assert len(answer.error) > 10
    assert await wire.ok("GET", "/v2/topics") == []


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "100%25", "%C3%BC", "a%20b", "a:b", "%00"])
async def test_a_name_of_other_characters_is_refused(wire, name):
    answer = await wire.ask("POST", f"/v2/topics/{name}/endpoints", {"endpoints": [{"url": A}]})
    assert answer.status in (400, 404)  # a slash makes it another path
    assert len(answer.error) > 10
    assert (await wire.ask("GET", f"/v2/topics/{name}")).status in (400, 404)


async def test_a_name_of_ten_thousand_characters_works_as_a_short_one(wire):
    name = "n" * 10_000
    await add(wire, name, A)
    assert (await wire.ok("GET", f"/v2/topics/{name}"))["name"] == name
    (answer,) = await wire.ok("POST", f"/v2/publish/{name}", b"", upstash(delay="1h"))
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["topicName"] == name
    await wire.ok("DELETE", f"/v2/topics/{name}")


@pytest.mark.parametrize("path", ["/v2/publish/g", "/v2/enqueue/q/g"])
async def test_a_group_gets_one_message_for_each_endpoint_in_a_bare_array(wire, app, path):
    await add(wire, "g", {"url": f"{app.url}/1", "name": "one"}, f"{app.url}/2")
    answers = await wire.ok("POST", path, b"x", upstash(retries=0, delay="1s"))
    assert [a["url"] for a in answers] == [f"{app.url}/1", f"{app.url}/2"]
    assert all(set(a) == {"messageId", "url"} for a in answers)
    first, second = [await wire.ok("GET", f"/v2/messages/{a['messageId']}") for a in answers]
    assert (first["topicName"], first["endpointName"]) == ("g", "one")
    assert second["topicName"] == "g"
    assert "endpointName" not in second
    await wire.advance(1)
    received = await app.received(2)
    assert [r.headers["Upstash-Topic-Name"] for r in received] == ["g", "g"]
    assert [e["topicName"] for e in await wire.events("topicName=g&state=DELIVERED")] == ["g", "g"]


async def test_messages_of_a_group_fail_by_themselves(wire, app):
    await add(wire, "g", app.answers("/1", 500), f"{app.url}/2")
    first, second = await wire.ok("POST", "/v2/publish/g", b"x", upstash(retries=0))
    await wire.idle()
    assert (await wire.states(first["messageId"]))[-1] == "FAILED"
    assert (await wire.states(second["messageId"]))[-1] == "DELIVERED"
    (letter,) = (await wire.ok("GET", "/v2/dlq?topicName=g"))["messages"]
    assert letter["messageId"] == first["messageId"]


async def test_deduplication_marks_endpoints_one_by_one(wire, app):
    await add(wire, "g", f"{app.url}/1")
    headers = upstash(deduplication_id="a")
    (original,) = await wire.ok("POST", "/v2/publish/g", b"", headers)
    await add(wire, "g", f"{app.url}/2")
    answer = await wire.ask("POST", "/v2/publish/g", b"", headers)
    assert answer.status == 200
    duplicate, fresh = answer.json
    assert duplicate == {**original, "deduplicated": True}
    assert "deduplicated" not in fresh


async def set_defaults(wire, name, **headers):
    return await wire.ask("PATCH", f"/v2/topics/{name}", {"headers": headers})


async def test_default_headers_hold_unless_the_publish_says_otherwise(wire, app):
    await add(wire, "g", app.url)
    defaults = {
        "Upstash-Retries": "1",
        "upstash-label": ["default", "second"],
        "Upstash-Forward-X-Color": "red",
        "Upstash-Header-Forward": ["true"],
        "Upstash-Delay": "60s",
    }
    assert (await set_defaults(wire, "g", **defaults)).status == 200
    path = "/v2/publish/g?upstash-delay=5s&upstash-label=query"
    (answer,) = await wire.ok("POST", path, b"", {"X-Event": "e", **upstash(label="header")})
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["maxRetries"] == 1
    assert message["labels"] == ["header"]
    assert message["notBefore"] - message["createdAt"] == 5_000
    assert message["header"] == {"X-Color": ["red"], "X-Event": ["e"]}
    (answer,) = await wire.ok("POST", "/v2/publish/g", b"", upstash(forward_x_color="blue"))
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["labels"] == ["default", "second"]
    assert message["header"]["X-Color"] == ["blue"]
    assert message["notBefore"] - message["createdAt"] == 60_000


async def test_default_headers_hold_for_batches_and_schedules_too(wire, app):
    await add(wire, "g", app.url)
    await set_defaults(wire, "g", **{"Upstash-Retries": "1"})
    ((answer,),) = await wire.ok("POST", "/v2/batch", [{"destination": "g"}])
    assert (await wire.ok("GET", f"/v2/messages/{answer['messageId']}"))["maxRetries"] == 1
    created = await wire.ok("POST", "/v2/schedules/g", b"", upstash(cron="* * * * *"))
    assert (await wire.ok("GET", f"/v2/schedules/{created['scheduleId']}"))["retries"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Other": "1"},
        {"Upstash-Retries": "many"},
        {"Upstash-Delay": ["soon"]},
        {"Upstash-Forward-": "x"},
    ],
)
async def test_default_headers_that_no_publish_could_have_are_refused(wire, headers):
    await add(wire, "g", A)
    answer = await set_defaults(wire, "g", **headers)
    assert answer.status == 400
    assert next(iter(headers)) in answer.error or "header" in answer.error
    await wire.ok("POST", "/v2/publish/g", b"", upstash(delay="1h"))


async def test_a_schedule_takes_over_defaults_that_are_set_later(wire, app):
    await add(wire, "g", app.url)
    headers = {"X-Event": "e", "Content-Type": "text/plain", **upstash(cron="* * * * *", retries=2)}
    created = await wire.ok("POST", "/v2/schedules/g?upstash-label=asked", b"x", headers)
    path = f"/v2/schedules/{created['scheduleId']}"
    later = {"Upstash-Retries": "1", "Upstash-Header-Forward": "true", "Upstash-Timeout": "9s"}
    await set_defaults(wire, "g", **later, **{"Upstash-Label": "late"})
    shown = await wire.ok("GET", path)
    (listed,) = (await wire.ok("GET", "/_dev/schedules"))["schedules"]
    for found in (shown, listed):
        assert (found["retries"], found["timeout"], found["label"]) == (2, 9, "asked")
        assert found["header"] == {"Content-Type": ["text/plain"], "X-Event": ["e"]}
    # Not a whole minute: that may end long after the delivery, which can then not be read any more.
    await wire.skip()
    received = await app.one()
    assert received.headers["X-Event"] == "e"
    assert "Authorization" not in received.headers
    assert received.body == b"x"
    (event, *_) = await wire.events(f"messageId={received.headers['Upstash-Message-Id']}")
    assert (event["maxRetries"], event["label"]) == (2, "asked")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upstash-Cron", "* * * * *"),
        ("upstash-schedule-id", "s"),
        ("Upstash-Deduplication-Id", "a"),
        ("Upstash-Workflow-RunId", "wfr_1"),
    ],
)
async def test_what_belongs_to_one_request_is_no_default(wire, name, value):
    await add(wire, "g", A)
    answer = await set_defaults(wire, "g", **{name: value})
    assert answer.status == 400
    assert name in answer.error
    await wire.ok("POST", "/v2/publish/g", b"", upstash(delay="1h"))
    assert await wire.ok("GET", "/v2/schedules") == []


async def test_setting_defaults_replaces_all_of_the_former_ones(wire):
    await add(wire, "g", A)
    await set_defaults(wire, "g", **{"Upstash-Retries": "1", "Upstash-Label": "old"})
    await set_defaults(wire, "g", **{"Upstash-Label": "new"})
    (answer,) = await wire.ok("POST", "/v2/publish/g", b"", upstash(delay="1h"))
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert (message["maxRetries"], message["labels"]) == (3, ["new"])


async def test_default_headers_survive_a_change_of_endpoints(wire, app):
    await add(wire, "g", app.url)
    await set_defaults(wire, "g", **{"Upstash-Retries": "1"})
    await add(wire, "g", f"{app.url}/2")
    answers = await wire.ok("POST", "/v2/publish/g", b"")
    found = [await wire.ok("GET", f"/v2/messages/{a['messageId']}") for a in answers]
    assert [m["maxRetries"] for m in found] == [1, 1]


class Held:
    """A request whose body comes in two pieces, so that another one can pass it on the way."""

    def __init__(self, wire, method, path, body):
        self._args = (wire, method, path, body)

    async def __aenter__(self):
        wire, method, path, body = self._args
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", wire.server.started.port
        )
        token = wire.server.started.user.token
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert b"100 Continue" in await self.reader.readuntil(b"\r\n\r\n")
        self.body = body.encode()
        return self

    async def finish(self):
        self.writer.write(self.body)
        return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])

    async def __aexit__(self, *_):
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_change_that_arrives_during_a_removal_is_not_lost(wire):
    await add(wire, "g", A, B)
    body = json.dumps({"endpoints": [{"url": A}]})
    async with Held(wire, "DELETE", "/v2/topics/g/endpoints", body) as slow:
        await add(wire, "g", C)
        assert await slow.finish() == 200
    assert await endpoints(wire, "g") == [{"url": B}, {"url": C}]


async def test_a_change_that_arrives_while_defaults_are_set_is_not_lost(wire):
    await add(wire, "g", A)
    body = json.dumps({"headers": {"Upstash-Retries": "1"}})
    async with Held(wire, "PATCH", "/v2/topics/g", body) as slow:
        await add(wire, "g", B)
        assert await slow.finish() == 200
    assert await endpoints(wire, "g") == [{"url": A}, {"url": B}]


async def test_clients_that_add_at_once_all_succeed(wire):
    urls = [f"http://localhost:3000/{n}" for n in range(40)]
    await asyncio.gather(*(add(wire, "g", url) for url in urls))
    assert sorted(e["url"] for e in await endpoints(wire, "g")) == sorted(urls)
    gone = [{"endpoints": [{"url": url}]} for url in urls[1:]]
    await asyncio.gather(*(wire.ok("DELETE", "/v2/topics/g/endpoints", body) for body in gone))
    assert await endpoints(wire, "g") == [{"url": urls[0]}]


@pytest.mark.parametrize("path", ["publish/g/", "enqueue/q/g/", "enqueue/q/g/?x=1"])
async def test_a_slash_after_the_name_of_a_group_is_none_of_it(wire, path):
    await add(wire, "g", A, B)
    sent = await wire.ok("POST", f"/v2/{path}")
    assert [message["url"] for message in sent] == [A, B]


async def test_a_slash_after_the_name_of_a_scheduled_group_is_none_of_it(wire):
    await add(wire, "g", A)
    created = await wire.ok("POST", "/v2/schedules/g/", "", upstash(cron="* * * * *"))
    found = await wire.ok("GET", f"/v2/schedules/{created['scheduleId']}")
    assert found["destination"] == "g"
