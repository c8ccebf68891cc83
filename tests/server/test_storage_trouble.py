"""When the database refuses: an error for whoever waited, and a server that goes on as if not asked."""

import asyncio
import contextlib

import pytest

from qstash_dev.store.errors import StoreError
from tests.patience import PATIENCE_S

AT_COMMIT = (
    "CREATE TABLE doom (message INTEGER REFERENCES messages (seq) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TRIGGER doomed AFTER INSERT ON messages WHEN NEW.url LIKE '%doomed' "
    "BEGIN INSERT INTO doom VALUES (-1); END",
)
AT_ONCE = (
    "CREATE TRIGGER doomed BEFORE INSERT ON messages WHEN NEW.url LIKE '%doomed' "
    "BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
)


def break_store(running, statements):
    database = running.server._store.database
    database.commit()
    database.read("PRAGMA foreign_keys = ON")
    with database:
        for statement in statements:
            database.write(statement)


async def mend_store(running):
    """Again if the transaction that this was part of is undone for another's sake."""
    mended = False
    while not mended:
        await asyncio.sleep(0)
        with contextlib.suppress(StoreError):
            break_store(running, ("DROP TRIGGER doomed",))
            await running.server._store.database.committed()
            mended = True


@pytest.mark.parametrize("statements", [AT_COMMIT, AT_ONCE], ids=["at commit", "at once"])
async def test_a_publish_that_cannot_be_stored_is_an_error_and_leaves_nothing(
    start, make_app, statements
):
    app = make_app()
    await app.start()
    running = await start()
    break_store(running, statements)
    error = await running.call("POST", f"/v2/publish/{app.url}/doomed", "{}", status=500)
    assert error["error"].startswith("cannot write to the database")
    kept = await running.publish(f"{app.url}/kept")
    await running.wait("state:delivered")
    snapshot = await running.call("GET", "/_dev/snapshot")
    assert [row["id"] for row in snapshot["rows"]] == [kept]
    assert [path for _, path, _, _ in app.requests] == ["/kept"]


@pytest.mark.parametrize("statements", [AT_COMMIT, AT_ONCE], ids=["at commit", "at once"])
async def test_among_many_publishes_all_acknowledged_ones_are_delivered(
    start, make_app, statements
):
    app = make_app()
    await app.start()
    running = await start()
    break_store(running, statements)

    acknowledged = set()

    async def client(name):
        for number in range(20):
            path = "doomed" if (name + number) % 5 == 0 else f"{name}/{number}"
            with contextlib.suppress(AssertionError):
                acknowledged.add(await running.publish(f"{app.url}/{path}"))

    await asyncio.gather(*map(client, range(3)))
    assert 0 < len(acknowledged) <= 48
    for message_id in acknowledged:
        await running.wait(f"state:delivered id:{message_id}")
    snapshot = await running.call("GET", "/_dev/snapshot")
    assert snapshot["counts"]["messages"] == snapshot["counts"]["delivered"]


async def test_a_batch_of_which_one_item_cannot_be_stored_acknowledges_nothing(start, make_app):
    app = make_app()
    await app.start()
    running = await start()
    break_store(running, AT_ONCE)
    items = [{"destination": f"{app.url}/{path}", "body": "{}"} for path in ("a", "doomed", "b")]
    error = await running.call("POST", "/v2/batch", items, status=500)
    assert error["error"].startswith("cannot write to the database")
    snapshot = await running.call("GET", "/_dev/snapshot")
    assert snapshot["counts"]["messages"] == 0


async def test_a_delivery_under_way_during_a_rollback_is_made_again_with_its_id(start, make_app):
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def answer():
        arrived.set()
        await may_answer.wait()
        return 200

    app = make_app(lambda path, count: answer())
    await app.start()
    running = await start()
    break_store(running, AT_COMMIT)
    message_id = await running.publish(f"{app.url}/slow")
    await arrived.wait()
    await running.call("POST", f"/v2/publish/{app.url}/doomed", "{}", status=500)
    may_answer.set()
    (row,) = await running.wait("state:delivered")
    assert row["id"] == message_id
    ids = {headers["Upstash-Message-Id"] for _, _, headers, _ in app.requests}
    assert ids == {message_id}


RELEASE = "AFTER UPDATE ON messages WHEN OLD.held IS NOT NULL AND NEW.held IS NULL"
NO_RELEASE = {
    "at commit": (
        AT_COMMIT[0],
        f"CREATE TRIGGER doomed {RELEASE} BEGIN INSERT INTO doom VALUES (-1); END",
    ),
    "at once": (f"CREATE TRIGGER doomed {RELEASE} BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",),
}


@pytest.mark.parametrize("statements", NO_RELEASE.values(), ids=NO_RELEASE)
async def test_held_messages_are_delivered_once_their_release_can_be_written(
    start, make_app, statements, caplog
):
    app = make_app()
    running = await start(hold=True)
    await running.publish(f"{app.url}/held")
    await running.wait("is:held")
    break_store(running, statements)
    await app.start()
    async with asyncio.timeout(PATIENCE_S):
        while "it is tried again" not in caplog.text:
            await asyncio.sleep(0)
    await mend_store(running)
    await running.wait("state:delivered")


@pytest.mark.parametrize("path", ["/v2/keys", "/v2/queues", "/_dev/health", "/_dev/snapshot"])
async def test_who_only_reads_is_answered_while_nothing_can_be_written(start, path):
    running = await start()
    break_store(running, AT_COMMIT)
    database = running.server._store.database
    await database.committed()
    reading = asyncio.create_task(running.call("GET", path))
    while not reading.done():  # every commit fails
        with database:
            database.write("INSERT INTO doom VALUES (-1)")
        await asyncio.sleep(0)
    await reading  # it fails if the answer is an error


async def test_the_record_by_which_clients_find_the_server_is_written_again(start, tmp_path):
    server = await start(data_dir=tmp_path)
    record = tmp_path / "server.json"
    before = record.read_text()
    record.unlink()
    assert server.server._guard.look()
    assert record.read_text() == before


async def test_a_database_that_is_emptied_is_written_anew_and_that_is_told(start, tmp_path):
    server = await start(data_dir=tmp_path)
    before = await server.publish("http://127.0.0.1:1", Upstash_Delay="1h")
    (tmp_path / "messages.db").write_bytes(b"")
    assert server.server._guard.look()
    status = await server.status()
    assert "messages.db was written to by another program" in status["warning"]
    assert status["notice"]["text"] == status["warning"]
    after = await server.publish("http://127.0.0.1:1", Upstash_Delay="1h")
    await server.server.stop()
    again = await start(data_dir=tmp_path)
    rows = (await again.call("GET", "/_dev/messages"))["rows"]
    assert [row["id"] for row in rows] == [after, before]


async def test_where_another_database_is_saved_already_none_is_written_over_it(start, tmp_path):
    data = tmp_path / "data"
    server = await start(data_dir=data)
    saved = tmp_path / f"data-{server.server.started.port}" / "messages.db"
    saved.parent.mkdir()
    saved.write_bytes(b"of the last time")
    (data / "messages.db").unlink()
    (data / "messages.db").write_bytes(b"another's")
    assert server.server._guard.look()
    assert server.server._guard.directory == saved.parent.with_name(f"{saved.parent.name}-2")
    assert saved.read_bytes() == b"of the last time"
    await server.publish("http://127.0.0.1:1", Upstash_Delay="1h")
    assert server.server._guard.look()


async def test_a_step_is_refused_in_the_same_words_when_its_run_cannot_be_told(start):
    running = await start()
    of_run = {"Upstash-Workflow-RunId": "wfr_1", "Upstash-Delay": "1d"}
    await running.call("POST", "/v2/trigger/http://localhost:1/wf", "", headers=of_run)
    break_store(
        running,
        ("CREATE TRIGGER doomed BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'full'); END",),
    )
    refused = "POST", "/v2/publish/localhost:1", ""
    told = await running.call(*refused, headers=of_run, status=400)
    assert told == await running.call(*refused, status=400)
