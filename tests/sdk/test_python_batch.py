"""The Python SDK's `message.batch` and `batch_json`."""

import pytest
from qstash.errors import QStashError


async def test_urls_groups_and_queues_can_be_mixed(qstash, app):
    endpoints = [{"url": app.url + "/g1"}, {"url": app.url + "/g2"}]
    await qstash.url_group.upsert_endpoints("letters", endpoints)
    single, group, queued, queued_group = await qstash.message.batch(
        [
            {"url": app.url + "/a", "body": "1", "headers": {"X-N": "1"}, "retries": 1},
            {"url_group": "letters", "body": "2", "content_type": "text/plain"},
            {"url": app.url + "/q", "queue": "mail", "method": "PUT"},
            {"url_group": "letters", "queue": "mail", "body": "4"},
        ]
    )
    assert [p.url for p in group] == [p.url for p in queued_group] == [e["url"] for e in endpoints]
    got = await app.received(6)
    by_id = {r.headers["Upstash-Message-Id"]: r for r in got}
    assert by_id[single.message_id].headers["X-N"] == "1"
    assert by_id[single.message_id].headers["Upstash-Max-Retries"] == "1"
    assert by_id[group[0].message_id].headers["Content-Type"] == "text/plain"
    assert by_id[queued.message_id].method == "PUT"
    assert by_id[queued_group[1].message_id].text == "4"
    assert (await qstash.message.get(queued.message_id)).queue == "mail"
    assert (await qstash.message.get(single.message_id)).queue is None


async def test_every_option_of_an_item_counts(qstash, server, app):
    (one,) = await qstash.message.batch_json(
        [
            {
                "url": app.url + "/later",
                "body": {"a": 1},
                "method": "PATCH",
                "headers": {"X-A": "1"},
                "delay": "1h",
                "retries": 2,
                "timeout": 30,
                "callback": app.url + "/callback",
                "callback_headers": {"Forward-X-Call": "1"},
                "failure_callback": app.url + "/failure",
                "failure_callback_headers": {"Forward-X-Fail": "1"},
                "deduplication_id": "7",
                "flow_control": {"key": "k", "rate": 3},
                "label": "invoice",
            }
        ]
    )
    message = await qstash.message.get(one.message_id)
    assert (message.body, message.method) == ('{"a": 1}', "PATCH")
    assert message.headers == {"Content-Type": ["application/json"], "X-A": ["1"]}
    assert message.not_before - message.created_at == 3_600_000
    assert message.max_retries == 2
    assert message.callback_headers == {"X-Call": ["1"]}
    assert message.failure_callback_headers == {"X-Fail": ["1"]}
    assert (message.flow_control.key, message.flow_control.rate) == ("k", 3)
    assert message.label == "invoice"
    (again,) = await qstash.message.batch([{"url": app.url, "deduplication_id": "7"}])
    assert (again.message_id, again.deduplicated) == (one.message_id, True)


async def test_redacted_items_are_hidden(qstash, app):
    (one,) = await qstash.message.batch(
        [{"url": app.url, "body": "secret", "redact": {"body": True}}]
    )
    assert (await app.one()).text == "secret"
    assert (await qstash.message.get(one.message_id)).body.startswith("REDACTED:")


async def test_a_large_batch_is_delivered_whole(qstash, app):
    sent = await qstash.message.batch([{"url": app.url, "body": str(n)} for n in range(200)])
    got = await app.received(200)
    assert sorted(int(r.text) for r in got) == list(range(200))
    assert len({p.message_id for p in sent}) == 200


async def test_items_over_a_quota_refuse_the_batch(qstash, app):
    items = [{"url": app.url}, {"url": app.url, "retries": 1_000_000}]
    with pytest.raises(QStashError, match=r"412.*quota maxRetries exceeded"):
        await qstash.message.batch(items)
    assert (await qstash.log.list()).logs == []
