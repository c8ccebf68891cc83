"""Whose a port is: of an app, of what ran before it, of nobody when the app has ended."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qstash_dev.child.holder import may_be_of


def test_what_ran_before_the_app_is_no_part_of_it() -> None:
    app = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    with app, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert not may_be_of(app.pid, port)
        assert may_be_of(os.getpid(), port)
        app.communicate(b"\n")


def test_an_app_that_has_ended_listens_nowhere() -> None:
    app = subprocess.Popen([sys.executable, "-S", "-c", ""])
    app.wait()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not may_be_of(app.pid, listening.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="a program has the name of its link there")
def test_what_forwards_to_containers_may_listen_for_the_app(tmp_path: Path) -> None:
    (tmp_path / "com.docker.backend").symlink_to(sys.executable)
    listen = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); "
    )
    forwarder = subprocess.Popen(
        [str(tmp_path / "com.docker.backend"), "-S", "-c", listen + "input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert forwarder.stdout is not None
    port = int(forwarder.stdout.readline())
    app = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    assert may_be_of(app.pid, port)
    app.communicate(b"\n")
    forwarder.communicate(b"\n")
