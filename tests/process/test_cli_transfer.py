"""`export` and `import` between two real servers."""

import json

import pytest

from qstash_dev.cli.commands.send import read_fixture

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
