"""The person's own editor or pager on a body, in a file that is gone afterwards.

Which program it is comes from the environment; how the screen is handed over, from the app.
"""

import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Run = Callable[[list[str]], None]
"""Runs a program on the terminal and returns when it ends."""


def reader_command(environment: Mapping[str, str]) -> list[str]:
    """What a body is read with: the editor, else the pager."""
    return _command(environment, ("VISUAL", "EDITOR", "PAGER"), "less")


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """What a body is changed with."""
    return _command(environment, ("VISUAL", "EDITOR"), "vi")


def _command(environment: Mapping[str, str], names: Sequence[str], otherwise: str) -> list[str]:
    given = (environment[name] for name in names if environment.get(name, "").strip())
    return shlex.split(next(given, otherwise))


def open_body(body: bytes, suffix: str, command: list[str], run: Run) -> bytes:
    """Open the body in a program; the bytes of the file when it ends."""
    with tempfile.TemporaryDirectory(prefix="qstash-dev-") as folder:
        path = Path(folder) / f"body{suffix}"
        path.write_bytes(body)
        run([*command, str(path)])
        return path.read_bytes()


def suffix_of(content_type: str | None, body: bytes) -> str:
    """The ending that lets an editor choose its colours."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if "json" in kind or body[:1] in (b"{", b"["):
        return ".json"
    known = {"text/html": ".html", "application/xml": ".xml", "text/xml": ".xml"}
    return known.get(kind, ".txt")
