"""What becomes of a database whose disk is full but for so many bytes.

`python -m tests.store.full_disk FOLDER BYTES...` fills the disk of FOLDER, for each number anew, prints
it, what came of a reset and of a rescue, how many messages and users the next process finds, and
whether its database is whole.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from qstash_dev.protocol import creation
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store
from tests.samples import NOW, message

BODY = b"x" * 1_000_000


def main(folder: Path, rooms: list[int]) -> None:
    """A line for each room and deed, which come soon after the start or when the log was copied."""
    for name, is_soon, do in (
        ("soon reset", True, Store.reset),
        ("reset", False, Store.reset),
        ("rescue", False, rescue),
    ):
        for room in rooms:
            print(f"{name} {room}: {after(is_soon, do, folder, room)}", flush=True)


def after(is_soon: bool, do: Callable[[Store], object], folder: Path, room: int) -> str:
    for file in folder.iterdir():
        file.unlink()
    path = folder / "messages.db"
    store = Store.open(path)
    store.keys.adopt("user", "current", "next")
    publish(store, "msg_1")
    if not is_soon:
        asyncio.run(store.database.copy_log())
    system = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes(system.f_bavail * system.f_frsize - room))
    told = "done"
    try:
        do(store)
    except StoreError:
        others = {file.name for file in folder.iterdir()} - {
            "messages.db",
            "messages.db-wal",
            "filler",
        }
        told = f"refused, and left {others}" if others else "refused"
        (folder / "filler").unlink()
    publish(store, "msg_2")  # there is room for it now
    store.close()
    store = Store.open(path)
    messages = store.database.read_one("SELECT count(*) FROM messages")[0]
    users = store.database.read_one("SELECT count(*) FROM users")[0]
    is_whole = store.database.read_one("PRAGMA integrity_check") == ("ok",)
    store.close()
    state = "whole" if is_whole else "damaged"
    return f"{told}, {messages} messages, {users} users, is {state}"


def publish(store: Store, message_id: str) -> None:
    store.messages.apply(creation.created([message(id=message_id, body=BODY)], NOW))


def rescue(store: Store) -> None:
    """Another program has written into the body."""
    path = Path(store.database.path)
    assert store.database.is_whole()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"y" * 100_000)
    assert not store.database.is_whole()
    store.database.move_to(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [*map(int, sys.argv[2:])])
