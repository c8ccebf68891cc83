"""Which server a client command talks to.

`--url`, then QSTASH_DEV_URL, then the server that keeps its state in this directory, then the
default port. Knows no command.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from qstash_dev import given_files
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.config import Config, parsing
from qstash_dev.protocol.json_body import loads

DEFAULT_PORT = "the default port"
"""How a server was found that nothing says is running."""


class Target(Struct, frozen=True):
    """A server's address, the token it wants from clients, and how it was found."""

    url: str
    token: str | None
    found_by: str


def find(explicit: str | None, environment: Mapping[str, str], config: Config) -> Target:
    """The server to talk to. Whether it answers is not asked.

    A server that others can reach wants a token: it is in the record of the server, or else in
    QSTASH_DEV_TOKEN.
    """
    running = config.data_dir and read_record(config.data_dir / "server.json")
    named, found_by = explicit, "--url"
    if not named:
        named, found_by = environment.get("QSTASH_DEV_URL"), "QSTASH_DEV_URL"
        check(named)
    url = with_scheme(named) if named else f"http://127.0.0.1:{config.port or 8080}"
    if running and (not named or running.url == url):
        return running
    token = environment.get("QSTASH_DEV_TOKEN") or None
    return Target(url, token, found_by if named else DEFAULT_PORT)


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
    """What a running server wrote about itself; `None` when it is gone or the file is not ours."""
    try:
        record = loads(given_files.read_text_now(path))
        url, pid, token = str(record["url"]), int(record["pid"]), record.get("token")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Target(url, token if isinstance(token, str) else None, str(path)) if lives(pid) else None


def lives(pid: int) -> bool:
    """Whether a process of this number exists."""
    if pid <= 0:
        return False
    if os.name == "nt":
        # Signal 0 would end the process there; a dead server is found when it does not answer.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
