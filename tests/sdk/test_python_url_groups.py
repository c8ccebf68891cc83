"""The Python SDK's `url_group`, and publishing to one."""

import pytest
from qstash.errors import QStashError


@pytest.fixture
async def group(qstash, app):
    """A group of two endpoints, the first of them with a name."""
    endpoints = [{"url": app.url + "/a", "name": "first"}, {"url": app.url + "/b"}]
    await qstash.url_group.upsert_endpoints("letters", endpoints)
    return "letters"


async def endpoints_of(qstash, group):
    return [(e.name, e.url) for e in (await qstash.url_group.get(group)).endpoints]


async def test_a_group_is_created_changed_listed_and_deleted(qstash, app, group):
    found = await qstash.url_group.get(group)
    assert found.name == "letters"
    assert found.created_at <= found.updated_at
    assert await endpoints_of(qstash, group) == [("first", app.url + "/a"), (None, app.url + "/b")]

    more = [{"url": app.url + "/c", "name": "first"}, {"url": app.url + "/d"}]
    await qstash.url_group.upsert_endpoints(group, more)
    expected = [("first", "/c"), (None, "/b"), (None, "/d")]
    assert await endpoints_of(qstash, group) == [(n, app.url + path) for n, path in expected]
    assert [g.name for g in await qstash.url_group.list()] == ["letters"]

    await qstash.url_group.delete(group)
    assert await qstash.url_group.list() == []
    await qstash.url_group.delete(group)
    with pytest.raises(QStashError, match=r"404.*topic letters not found"):
        await qstash.url_group.get(group)


async def test_endpoints_are_removed_by_name_or_url_and_the_last_takes_the_group(
    qstash, app, group
):
    await qstash.url_group.remove_endpoints(group, [{"name": "first"}])
    assert await endpoints_of(qstash, group) == [(None, app.url + "/b")]
    await qstash.url_group.remove_endpoints(group, [{"url": app.url + "/b"}])
    assert await qstash.url_group.list() == []
    with pytest.raises(QStashError, match="404"):
        await qstash.url_group.remove_endpoints(group, [{"name": "first"}])


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "ü"])
async def test_a_name_that_cannot_be_one_is_refused(qstash, app, name):
    with pytest.raises(QStashError, match="400"):
        await qstash.url_group.upsert_endpoints(name, [{"url": app.url}])


async def test_every_endpoint_gets_a_message_of_its_own(qstash, app, group):
    app.answers("/b", 500)
    published = await qstash.message.publish(
        url_group=group, body="news", headers={"X-A": "1"}, retries=0
    )
    assert [p.url for p in published] == [app.url + "/a", app.url + "/b"]
    assert len({p.message_id for p in published}) == 2
    got = {r.path: r for r in await app.received(2)}
    for one in published:
        request = got[one.url.removeprefix(app.url)]
        assert (request.text, request.headers["X-A"]) == ("news", "1")
        assert request.headers["Upstash-Topic-Name"] == "letters"
        assert request.headers["Upstash-Message-Id"] == one.message_id
    first = await qstash.message.get(published[0].message_id)
    assert (first.url_group, first.endpoint) == ("letters", "first")


async def test_a_message_to_a_group_can_be_found_by_it(qstash, server, app, group):
    app.answers("/b", 500)
    await qstash.message.publish_json(url_group=group, body={}, retries=0)
    await server.wait("group:letters state:delivered|failed", 2)
    logs = (await qstash.log.list(filter={"url_group": "letters"})).logs
    assert len(logs) == 3 + 4
    assert {(log.url_group, log.endpoint) for log in logs} == {
        ("letters", "first"),
        ("letters", None),
    }
    (letter,) = (await qstash.dlq.list(filter={"url_group": "letters"})).messages
    assert (letter.url, letter.url_group) == (app.url + "/b", "letters")


async def test_deduplication_is_by_endpoint(qstash, app, group):
    async def publish():
        return await qstash.message.publish(url_group=group, deduplication_id="7")

    first = await publish()
    await qstash.url_group.upsert_endpoints(group, [{"url": app.url + "/c"}])
    second = await publish()
    assert [p.deduplicated for p in first] == [False, False]
    assert [p.deduplicated for p in second] == [True, True, False]
    assert [p.message_id for p in second[:2]] == [p.message_id for p in first]


async def test_a_group_can_be_enqueued(qstash, app, group):
    enqueued = await qstash.message.enqueue(queue="mail", url_group=group, body="x")
    assert [p.url for p in enqueued] == [app.url + "/a", app.url + "/b"]
    assert [r.path for r in await app.received(2)] == ["/a", "/b"]
    assert (await qstash.message.get(enqueued[1].message_id)).queue == "mail"


async def test_a_callback_names_group_and_endpoint(qstash, app, group):
    await qstash.message.publish(url_group=group, callback=app.url + "/callback")
    told = [r.json for r in await app.received(2, "/callback")]
    assert {t["topicName"] for t in told} == {"letters"}
    assert {(t["url"], t.get("endpointName")) for t in told} == {
        (app.url + "/a", "first"),
        (app.url + "/b", None),
    }


async def test_messages_of_a_deleted_group_are_still_delivered(qstash, server, app, group):
    await qstash.message.publish(url_group=group, delay="1h")
    await qstash.url_group.delete(group)
    await server.advance(3600)
    assert sorted(r.path for r in await app.received(2)) == ["/a", "/b"]
