"""Files for their owner alone, whatever the umask and whoever was there before."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qstash_dev import private_files
from qstash_dev.cli.exits import Failure
from qstash_dev.cli.log_file import LogFile
from qstash_dev.config import Config
from qstash_dev.server import Server
from qstash_dev.store.errors import StoreError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    private_files.make_folder(tmp_path / "new" / "data")
    assert mode(tmp_path / "new" / "data") == 0o700


@pytest.mark.parametrize(("name", "found"), [(".qstash-dev", 0o700), ("project", 0o755)])
def test_a_folder_that_was_open_is_closed_if_it_is_ours(
    tmp_path: Path, name: str, found: int
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    folder.chmod(0o755)
    private_files.make_folder(folder)
    assert mode(folder) == found


@pytest.mark.parametrize("before", [None, 0o644])
@pytest.mark.parametrize("how", ["claim", "replace", "open"])
def test_a_file_is_private_whether_it_is_new_or_not(
    tmp_path: Path, how: str, before: int | None
) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_text("old")
        path.chmod(before)
    if how == "claim":
        private_files.claim(path)
    elif how == "replace":
        private_files.replace(path, b"new")
    else:
        with open(path, "w", opener=private_files.opener) as file:
            assert mode(path) == 0o600
            file.write("new")
    assert mode(path) == 0o600
    assert path.read_text() == ("new" if how != "claim" else "old" if before else "")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["messages.db", "messages.db-wal", "messages.db-shm"])
async def test_a_link_in_a_data_directory_leads_to_no_file_of_another(
    tmp_path: Path, name: str
) -> None:
    others = tmp_path / "others"
    others.write_text("mine")
    others.chmod(0o644)
    for target in (others, tmp_path / "nowhere"):
        folder = tmp_path / target.name.upper()
        folder.mkdir()
        (folder / name).symlink_to(target)
        server = Server(Config(port=0, data_dir=folder))
        with pytest.raises(StoreError, match=f"{name} is a symbolic link, to .*{target.name}"):
            await server.start()
    assert (mode(others), others.read_text()) == (0o644, "mine")
    assert not (tmp_path / "nowhere").exists()


def test_a_link_in_the_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "server.log").symlink_to(tmp_path / "others")
    with pytest.raises(Failure, match="cannot be opened"):
        LogFile(tmp_path / "server.log", is_given=False)
    assert not (tmp_path / "others").exists()
