"""What real processes leave on disk is for their owner alone, whatever the umask."""

import os
import stat
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(params=[0o000, 0o022], ids=oct, autouse=True)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(directory):
    """Of the directory and of every file in it, by name."""
    paths = (directory, *directory.iterdir())
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


def test_the_data_directory_and_every_file_in_it_are_private(start, app, tmp_path):
    server = start("--log-file", "own.log")
    assert server.run("messages", "cancel", "msg_none").returncode != 0  # logged
    server.run("send", f"{app.url}/404", "--retries", "0")
    server.wait("state:failed")
    found = modes(tmp_path / ".qstash-dev")
    assert found.pop(".qstash-dev") == 0o700
    # The -shm file is not there: the lock is exclusive.
    assert set(found) == {"messages.db", "messages.db-wal", "server.json", ".gitignore"}
    assert {*found.values(), modes(tmp_path)["own.log"]} == {0o600}


def test_a_directory_that_was_open_to_others_is_closed_at_the_next_start(start, tmp_path):
    server = start()
    assert server.stop() == 0
    data = tmp_path / ".qstash-dev"
    for path in (data, *data.iterdir()):
        path.chmod(0o777)
    start()
    found = modes(data)
    assert found.pop(".qstash-dev") == 0o700
    assert set(found.values()) == {0o600}


def test_an_export_with_secrets_is_private_also_over_a_file_that_was_not(server, tmp_path):
    server.run("send", "http://127.0.0.1:1", "--delay", "1h", "-H", "Authorization: Bearer s")
    (tmp_path / "old.json").touch(0o644)
    for name in ("old.json", "new.json"):
        assert server.run("export", name, "--secrets").returncode == 0
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
