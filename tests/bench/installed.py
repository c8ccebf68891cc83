"""The interpreter of an environment as users have it: what the package requires, nothing of the tests.

Some libraries do more where they find others: PyJWT alone brings 8 MiB of `cryptography` into memory
once the tests' MCP client is there. All processes of a benchmark run in it, the relay, too.
"""

import atexit
import shutil
import tempfile
import venv
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

import qstash_dev


@cache
def python() -> str:
    """Made with the first call, of links to what is installed here; removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="qstash-bench-"))
    atexit.register(shutil.rmtree, home)
    venv.create(home, symlinks=True)
    [packages] = home.glob("lib/python*/site-packages")
    ours = Path(qstash_dev.__file__).parent
    for entry in {ours}.union(*map(_entries, _required("qstash-dev"))):
        (packages / entry.name).symlink_to(entry)
    return str(home / "bin" / "python")


def _required(name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """What a distribution needs without extras, and what that needs."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        is_needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_needed and requirement.name not in seen:
            yield requirement.name
            yield from _required(requirement.name, seen | {requirement.name})


def _entries(name: str) -> set[Path]:
    """Its files and folders in the folder of installed packages."""
    found = distribution(name)
    names = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    return {Path(str(found.locate_file(entry))) for entry in names}
