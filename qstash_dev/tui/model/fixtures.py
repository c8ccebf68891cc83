"""Messages saved as files to be sent again; what a file says is `devtools/fixtures`'s business.

Secrets are left out: the files are made to be committed.
"""

import re
from pathlib import Path

from qstash_dev import given_files
from qstash_dev.client import Detail
from qstash_dev.devtools.fixtures import (
    fixture_of,
    publish_headers,
    read_fixture,
    write_fixture,
)
from qstash_dev.tui.model.drafts import Draft

_OWN = "upstash-forward-"


def save(detail: Detail, body: bytes, folder: Path) -> Path:
    """Write the message; the name tells the destination. Never overwrites."""
    url = detail.request.url
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, re.sub(r"[^a-z0-9]+", "-", _path_of(url).lower()).strip("-"))
    path.write_text(write_fixture(fixture_of(detail, body)), "utf-8")
    return path


def found_in(folder: Path) -> list[Path]:
    """The saved messages."""
    return sorted(folder.glob("*.json"))


def load(path: Path) -> Draft:
    """Read a saved message. Raises ValueError (or OSError) when the file is not one."""
    fixture = read_fixture(given_files.read(path))
    pairs = publish_headers(fixture)[1:]
    lines = [f"{_plain(name)}: {value}" for name, value in pairs]
    return Draft(fixture.url, fixture.method, "\n".join(lines), fixture.body)


def _plain(name: str) -> str:
    return name[len(_OWN) :] if name.lower().startswith(_OWN) else name


def _path_of(url: str) -> str:
    rest = url.partition("://")[2] or url
    return (rest.partition("/")[2].partition("?")[0] or rest)[:60]


def _free(folder: Path, name: str) -> Path:
    path = folder / f"{name or 'message'}.json"
    number = 2
    while path.exists():
        path = folder / f"{name or 'message'}-{number}.json"
        number += 1
    return path
