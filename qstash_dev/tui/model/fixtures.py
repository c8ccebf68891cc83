"""Messages saved as files to be sent again; what a file says is `devtools/fixtures`'s business.

Secrets are left out: the files are made to be committed.
"""

from pathlib import Path

from qstash_dev import given_files, private_files
from qstash_dev.devtools.documents import Detail
from qstash_dev.devtools.fixtures import (
    Fixture,
    fixture_of,
    name_for,
    read_fixture,
    write_fixture,
    written_headers,
)
from qstash_dev.tui.model.drafts import Draft


def save(detail: Detail, body: bytes, folder: Path) -> Path:
    """Write the message; the name tells the destination. Never overwrites."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, name_for(detail.request.url))
    private_files.write(path, write_fixture(fixture_of(detail, body)).encode(), private=False)
    return path


def found_in(folder: Path) -> list[Path]:
    """The saved messages."""
    return sorted(folder.glob("*.json"))


def load(path: Path) -> Draft:
    """Read a saved message. Raises ValueError (or OSError) when the file is not one."""
    return _draft_of(read_fixture(given_files.read(path)))


def draft_like(detail: Detail, body: bytes) -> Draft:
    """A draft of the same message; `detail` was asked for with its secrets."""
    return _draft_of(fixture_of(detail, body, secrets=True))


def _draft_of(fixture: Fixture) -> Draft:
    lines = [f"{name}: {value}" for name, value in written_headers(fixture)]
    return Draft(fixture.url, fixture.method, "\n".join(lines), fixture.body)


def _free(folder: Path, name: str) -> Path:
    path = folder / f"{name}.json"
    number = 2
    while path.exists():
        path = folder / f"{name}-{number}.json"
        number += 1
    return path
