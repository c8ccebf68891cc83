"""A program that comes to harm at each point of a reset at which it touches the system.

`python -m tests.store.interrupted_reset FOLDER` prints a line for each point and each kind of harm:
what it was about to do, how many messages and users the next process finds, and whether all is whole.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from qstash_dev.protocol import creation
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store
from tests.samples import NOW, message

COUNT = 20
Harm = Callable[[], None]


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise OSError("no such luck")


SYSTEM = {
    be_killed: ("os.rename", "os.link", "os.chmod", "sqlite3.connect", "open"),
    fail: ("os.rename", "os.link", "os.chmod"),
}


def main(folder: Path) -> None:
    """For each harm one round for each point, until a round has come to the end unharmed."""
    template = folder / "template.db"
    fill(template)
    for harm in (be_killed, fail):
        doing, point = "", 0
        while doing != "nothing":
            path = folder / harm.__name__ / str(point) / "messages.db"
            path.parent.mkdir(parents=True)
            shutil.copyfile(template, path)
            doing = last_words(path, point, harm)
            print(harm.__name__, doing, *found(path), flush=True)
            point += 1


def fill(path: Path) -> None:
    store = Store.open(path)
    store.keys.adopt("user", "current", "next")
    samples = [message(id=f"msg_{number}") for number in range(COUNT)]
    store.messages.apply(creation.created(samples, NOW))
    store.close()


def last_words(path: Path, point: int, harm: Harm) -> str:
    """What a process was about to do when it came to harm."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        reset(path, point, harm, lambda words: os.write(writer, words.encode()))
        be_killed()
    os.close(writer)
    os.waitpid(child, 0)
    words = os.read(reader, 1_000).decode()
    os.close(reader)
    return words


def reset(path: Path, point: int, harm: Harm, say: Callable[[str], object]) -> None:
    store = Store.open(path)
    store.keys.adopt("another", "current", "next")  # so that there is a log beside the database
    left = point

    def pass_by(event: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if event in SYSTEM[harm]:
            left -= 1
            if left == -1:
                say(event)
                harm()

    sys.addaudithook(pass_by)
    try:
        store.reset()
        if left >= 0:
            say("nothing")
    except StoreError:
        pass
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
