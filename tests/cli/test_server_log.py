"""The log in a file: begun anew when it is full, and never an error of who writes to it."""

import logging
import os
from pathlib import Path

import pytest

from qstash_dev.cli.exits import Failure
from qstash_dev.cli.log_file import FORMER_FILES, LogFile


@pytest.fixture
def logger():
    """A logger that only the test's handlers hear; they are closed at the end."""
    logger = logging.Logger("test")
    yield logger
    for handler in logger.handlers:
        handler.close()


def test_a_full_log_is_begun_anew_and_the_last_ones_are_kept(tmp_path, logger):
    path = tmp_path / "server.log"
    logger.addHandler(LogFile(path, max_bytes=1_000))
    for number in range(200):
        logger.warning("line %d", number)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["server.log", "server.log.1", "server.log.2"]
    assert len(files) == 1 + FORMER_FILES
    assert all(file.stat().st_size <= 1_000 for file in tmp_path.iterdir())
    assert path.read_text().splitlines()[-1].endswith("WARNING line 199")


def test_what_others_wrote_is_one_line_and_does_nothing_to_a_terminal(tmp_path, logger):
    path = tmp_path / "server.log"
    logger.addHandler(LogFile(path))
    evil = "\x1b]52;c;aGk=\x07\x9b31m\u202e\n2026-01-01 00:00:00,000 ERROR forged"
    logger.warning("message %s not found", evil)
    try:
        raise ValueError(evil)
    except ValueError:
        logger.exception("failed by %s", evil)
    lines = path.read_text("utf-8").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert "ERROR forged not found" in lines[0]
    assert lines[2] == "Traceback (most recent call last):"


@pytest.mark.parametrize("name", ["missing/server.log", "."], ids=["no folder", "a folder"])
def test_a_log_file_that_cannot_be_opened_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(Failure, match=r"^The log file .* cannot be opened: .*--log-file\.$"):
        LogFile(tmp_path / name)


@pytest.fixture
def pipe(tmp_path):
    """A named pipe that nobody reads."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_that_nobody_reads_is_refused_at_once(pipe):
    with pytest.raises(Failure, match="cannot be opened: nobody reads what is written to it"):
        LogFile(pipe)


def test_a_reader_that_has_stopped_reading_holds_nobody_up(pipe, logger, capsys):
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    logger.addHandler(LogFile(pipe))
    for _ in range(200):
        logger.error("x" * 1_000)
    assert os.read(reader, 5_000).count(b"ERROR") > 1
    os.close(reader)
    logger.error("it has left")
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_cannot_be_written_hurts_nobody(logger, capsys):
    logger.addHandler(LogFile(Path("/dev/full")))
    logger.error("nobody reads this")
    assert capsys.readouterr().err == ""


def test_a_log_whose_folder_is_gone_hurts_nobody(tmp_path, logger, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    logger.addHandler(LogFile(folder / "server.log", max_bytes=100))
    (folder / "server.log").unlink()
    folder.rmdir()
    for _ in range(10):
        logger.error("more than there is room for in one file, so that another is begun")
    assert capsys.readouterr().err == ""


def test_a_log_that_was_removed_is_begun_anew(tmp_path, logger):
    path = tmp_path / "server.log"
    logger.addHandler(LogFile(path))
    logger.error("before")
    path.unlink()
    logger.error("after")
    assert "after" in path.read_text()
