"""Which records of a server are believed: a command sends its token to where they lead."""

import os
import signal
import subprocess
import sys

import pytest
from msgspec import json, structs

from qstash_dev import server_record
from qstash_dev.server_record import Record, began, is_left, read
from tests.own_disk import OWN_DISK, needs_own_disk

SLEEPS = [sys.executable, "-S", "-c", "input()"]


@pytest.fixture
def path(tmp_path):
    """A record of this process."""
    server_record.write(tmp_path / "server.json", "http://h", 1, "t")
    return tmp_path / "server.json"


def test_what_a_running_server_wrote_is_believed(path):
    record = read(path)
    assert record is not None
    assert record == Record("http://h", 1, os.getpid(), "t", began(os.getpid()) or "", record.among)
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


NO_BOOT = 'mount -t tmpfs tmpfs /proc/sys/kernel/random && exec "$@"'
FINDS_ITSELF = """
from pathlib import Path
from qstash_dev import server_record
server_record.write(Path("server.json"), "http://h", 1, "t")
print(server_record.read(Path("server.json")).url)
"""


@needs_own_disk
def test_a_server_is_found_where_the_system_does_not_tell_which_boot_it_was(tmp_path):
    command = [*OWN_DISK, "sh", "-c", NO_BOOT, "sh", sys.executable, "-c", FINDS_ITSELF]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "http://h\n", done.stderr


CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
SERVES = """
from pathlib import Path
from qstash_dev import server_record
server_record.write(Path("server.json"), "http://h", 1, "t")
print("ready", flush=True)
input()
"""


@needs_own_disk
def test_nobody_knows_whether_a_server_in_another_container_was_killed(tmp_path):
    command = [*CONTAINER, sys.executable, "-c", SERVES]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert not is_left(tmp_path / "server.json")
        assert read(tmp_path / "server.json") is None
        process.communicate("\n")


def test_what_a_killed_server_wrote_is_left(path):
    record = read(path)
    assert record is not None
    assert not is_left(path)
    path.write_bytes(json.encode(structs.replace(record, began="before")))
    assert is_left(path)
