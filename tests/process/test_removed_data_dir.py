"""The data directory is removed under a running server (`git clean -fdx`): said, and nothing lost."""

import json
import shutil
import signal
import stat
import sys
import urllib.request
from pathlib import Path

import pytest

from qstash_dev.protocol.users import DEV_USERS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed")

ANEW = "Everything was written to it anew: nothing is lost."


def publish(server):
    done = server.run("send", "http://127.0.0.1:1/later", "--delay", "1h")
    return json.loads(done.stdout)["messageId"]


def kept(server):
    return {row["id"] for row in server.json("messages", "list")}


def health(server):
    headers = {"Authorization": f"Bearer {DEV_USERS[0].token}"}
    request = urllib.request.Request(f"{server.url}/_dev/health", headers=headers)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def told(server, words="while the server runs"):
    """The next notice about the directory on stdout; the test's time limit guards it."""
    for line in server.process.stdout:
        record = json.loads(line)
        if record["type"] == "notice" and words in record["text"]:
            return record["text"]
    raise AssertionError("it ended")


def kill(server):
    server.process.kill()
    server.process.wait()


def test_what_was_published_before_and_after_outlives_a_kill(start, tmp_path):
    data = tmp_path / ".qstash-dev"
    server = start()
    assert health(server)["warning"] is None
    published = {publish(server)}
    shutil.rmtree(data)
    published.add(publish(server))
    text = told(server)
    assert text.endswith(ANEW)
    assert health(server)["warning"] == text
    assert f"WARNING {text}" in server.process.stderr.readline()
    published.add(publish(server))
    assert {path.name for path in data.iterdir()} == {
        *("messages.db", "messages.db-wal", "server.json", ".gitignore")
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}
    kill(server)
    assert kept(start()) == published


def test_it_is_noticed_each_time(start, tmp_path):
    server = start()
    for _ in range(2):
        message_id = publish(server)
        shutil.rmtree(tmp_path / ".qstash-dev")
        while not (tmp_path / ".qstash-dev" / "server.json").exists():
            health(server)
    kill(server)
    assert message_id in kept(start())


def test_a_directory_that_cannot_be_made_is_tried_again(start, tmp_path):
    data = tmp_path / ".qstash-dev"
    server = start()
    message_id = publish(server)
    shutil.rmtree(data)
    data.touch()
    assert "cannot be made again" in told(server, "cannot be made")
    data.unlink()
    assert told(server).endswith(ANEW)
    kill(server)
    assert kept(start()) == {message_id}


def test_a_server_that_began_there_meanwhile_keeps_its_place(start, tmp_path):
    first = start()
    message_id = publish(first)
    first.process.send_signal(signal.SIGSTOP)
    shutil.rmtree(tmp_path / ".qstash-dev")
    second = start()
    other_id = publish(second)
    first.process.send_signal(signal.SIGCONT)
    *_, elsewhere = told(first).removesuffix(" from now on.").split()
    assert Path(elsewhere).name == f".qstash-dev-{first.ready['port']}"
    for server in (first, second):
        kill(server)
    assert kept(start()) == {other_id}
    assert kept(start("--data-dir", elsewhere)) == {message_id}
