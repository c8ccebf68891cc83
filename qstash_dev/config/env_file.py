"""`.env` files: reading them, and adopting the credentials of an app.

Understands what the dotenv libraries of Node and Python agree on: comments, `export`, quotes.
"""

import re
from pathlib import Path

from qstash_dev.config.errors import ConfigError
from qstash_dev.protocol.users import DEV_USERS, User, user_id_of

LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*
        (?:"((?:[^"\\]|\\.)*)"|'([^']*)'|`([^`]*)`|([^\r\n]*?))[ \t]*(?:[ \t]\#[^\r\n]*)?$""",
    re.M | re.X,
)

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
        return variables(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--env-file", f'"{path}" cannot be read: {error}.') from None


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
