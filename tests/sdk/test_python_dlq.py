"""The Python SDK's `dlq`: list, get, delete, delete_many."""

import pytest
from qstash.errors import QStashError


@pytest.fixture
async def fail(qstash, server, app):
    """Makes a dead letter; returns the message id."""

    async def make(path, answer=500, **options):
        url = app.answers(path, answer)
        published = await qstash.message.publish(url=url, retries=0, **options)
        await server.wait(f"id:{published.message_id} state:failed")
        return published.message_id

    return make


async def test_a_dead_letter_holds_the_message_and_the_last_answer(qstash, app, fail):
    answer = {"status": 503, "body": b"overloaded", "headers": {"X-Why": "busy"}}
    message_id = await fail(
        "/broken",
        answer,
        body="text",
        method="PUT",
        content_type="text/plain",
        headers={"X-A": "1"},
        callback=app.url + "/callback",
        callback_headers={"Forward-X-Call": "1"},
        retry_delay="1000",
        label="invoice",
        flow_control={"key": "k", "rate": 5},
    )
    (letter,) = (await qstash.dlq.list()).messages
    assert letter.message_id == message_id
    assert letter.url == app.url + "/broken"
    assert (letter.body, letter.method) == ("text", "PUT")
    assert letter.headers == {"Content-Type": ["text/plain"], "X-A": ["1"]}
    assert letter.callback == app.url + "/callback"
    assert letter.callback_headers == {"X-Call": ["1"]}
    assert (letter.response_status, letter.response_body) == (503, "overloaded")
    assert letter.response_headers["X-Why"] == ["busy"]
    assert letter.response_body_base64 is None
    assert (letter.max_retries, letter.retry_delay_expression) == (0, "1000")
    assert letter.label == "invoice"
    assert vars(letter.flow_control) == {"key": "k", "parallelism": None, "rate": 5, "period": 1}
    assert letter.caller_ip == "127.0.0.1"
    assert await qstash.dlq.get(letter.dlq_id) == letter


async def test_a_binary_answer_is_reported_in_base64(qstash, fail):
    await fail("/broken", {"status": 500, "body": b"\xff\x00"})
    (letter,) = (await qstash.dlq.list()).messages
    assert (letter.response_body, letter.response_body_base64) == (None, "/wA=")


async def test_without_an_answer_the_status_is_zero(qstash, server, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    published = await qstash.message.publish(url=url, retries=0)
    await server.wait(f"id:{published.message_id} state:failed")
    (letter,) = (await qstash.dlq.list()).messages
    assert letter.response_status == 0
    assert "connection refused" in letter.response_body


async def test_an_unknown_dead_letter_is_not_found(qstash):
    for act in (qstash.dlq.get, qstash.dlq.delete):
        with pytest.raises(QStashError, match="404"):
            await act("nobody")


async def test_a_deleted_letter_is_gone(qstash, fail):
    await fail("/broken")
    (letter,) = (await qstash.dlq.list()).messages
    await qstash.dlq.delete(letter.dlq_id)
    assert (await qstash.dlq.list()).messages == []
    with pytest.raises(QStashError, match="404"):
        await qstash.dlq.get(letter.dlq_id)


async def test_deleting_many_counts_those_that_existed(qstash, fail):
    for n in range(3):
        await fail(f"/broken/{n}")
    letters = (await qstash.dlq.list()).messages
    ids = [letter.dlq_id for letter in letters]
    assert await qstash.dlq.delete_many([ids[0], ids[2], "nobody"]) == 2
    assert [letter.dlq_id for letter in (await qstash.dlq.list()).messages] == [ids[1]]


async def test_pages_are_oldest_first_and_the_last_has_no_cursor(qstash, fail):
    ids = [await fail(f"/broken/{n}") for n in range(5)]
    for count in (1, 2, 5):
        found = []
        cursor = None
        while True:
            page = await qstash.dlq.list(count=count, cursor=cursor)
            found += [letter.message_id for letter in page.messages]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == ids


async def test_every_filter_selects_its_letters(qstash, app, fail):
    ids = {"/a": await fail("/a", 500, label="red"), "/b": await fail("/b", 404)}
    for filter_, expected in (
        ({"message_id": ids["/a"]}, ["/a"]),
        ({"url": app.url + "/b"}, ["/b"]),
        ({"response_status": 404}, ["/b"]),
        ({"label": "red"}, ["/a"]),
        ({"caller_ip": "127.0.0.1"}, ["/a", "/b"]),
        ({"caller_ip": "10.0.0.1"}, []),
        ({"from_time": 1}, ["/a", "/b"]),
        ({"to_time": 1}, []),
        ({"url_group": "nobody"}, []),
        ({"queue": "nobody"}, []),
        ({"schedule_id": "nobody"}, []),
        ({"label": "red", "response_status": 404}, []),
    ):
        letters = (await qstash.dlq.list(filter=filter_)).messages
        assert [letter.url.removeprefix(app.url) for letter in letters] == expected, filter_
