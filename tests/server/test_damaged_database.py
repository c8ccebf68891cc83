"""Any page of the database is damaged: a start that works, or one sentence that says what to do."""

import os

from qstash_dev.config import Config
from qstash_dev.server import Server
from qstash_dev.store.errors import StoreError

PAGE = 4096


async def filled(directory):
    """A directory with messages of every table's kind; the bytes of its database."""
    server = await started(directory)
    store = server._store
    for number in range(30):
        with store.database:
            store.database.write(
                "INSERT INTO deduplication VALUES ('u', ?, ?, 9)", (f"k{number}" * 30, "x" * 400)
            )
    await server.stop()
    return (directory / "messages.db").read_bytes()


async def started(directory):
    server = Server(Config(port=0, data_dir=directory, host=("127.0.0.1",)))
    await server.start()
    return server


async def refusal(directory):
    """Why a server does not start there; `None` if it does."""
    try:
        server = await started(directory)
    except StoreError as error:
        return str(error)
    await server.stop()
    return None


async def test_every_damaged_page_is_survived_or_told_in_one_sentence(tmp_path, caplog):
    good = await filled(tmp_path)
    refusals = set()
    for start in range(PAGE, len(good), 2 * PAGE):
        damaged = good[:start] + os.urandom(PAGE) + good[start + PAGE :]
        (tmp_path / "messages.db").write_bytes(damaged)
        refusals.add(await refusal(tmp_path))
    refusals.discard(None)
    assert refusals
    for sentence in refusals:
        assert "the file is damaged: move it away and start again" in sentence
    assert "Traceback" not in caplog.text
