"""Files that are endless, huge or no files: a sentence, and nobody waits for ever."""

import os
from pathlib import Path

import pytest

from qstash_dev import given_files
from qstash_dev.cli.bodies import read_body
from qstash_dev.cli.commands.transfer import read_fixtures
from qstash_dev.cli.exits import Failure
from qstash_dev.config import Config, ConfigError, load
from qstash_dev.config.env_file import write_variables
from qstash_dev.server import Server
from qstash_dev.store.errors import StoreError

ENDLESS = Path("/dev/zero")
endless = pytest.mark.skipif(not ENDLESS.exists(), reason="there is no endless file")


@pytest.fixture
def sparse(tmp_path):
    """A file of a terabyte that takes no room."""
    path = tmp_path / "huge"
    path.touch()
    os.truncate(path, 10**12)
    return path


@endless
def test_an_endless_file_is_refused_by_its_size():
    with pytest.raises(OSError, match="it is larger than 4 MB"):
        given_files.read_text(ENDLESS)
    with pytest.raises(OSError, match="it is no file"):
        given_files.read_now(ENDLESS)


def test_a_huge_file_is_refused_where_people_give_it(sparse, tmp_path):
    with pytest.raises(Failure, match='huge" cannot be used: it is larger than 256 MB'):
        read_fixtures(sparse)
    with pytest.raises(Failure, match="cannot be read: it is larger than"):
        read_body(f"@{sparse}")
    for flag in ("config", "env-file"):
        with pytest.raises(ConfigError, match="cannot be read: it is larger than 4 MB"):
            load("serve", {flag: [str(sparse)]}, {}, tmp_path)


def test_a_text_of_windows_is_read_and_written_in_its_own_way(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfQSTASH_TOKEN=a\r\nOTHER=b\r\n")
    assert (
        given_files.read_text_now(path)
        == given_files.read_text(path)
        == "QSTASH_TOKEN=a\nOTHER=b\n"
    )
    write_variables(path, {"QSTASH_TOKEN": "t"})
    assert path.read_bytes() == (
        b"\xef\xbb\xbf# before qstash-dev: QSTASH_TOKEN=a\r\nQSTASH_TOKEN=t\r\nOTHER=b\r\n"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("QSTASH_TOKEN=a".encode("utf-16"), "it is no text in UTF-8"),
    ],
)
def test_why_a_file_cannot_be_used_is_told_in_words(tmp_path, content, reason):
    path = tmp_path / "given"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf'given" cannot be read: {reason}\.$'):
        load("serve", {"env-file": [str(path)]}, {}, tmp_path)


def test_a_file_of_messages_that_is_none_is_called_no_json(tmp_path):
    path = tmp_path / "given"
    path.write_text("junk")
    with pytest.raises(Failure, match='given" cannot be used: it is no JSON: Expecting value'):
        read_fixtures(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize(
    ("name", "read"),
    [
        (".env", given_files.read_text_now),
        (".env", lambda path: write_variables(path, {"QSTASH_TOKEN": "t"})),
        ("pyproject.toml", lambda path: load("serve", {}, {}, path.parent)),
        ("qstash-dev.toml", lambda path: load("serve", {}, {}, path.parent)),
    ],
    ids=["app", "written", "project", "settings"],
)
def test_nobody_waits_for_the_other_end_of_a_pipe(tmp_path, name, read):
    os.mkfifo(tmp_path / name)
    with pytest.raises((OSError, ConfigError), match="it is no file"):
        read(tmp_path / name)


@pytest.mark.parametrize("below", ["", "deeper/still"])
async def test_a_data_directory_that_is_a_file_is_called_that(tmp_path, below):
    (tmp_path / "data").touch()
    server = Server(Config(port=0, data_dir=tmp_path / "data" / below))
    with pytest.raises(StoreError, match=r"data is a file; take another --data-dir"):
        await server.start()


async def test_a_data_directory_that_is_a_link_to_nowhere_is_called_that(tmp_path):
    (tmp_path / "data").symlink_to(tmp_path / "gone")
    with pytest.raises(StoreError, match=r"data is a link to .*gone, which is not there"):
        await Server(Config(port=0, data_dir=tmp_path / "data")).start()
