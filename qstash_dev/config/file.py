"""`qstash-dev.toml` or `[tool.qstash-dev]` of pyproject.toml: settings, users and seeds.

Finds the file and turns its tables into text for the option table and frozen seeds. Keys may be
written `max-age`, `max_age` or `maxAge`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from qstash_dev import given_files
from qstash_dev.config.errors import ConfigError, suggestion
from qstash_dev.config.model import GroupSeed, QueueSeed, ScheduleSeed, Seeds
from qstash_dev.config.options import BY_NAME
from qstash_dev.protocol.json_body import in_words
from qstash_dev.protocol.publish import options
from qstash_dev.protocol.users import DEV_USERS, User

T = TypeVar("T", bound=Struct)

TABLES = ("routes", "users", "keys", "url-groups", "queues", "schedules")

SCHEDULE_HEADERS = {
    re.sub("([A-Z])", r"_\1", name).lower(): row.header
    for name, row in options.BY_NAME.items()
    if name not in ScheduleSeed.__struct_fields__
}
"""Keys of a schedule in the file that stand for a header of `POST /v2/schedules`."""


class Found(Struct, frozen=True):
    """A configuration file: its place, the text, and its tables with normal keys."""

    path: Path
    text: str
    settings: dict[str, list[str]]
    routes: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    seeds: Seeds = Seeds()
    keys: tuple[tuple[str, str], ...] = ()

    def where(self, key: str) -> str:
        """`qstash-dev.toml line 3, key "port"`, as far as the line can be found."""
        spelled = re.escape(key).replace("\\-", "[-_]?") + "s?"
        match = re.search(rf"^[ \t]*\[*[\"']?{spelled}[\"']?\s*[=\]]", self.text, re.M | re.I)
        line = f" line {self.text.count(chr(10), 0, match.start()) + 1}," if match else ""
        return f'{self.path.name}{line} key "{key}"'


def find(directory: Path, explicit: Path | None) -> Found | None:
    """The file to use, read. `None` when there is none; `ConfigError` when it is broken."""
    if explicit is not None:
        return read(explicit, required=True)
    return read(directory / "qstash-dev.toml") or read(directory / "pyproject.toml")


def place_of_entry(path: Path, name: str) -> str:
    """`qstash-dev.toml line 7`: where an entry has its name or id, as far as the line can be found."""
    try:
        text = given_files.read_text_now(path)
    except (OSError, ValueError):
        return path.name
    spelled = rf"""[\"']?(?:name|id)[\"']?\s*=\s*[\"']{re.escape(name)}[\"']"""
    match = re.search(spelled, text)
    return path.name + (f" line {text.count(chr(10), 0, match.start()) + 1}" if match else "")


def read(path: Path, *, required: bool = False) -> Found | None:
    """Reads one file. A pyproject.toml without our table counts as no file."""
    try:
        # A pipe is one's own only if one has named it.
        text = given_files.read_text(path) if required else given_files.read_text_now(path)
    except FileNotFoundError:
        if required:
            raise ConfigError("--config", f'there is no file "{path}".') from None
        return None
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(str(path), f"cannot be read: {given_files.why(error)}.") from None
    is_shared = path.name == "pyproject.toml"
    if is_shared and "qstash-dev" not in text:
        return (
            None  # most have nothing for us, and to parse them takes as long as to open the store
        )
    try:
        content = read_toml(text)
    except ValueError as error:
        raise ConfigError(str(path), f"cannot be read: {error}.") from None
    if is_shared:
        tool = content.get("tool")
        ours = tool.get("qstash-dev") if isinstance(tool, dict) else None
        return interpret(path, text, ours) if isinstance(ours, dict) else None
    return interpret(path, text, content)


def read_toml(text: str) -> dict[str, Any]:
    """A TOML document. Raises ValueError."""
    import tomllib  # only those who have a file pay for it

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def interpret(path: Path, text: str, content: dict[str, Any]) -> Found:
    """Sorts keys into settings and tables; an unknown key is an error."""
    place = Found(path, text, {})
    settings: dict[str, list[str]] = {}
    tables: dict[str, Any] = {}
    for key, value in content.items():
        name = normal(key)
        if name in TABLES:
            tables[name] = value
        elif name in BY_NAME and name != "config":
            settings[name] = as_texts(value, BY_NAME[name].kind, place.where(key))
        else:
            near = suggestion(name, [*BY_NAME, *TABLES])
            raise ConfigError(place.where(key), f"unknown setting.{near}")
    if "routes" in tables:
        settings["route"] = settings.get("route", []) + route_texts(tables["routes"], place)
    users = entries(tables, "users", User, place)
    first = (users or DEV_USERS)[0].id
    return Found(
        path,
        text,
        settings,
        users=distinct(users, "users", place, first),
        keys=tuple(key_pairs(tables.get("keys", {}), place)),
        seeds=Seeds(
            groups=distinct(
                entries(tables, "url-groups", GroupSeed, place), "url-groups", place, first
            ),
            queues=distinct(entries(tables, "queues", QueueSeed, place), "queues", place, first),
            schedules=distinct(
                entries(tables, "schedules", ScheduleSeed, place), "schedules", place, first
            ),
        ),
    )


def distinct(found: tuple[T, ...], name: str, place: Found, first_user: str) -> tuple[T, ...]:
    """The entries of a table, of which no two are of one name: which of them counts nobody can tell."""
    numbers: dict[tuple[str, str], int] = {}
    for number, entry in enumerate(found, 1):
        called = str(getattr(entry, "name", None) or getattr(entry, "id", ""))
        user = str(getattr(entry, "user", None) or first_user)
        earlier = numbers.setdefault((called, user), number)
        if earlier != number:
            problem = f'entry {number}: entry {earlier} has the name "{called}" already.'
            raise ConfigError(place.where(name), problem)
    return found


def normal(key: str) -> str:
    """`maxAge` and `max_age` are `max-age`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", key).lower().replace("_", "-")


def as_texts(value: Any, kind: str, where: str) -> list[str]:
    """A TOML value as what a flag of that kind would carry; lists are repeated flags, or one with
    commas.
    """
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str | int | float):
        return [str(value)]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if kind not in ("many", "commas"):
            raise ConfigError(where, "expected one value, not a list.")
        return list(value) if kind == "many" else [",".join(value)]
    raise ConfigError(where, f"{value!r} is no value for a setting; expected text or a number.")


def route_texts(value: Any, place: Found) -> list[str]:
    """`[routes]`, a table of destination prefixes, as `FROM=TO`."""
    if isinstance(value, dict) and all(isinstance(to, str | int) for to in value.values()):
        return [f"{source}={to}" for source, to in value.items()]
    raise ConfigError(place.where("routes"), "expected a table of destination = address.")


def key_pairs(value: Any, place: Found, before: str = "") -> Iterator[tuple[str, str]]:
    """`[keys]`: a command's id, and a key or several. `message.replay` is a table within a table."""
    for name, keys in value.items() if isinstance(value, dict) else [("keys", None)]:
        texts = [keys] if isinstance(keys, str) else keys
        if isinstance(keys, dict):
            yield from key_pairs(keys, place, f"{before}{name}.")
        elif isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            yield before + name, ",".join(texts)
        else:
            where = place.where(before + name)
            raise ConfigError(where, 'expected a key such as "r", or a list of keys.')


def entries(tables: dict[str, Any], name: str, kind: type[T], place: Found) -> tuple[T, ...]:
    """The tables `[[name]]` as values of `kind`."""
    listed = tables.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ConfigError(place.where(name), f"expected tables that begin with [[{name}]].")
    found = []
    for number, item in enumerate(listed, 1):
        fields = {normal(key).replace("-", "_"): value for key, value in item.items()}
        if kind is ScheduleSeed:
            fields = with_headers(fields)
        unknown = set(fields) - set(kind.__struct_fields__)
        for word in sorted(field.replace("_", "-") for field in unknown)[:1]:
            known = [field.replace("_", "-") for field in kind.__struct_fields__]
            near = suggestion(word, known) or f" There are: {', '.join(known)}."
            raise ConfigError(place.where(name), f'entry {number}: unknown key "{word}".{near}')
        try:
            found.append(convert(fields, kind))
        except ValidationError as error:
            raise ConfigError(
                place.where(name), f"entry {number}: {in_words(str(error), kind)}."
            ) from None
    return tuple(found)


def with_headers(fields: dict[str, Any]) -> dict[str, Any]:
    """A schedule whose shorthand keys became headers."""
    headers = fields.get("headers", {})
    if not isinstance(headers, dict):
        return fields
    pairs = list(headers.items())
    rest = {key: value for key, value in fields.items() if key not in SCHEDULE_HEADERS}
    pairs += [(SCHEDULE_HEADERS[k], str(v)) for k, v in fields.items() if k in SCHEDULE_HEADERS]
    return {**rest, "headers": pairs}
