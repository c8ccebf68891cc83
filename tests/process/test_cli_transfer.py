"""`export` and `import` between two real servers."""

import json
import os
import subprocess
import sys

import pytest

from qstash_dev.cli.commands.send import read_fixture
from tests.process.conftest import COMMAND, clean_environment

DESTINATION = "http://127.0.0.1:1/api?q=caf%C3%A9"


@pytest.fixture
def other(start, tmp_path):
    """A second server, somewhere else."""
    directory = tmp_path / "other"
    directory.mkdir()
    return start("--memory", directory=directory)


def test_messages_move_from_one_server_to_another(server, other, tmp_path):
    server.run(
        *("send", DESTINATION, "-d", '{"id":7}', "-H", "X-A: b", "-H", "Content-Type: text/x"),
        *("--retries", "2", "--delay", "1h", "--label", "mine", "--callback", "http://c.test"),
    )
    server.run("send", DESTINATION, "--delay", "1h", "--queue", "mail")
    exported = server.run("export", "all.json")
    assert exported.stderr == "2 messages saved in all.json.\n"
    imported = other.run("import", str(tmp_path / "all.json"))
    assert imported.returncode == 0, imported.stderr
    assert imported.stderr.endswith("2 messages sent.\n")
    queued, first = other.json("messages", "list", "--filter", "source:publish")
    assert queued["queue"] == "mail"
    detail = other.json("messages", "get", first["id"])
    assert detail["request"]["url"] == DESTINATION
    assert sorted(detail["request"]["headers"]) == [["Content-Type", "text/x"], ["X-A", "b"]]
    assert detail["request"]["body"]["text"] == '{"id":7}'
    spec = detail["spec"]
    assert (spec["max_retries"], spec["labels"]) == (2, ["mine"])
    assert spec["callback"]["url"] == "http://c.test"


def test_secrets_stay_behind_unless_asked_for(server, tmp_path):
    server.run("send", DESTINATION, "--delay", "1h", "-H", "Authorization: Bearer secret")
    server.run("export", "safe.json")
    assert "secret" not in (tmp_path / "safe.json").read_text()
    server.run("export", "all.json", "--secrets")
    (message,) = json.loads((tmp_path / "all.json").read_text())
    assert message["headers"]["Authorization"] == "Bearer secret"


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of POSIX")
def test_an_export_without_room_leaves_what_was_saved_before(server, tmp_path):
    server.run("send", DESTINATION, "--delay", "1h", "-d", "x" * 5_000)
    saved = tmp_path / "all.json"
    saved.write_text("[]")
    saved.chmod(0o640)
    export = [*COMMAND, "export", str(saved), "--url", server.url]
    without_room = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *export]
    failed = subprocess.run(
        without_room, capture_output=True, text=True, env=clean_environment(), check=False
    )
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == f'Error: "{saved}" cannot be written: File too large.\n'
    assert saved.read_text() == "[]"
    assert os.listdir(tmp_path) == ["all.json"]
    assert server.run("export", str(saved)).returncode == 0
    assert len(json.loads(saved.read_text())) == 1
    assert saved.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_an_export_goes_through_a_pipe_that_has_a_name(server, tmp_path):
    server.run("send", DESTINATION, "--delay", "1h")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        assert server.run("export", str(pipe)).returncode == 0
        assert len(json.loads(reader.read())) == 1
    assert pipe.is_fifo()


def test_redacted_messages_and_those_of_the_server_itself_stay_behind(server, app):
    server.run("send", DESTINATION, "--delay", "1h", "-H", "Upstash-Redact-Fields: body")
    message = json.loads(server.run("send", f"{app.url}/200").stdout)
    server.wait(f"id:{message['messageId']} state:ok")
    server.run("replay", message["messageId"])
    exported = server.run("export", "all.json")
    assert "has redacted fields and is left out" in exported.stderr
    assert exported.stderr.endswith("1 message saved in all.json.\n")


def test_an_exported_message_alone_is_a_fixture(server, tmp_path):
    server.run("send", DESTINATION, "--delay", "1h", "-d", "x")
    server.run("export", "all.json", "--filter", "state:delayed")
    (message,) = json.loads((tmp_path / "all.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps(message))
    assert read_fixture(tmp_path / "one.json").body == b"x"
    assert server.run("import", "one.json").returncode == 0


@pytest.mark.parametrize("text", ["", "[1]", '[{"url": 1}]'])
def test_a_file_that_holds_no_messages_is_explained(server, tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    done = server.run("import", "bad.json")
    assert done.returncode == 2
    assert '"bad.json" cannot be used: ' in done.stderr
