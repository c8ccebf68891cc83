"""`.env` files: reading them, adopting the credentials of an app, and setting variables.

Understands what the dotenv libraries of Node and Python agree on: comments, `export`, quotes.
"""

import contextlib
import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from qstash_dev import given_files, private_files
from qstash_dev.config.errors import ConfigError
from qstash_dev.protocol.users import DEV_USERS, User, user_id_of

LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*
        (?:"((?:[^"\\]|\\.)*)"|'([^']*)'|`([^`]*)`|([^\r\n]*?))[ \t]*(?:[ \t]\#[^\r\n]*)?$""",
    re.M | re.X,
)

ENV_FILES = (".env.development.local", ".env.local", ".env.development", ".env")
"""The one that wins first, as Next.js reads them in development."""

KEPT = "before qstash-dev: "
"""Marks a line that `with_variables` put out of use."""

ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def variables(text: str) -> dict[str, str]:
    """Names and values of a `.env` file; the last of equal names counts."""
    found = {}
    for name, double, single, tick, bare in LINE.findall(text.replace("\r\n", "\n")):
        plain = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), double)
        found[name] = plain or single or tick or ("" if bare.startswith("#") else bare)
    return found


def read(path: Path) -> dict[str, str]:
    """`variables` of a file, or a `ConfigError`."""
    try:
        return variables(given_files.read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "--env-file", f'"{path}" cannot be read: {given_files.why(error)}.'
        ) from None


def adopt(path: Path, users: tuple[User, ...]) -> tuple[User, ...]:
    """Users with the credentials of the file in front, so that the app needs only `QSTASH_URL`.

    What the file does not set stays as the first user has it.
    """
    given = read(path)
    token = given.get("QSTASH_TOKEN") or users[0].token
    current = given.get("QSTASH_CURRENT_SIGNING_KEY")
    following = given.get("QSTASH_NEXT_SIGNING_KEY")
    if not (given.get("QSTASH_TOKEN") or current or following):
        raise ConfigError(
            "--env-file",
            f'"{path}" sets none of QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY and '
            "QSTASH_NEXT_SIGNING_KEY.",
        )
    known = next((user for user in users + DEV_USERS if user.token == token), None)
    base = known or users[0]
    adopted = User(
        id=known.id if known else user_id_of(token) or "env-file",
        token=token,
        current_key=current or base.current_key,
        next_key=following or base.next_key,
    )
    return adopted, *(user for user in users if user.id != adopted.id and user.token != token)


def with_variables(
    text: str, wanted: Mapping[str, str], unwanted: Collection[str] = frozenset()
) -> str:
    """The text of a `.env` file with these variables set, the unwanted ones out of use, and nothing
    lost.

    A line with another value stays as a comment above the new one; the rest is byte for byte as it
    was. The same values twice change nothing.
    """
    for name in unwanted:
        lines = text.splitlines(keepends=True)
        text = "".join(f"# {KEPT}{line}" if sets(line, name) else line for line in lines)
    newline = "\r\n" if "\r\n" in text else "\n"
    have = variables(text)
    for name, value in wanted.items():
        if have.get(name) == value:
            continue
        lines = text.splitlines(keepends=True)
        places = [n for n, line in enumerate(lines) if sets(line, name)]
        for n in places:
            lines[n] = f"# {KEPT}{lines[n]}"
        end = places[-1] + 1 if places else len(lines)
        if lines and not lines[end - 1].endswith("\n"):
            lines[end - 1] += newline
        lines.insert(end, f"{name}={value}{newline}")
        text = "".join(lines)
    return text


def sets(line: str, name: str) -> bool:
    """Whether a line gives this variable a value."""
    return re.match(rf"\s*(?:export\s+)?{re.escape(name)}\s*=", line) is not None


def write_variables(
    path: Path, wanted: Mapping[str, str], unwanted: Collection[str] = frozenset()
) -> bool:
    """Sets variables in a file, made if need be; says whether the file changed.

    Replaces the file in one step and keeps its permissions. Raises OSError, also for a symbolic
    link: who made it may mean another file to be written.
    """
    if path.is_symlink():
        raise OSError(f"it is a symbolic link; name the file itself, {path.resolve()}")
    old, mode = "", private_files.FILE
    with contextlib.suppress(FileNotFoundError), open(path, "rb", opener=_no_link) as file:
        old = file.read().decode("utf-8")
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    mark = "\ufeff" if old.startswith("\ufeff") else ""  # of an editor of Windows
    new = mark + with_variables(old.removeprefix(mark), wanted, unwanted)
    if new == old:
        return False
    private_files.replace(path, new.encode("utf-8"), mode & 0o777)
    return True


def _no_link(path: str, flags: int) -> int:
    return given_files.only_a_file(path, flags | private_files.NO_LINK)
