"""Which records of a server are believed: a command sends its token to where they lead."""

import os
import signal
import subprocess
import sys

import pytest
from msgspec import json, structs

from qstash_dev import server_record
from qstash_dev.server_record import Record, began, read

SLEEPS = [sys.executable, "-S", "-c", "input()"]


@pytest.fixture
def path(tmp_path):
    """A record of this process."""
    server_record.write(tmp_path / "server.json", "http://h", 1, "t")
    return tmp_path / "server.json"


def test_what_a_running_server_wrote_is_believed(path):
    record = read(path)
    assert record == Record("http://h", 1, os.getpid(), "t", began(os.getpid()) or "")
    assert record.began


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "url": "u"}', "\x00"])
def test_what_is_no_record_is_not(path, text):
    path.write_text(text)
    assert read(path) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_what_another_user_laid_is_not(path):
    os.chown(path, 4_001, -1)
    assert read(path) is None


def test_a_process_that_has_the_number_of_the_server_is_not_the_server(path):
    record = read(path)
    assert record is not None
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE) as other:
        for pid in (other.pid, 0, -1, 2**70):
            path.write_bytes(json.encode({**structs.asdict(record), "pid": pid}))
            assert read(path) is None


def test_a_server_that_has_ended_is_not_there_though_nobody_has_noticed_yet():
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE) as process:
        assert began(process.pid)
        process.send_signal(signal.SIGTERM)
        while began(process.pid):  # its number is taken until we wait for it
            pass
    assert began(process.pid) is None
