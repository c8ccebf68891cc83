"""Where an app's SDK would publish to, and with which keys it would verify, by its variables.

As `@upstash/qstash` 2.12 decides it (dev-server/, client/multi-region): dev mode first, then the
region's variables, then the four. Pure: files and versions are given as data.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from qstash_dev.protocol.hosts import is_empty_variable
from qstash_dev.protocol.urls import Place, place_of, site_of
from qstash_dev.protocol.users import DEV_USERS, User

Version = tuple[int, ...]
JS, WORKFLOW_JS, PYTHON = "@upstash/qstash", "@upstash/workflow", "qstash"
SDKS = (JS, WORKFLOW_JS, PYTHON, "upstash-workflow")
DEV_MODE_SINCE: Version = (2, 11, 0)
URL_SINCE: Version = (2, 7, 21)
REGIONS = ("EU_CENTRAL_1", "US_EAST_1")
FOUR = ("QSTASH_URL", "QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")


class Finding(Struct, frozen=True):
    """One thing that was looked at. `fix` is what to do about a problem."""

    level: Literal["ok", "note", "problem"]
    text: str
    fix: str | None = None


class Here(Struct, frozen=True):
    """The server that publishes should arrive at, and whom it knows; the first user is the app's."""

    url: str
    users: tuple[User, ...]

    @property
    def port(self) -> int:
        """Where it listens."""
        site = site_of(self.url)
        return site.port if site else 8080


class App(Struct, frozen=True):
    """`files` names for each variable the env file whose value counts. `sdks` are versions as they
    are asked for, or installed; `name` is the app's folder, empty for the one we are in.
    """

    values: Mapping[str, str]
    files: Mapping[str, str]
    sdks: Mapping[str, str] = {}
    name: str = ""


def judge(app: App, here: Here) -> Iterator[Finding]:
    """Green means: a publish by that app would arrive here, and its check accept what we deliver."""
    yield from _invented(app)
    switch = app.values.get("QSTASH_DEV")
    if switch in (None, "", "false", "0") or not _is_javascript(app):
        yield from _by_variables(app, here)
    elif switch not in ("true", "1"):
        yield Finding(
            "problem",
            f"QSTASH_DEV of {app.files['QSTASH_DEV']} is {switch!r}: the SDK throws.",
            "Expected true, 1, false, 0 or nothing.",
        )
    elif _is_older(app, DEV_MODE_SINCE):
        yield Finding(
            "problem",
            f"{JS} {app.sdks[JS]} does not know QSTASH_DEV, which came with 2.11.0.",
            f"Update it, or: qstash-dev env --write {app.files['QSTASH_DEV']}",
        )
    else:
        yield _dev_mode(app, here)


def _dev_mode(app: App, here: Here) -> Finding:
    file = app.files["QSTASH_DEV"]
    port = _number(app.values.get("QSTASH_DEV_PORT", "")) or 8080
    if port != here.port:
        return Finding(
            "problem",
            f"QSTASH_DEV of {file} leads to port {port}, but this server is at {here.url}.",
            f"Set QSTASH_DEV_PORT={here.port} there, or start with --port {port}.",
        )
    default, first = DEV_USERS[0], here.users[0]
    keys = (first.current_key, first.next_key)
    is_known = any(user.token == default.token for user in here.users)
    if not is_known or (first.id == default.id and default.current_key not in keys):
        return Finding(
            "problem",
            f"QSTASH_DEV of {file} makes the SDK use the default token and keys, and this server "
            "has others.",
            f"Take QSTASH_DEV out of use: qstash-dev env --write {file}",
        )
    beside = "; the QSTASH_TOKEN beside it is not used" if app.values.get("QSTASH_TOKEN") else ""
    return Finding("ok", f"QSTASH_DEV of {file} leads here ({here.url}){beside}.")


def _by_variables(app: App, here: Here) -> Iterator[Finding]:
    region = app.values.get("QSTASH_REGION", "").replace("-", "_").upper()
    prefix = ""
    if region in REGIONS and _is_javascript(app):
        own = [f"{region}_{name}" for name in FOUR[:2]]
        if all(app.values.get(name) for name in own):
            prefix = f"{region}_"
        else:
            yield Finding(
                "note",
                f"QSTASH_REGION of {app.files['QSTASH_REGION']} is {region}, but {' and '.join(own)} "
                "are not both set: the SDK takes the plain ones.",
            )
    if finding := _variables(app, here, prefix):
        yield finding


def _variables(app: App, here: Here, prefix: str) -> Finding | None:
    given = {name: app.values.get(prefix + name, "") for name in FOUR}
    if not any(given.values()):
        if not app.files:
            return None
        return Finding("note", f"{_all_files(app)} says nothing about QStash.")
    file = next(app.files[prefix + name] for name in FOUR if given[name])
    files = {name: app.files[prefix + name] if given[name] else file for name in FOUR}
    undo = f"Remove QSTASH_REGION from {app.files['QSTASH_REGION']}." if prefix else None
    for name, value in given.items():
        if is_empty_variable(value) if value else False:
            text = f"{prefix}{name} of {files[name]} is {value!r}, which is no value."
            return Finding("problem", text, undo or _write(files[name]))
    return (
        _of_url(app, given["QSTASH_URL"], here, prefix, files["QSTASH_URL"], undo)
        or _of_token(given, here, prefix, files, undo)
        or Finding("ok", f"{file} has the address and credentials of {_owner(given, here).id}.")
    )


def _of_token(
    given: Mapping[str, str], here: Here, prefix: str, files: Mapping[str, str], undo: str | None
) -> Finding | None:
    """`files` is where each variable stands: one file may have a part of them, another the rest."""
    token, file = given["QSTASH_TOKEN"], files["QSTASH_TOKEN"]
    if token and all(user.token != token for user in here.users):
        text = f"{prefix}QSTASH_TOKEN of {file} is not one of this server's."
        start = "" if prefix else f"Start with qstash-dev --env-file {file}, or "
        return Finding("problem", text, f"{start}{undo or _write(file)}")
    owner = _owner(given, here)
    keys = given["QSTASH_CURRENT_SIGNING_KEY"], given["QSTASH_NEXT_SIGNING_KEY"]
    if any(keys) and keys != (owner.current_key, owner.next_key):
        file = files[FOUR[2] if keys[0] and keys[0] != owner.current_key else FOUR[3]]
        text = (
            f"The {prefix and f'{prefix[:-1]} '}signing keys of {file} are not those of {owner.id}"
        )
        return Finding("problem", f"{text}: verification will fail.", undo or _write(file))
    return None


def _write(file: str) -> str:
    return f"qstash-dev env --write {file}"


def _of_url(
    app: App, url: str, here: Here, prefix: str, file: str, undo: str | None
) -> Finding | None:
    given = url.rstrip("/")
    if not _is_here(given, here):
        state = (
            f"of {file} is {given}"
            if given
            else f"is missing in {file}: by that file the app asks the cloud"
        )
        text = f"{prefix}QSTASH_URL {state}."
        return Finding("problem", text, undo or f"{_switch(app, here)}{_write(file)}")
    if _is_older(app, URL_SINCE):
        return Finding(
            "problem",
            f"{JS} {app.sdks[JS]} does not read QSTASH_URL, which came with 2.7.21.",
            "Update it, or write new Client({ baseUrl: process.env.QSTASH_URL, token: ... }).",
        )
    return None


def _switch(app: App, here: Here) -> str:
    """The way for who keeps variables of the cloud in the file; only the default user has it."""
    is_known = JS in app.sdks and not _is_older(app, DEV_MODE_SINCE)
    is_ours = app.values.get("QSTASH_TOKEN") in (None, *(user.token for user in here.users))
    if not is_known or is_ours or here.users[0].token != DEV_USERS[0].token:
        return ""
    port = "" if here.port == 8080 else f"QSTASH_DEV_PORT={here.port} "
    return f"Start the app with QSTASH_DEV=true {port}before its command, or: "


def _is_here(url: str, here: Here) -> bool:
    """Any spelling of this machine will do; a path behind it will not."""
    site, own = site_of(url), site_of(here.url)
    if site is None or own is None or url.count("/") > 2:
        return False
    is_same = site.host == own.host or place_of(url) is place_of(here.url) is Place.LOOPBACK
    return is_same and site.port == own.port


def _invented(app: App) -> Iterator[Finding]:
    for name in app.values:
        plain = re.sub(r"^(UPSTASH|NEXT_PUBLIC|VITE)_", "", name)
        if plain != name and plain in FOUR and not app.values.get(plain):
            yield Finding(
                "problem",
                f"{name} of {app.files[name]} is read by no SDK.",
                f"Its name is {plain}.",
            )


def _owner(given: Mapping[str, str], here: Here) -> User:
    token = given["QSTASH_TOKEN"]
    return next((user for user in here.users if user.token == token), here.users[0])


def _all_files(app: App) -> str:
    return " and ".join(dict.fromkeys(app.files.values()))


def _is_javascript(app: App) -> bool:
    """Whether the SDK of Node reads the variables; so it may be where no SDK is named."""
    return JS in app.sdks or WORKFLOW_JS in app.sdks or not app.sdks


def _is_older(app: App, since: Version) -> bool:
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", app.sdks.get(JS, ""))
    return found is not None and tuple(int(part or 0) for part in found.groups()) < since


def _number(text: str) -> int:
    """As JavaScript's `parseInt` reads it; 0 for none."""
    found = re.match(r"\s*(\d+)", text)
    return int(found[1]) if found else 0
