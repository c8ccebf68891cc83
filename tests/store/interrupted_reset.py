"""A program that comes to harm where a reset has written so and so much.

`python -m tests.store.interrupted_reset FOLDER` prints a line for each place and each kind of harm:
whether the reset was told to have been done, how many messages and users the next process finds, and
whether all is whole.
"""

import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from qstash_dev.protocol import creation
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store
from tests.samples import NOW, message

COUNT = 20
STEP = 10_000
HARM = {"be_killed": signal.SIG_DFL, "fail": signal.SIG_IGN}
"""What happens when a file grows beyond the limit."""


def main(folder: Path) -> None:
    """For each harm one round for each place, until a round has come to the end unharmed."""
    template = folder / "template.db"
    fill(template)
    for harm in HARM:
        told, room = "", 0
        while told != "done":
            path = folder / harm / str(room) / "messages.db"
            path.parent.mkdir(parents=True)
            shutil.copyfile(template, path)
            told = last_words(path, room, harm)
            print(harm, told, *found(path), flush=True)
            room += STEP


def fill(path: Path) -> None:
    store = Store.open(path)
    store.keys.adopt("user", "current", "next")
    samples = [message(id=f"msg_{number}") for number in range(COUNT)]
    store.messages.apply(creation.created(samples, NOW))
    store.close()


def last_words(path: Path, room: int, harm: str) -> str:
    """What a process said of its reset before its end, with so much room for the log to grow."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, reset(path, room, harm))
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writer)
    os.waitpid(child, 0)
    words = os.read(reader, 1_000).decode()
    os.close(reader)
    return words or "nothing"


def reset(path: Path, room: int, harm: str) -> bytes:
    store = Store.open(path)
    store.keys.adopt("another", "current", "next")
    signal.signal(signal.SIGXFSZ, HARM[harm])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    length = os.path.getsize(f"{path}-wal") + room
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, limit[1]))
    try:
        store.reset()
        return b"done"
    except StoreError:
        return b"refused"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        store.keys.adopt("a third", "current", "next")  # what it is told after that is kept, too


def found(path: Path) -> tuple[int, int, str]:
    """In the database, of which nothing else is left beside it."""
    store = Store.open(path)
    messages = sum(store.messages.get(None, f"msg_{n}") is not None for n in range(COUNT))
    users = store.database.read_one("SELECT count(*) FROM users")[0]
    check = store.database.read_one("PRAGMA integrity_check")[0]
    store.close()
    others = [file.name for file in path.parent.iterdir() if file != path]
    return messages, users, f"beside it: {others}" if others else check


if __name__ == "__main__":
    main(Path(sys.argv[1]))
