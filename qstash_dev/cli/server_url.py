"""Which server a client command talks to.

`--url`, then QSTASH_DEV_URL, then QSTASH_DEV_PORT, where the SDK goes as well, then the server that
was started in this directory or in one above it in the same repository, then the default port.
Knows no command.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from qstash_dev import server_record
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.config import Config, parsing
from qstash_dev.private_files import OURS
from qstash_dev.protocol.urls import is_loopback, same_port

if TYPE_CHECKING:
    from qstash_dev.console import Started

NOTES = "memory-*.json"
"""Each says where a server is that keeps nothing; one that keeps its state may run beside them."""
TRIES = 10
"""Others may remove the directory of the notes while we make it, and write while we remove it."""
DEFAULT_PORT = "the default port"
"""How a server was found that nothing says is running."""


class Target(Struct, frozen=True):
    """A server's address, the token it wants from clients, and how it was found."""

    url: str
    token: str | None
    found_by: str
    passed_over: Path | None = None
    """The record of another user, where nothing else says that a server runs."""

    def why(self) -> str:
        """A sentence on how it was found."""
        other = self.passed_over
        reason = "" if other is None else f", as {other} is another user's"
        return f"The address is from: {self.found_by}{reason}."


def find(explicit: str | None, environment: Mapping[str, str], config: Config) -> Target:
    """The server to talk to. Whether it answers is not asked.

    A server that others can reach wants a token: it is in the record of the server, or else in
    QSTASH_DEV_TOKEN.
    """
    running = next(filter(None, map(read_record, _records(config))), None)
    named, found_by = explicit, "--url"
    if not named:
        named, found_by = environment.get("QSTASH_DEV_URL"), "QSTASH_DEV_URL"
        check(named)
    if named:
        url = with_scheme(named)
    else:
        url = f"http://127.0.0.1:{config.port or 8080}"
        is_said = config.port and environment.get("QSTASH_DEV_PORT")
        found_by = "QSTASH_DEV_PORT" if is_said else DEFAULT_PORT
    if running and _is_meant(running.url, url, found_by):
        return running
    passed_over = None
    if found_by == DEFAULT_PORT:
        passed_over = next(filter(server_record.is_anothers, _records(config)), None)
    return Target(url, environment.get("QSTASH_DEV_TOKEN") or None, found_by, passed_over)


def _records(config: Config) -> Iterator[Path]:
    """Where a server says that it runs, the nearest first: with its state, or, if that is in memory,
    beside it; of several such the one that was begun first.
    """
    kept = places_of(config.data_dir) if config.data_dir is not None else ()
    for place, beside in zip_longest(kept, places_of(Path(OURS))):
        if place is not None:
            yield place / "server.json"
        if beside is not None:
            yield from _notes(beside)


def _notes(folder: Path) -> list[Path]:
    with suppress(OSError):  # the last of its servers may just remove it
        return sorted(folder.glob(NOTES), key=_written_at)
    return []


def _written_at(note: Path) -> int:
    with suppress(OSError):  # its server may just have ended
        return note.stat().st_mtime_ns
    return 0


def _is_meant(running: str, url: str, found_by: str) -> bool:
    """Whether the server of this directory is what was found: a port alone names no host."""
    if found_by == "QSTASH_DEV_PORT":
        return same_port(running, url)
    return running == url or found_by == DEFAULT_PORT


@contextmanager
def noted(started: "Started") -> Iterator[None]:
    """Inside, a server that keeps all in memory is found by its directory; then nothing is left of
    that, nor of servers that were killed. Where nothing can be written, its address must be given.
    """
    note = Path(OURS, NOTES.replace("*", str(started.pid)))
    _write(note, started)
    try:
        yield
    finally:
        with suppress(OSError):
            _remove(note)


def _write(note: Path, started: "Started") -> None:
    from qstash_dev.server import data_dir  # late: clients need no server
    from qstash_dev.store.errors import StoreError

    for _ in range(TRIES):
        with suppress(OSError, StoreError):
            data_dir.make(note.parent)
            data_dir.write_record(note.parent, started, note.name)
            return


def _remove(note: Path) -> None:
    from qstash_dev.server import data_dir

    folder = note.parent
    note.unlink()
    for other in filter(server_record.is_left, _notes(folder)):
        other.unlink(missing_ok=True)
    for _ in range(TRIES):
        if set(os.listdir(folder)) - {".gitignore"}:
            return
        (folder / ".gitignore").unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
            return
        data_dir.make(folder)  # somebody has written to it meanwhile


def places_of(data_dir: Path) -> Iterator[Path]:
    """Where the state of a server may be: here, and, as the server of a monorepo may have been started
    at its root, in the folders above, up to that of the repository.
    """
    yield data_dir
    if data_dir.is_absolute():
        return
    above = Path(os.path.abspath(".")).parents
    last = next((n for n, folder in enumerate(above) if (folder / ".git").exists()), -1)
    if not Path(".git").exists():
        yield from (folder / data_dir for folder in above[: last + 1])


def seen_from_here(told: str, asked: str) -> str:
    """The address of a server for an app beside us: as it says itself, but its `127.0.0.1` is another
    machine's, or another container's, where we ask it by a name.
    """
    is_elsewhere = is_loopback(told) and not is_loopback(asked)
    return asked if is_elsewhere else told


def check(named: str | None) -> None:
    """Raises Failure for what is no address of a server."""
    try:
        if named:
            parsing.url(with_scheme(named))
    except ValueError as error:
        raise Failure(f"QSTASH_DEV_URL: {error}", USAGE) from None


def with_scheme(text: str) -> str:
    """`8090` and `localhost:8090` are addresses, too."""
    if text.isdecimal():
        return f"http://127.0.0.1:{text}"
    return (text if "://" in text else f"http://{text}").rstrip("/")


def read_record(path: Path) -> Target | None:
    """The server that wrote it, if that still runs."""
    record = server_record.read(path)
    return Target(record.url, record.token, str(path)) if record is not None else None
