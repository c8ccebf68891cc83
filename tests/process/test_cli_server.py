import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from qstash_dev.config.env_file import variables
from qstash_dev.protocol.users import DEV_USERS
from tests.ports import reserved_port


def get(url, token=DEV_USERS[0].token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture
def found(launch):
    """Where commands go that are given in this directory."""

    def found():
        shown, _ = launch("env", "--shell", "dotenv").communicate(timeout=60)
        return variables(shown)["QSTASH_URL"]

    return found


def test_the_first_line_of_ndjson_says_that_it_is_ready(start):
    server = start("--memory")
    assert server.ready["type"] == "ready"
    assert server.ready["pid"] == server.process.pid
    keys = get(f"{server.url}/v2/keys")
    assert keys == {"current": DEV_USERS[0].current_key, "next": DEV_USERS[0].next_key}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stopped_server_exits_with_0(start, name):
    server = start("--memory")
    server.process.send_signal(getattr(signal, name))
    _, errors = server.process.communicate(timeout=60)
    assert (server.process.returncode, errors) == (0, "")


def test_a_pipe_gets_the_block_and_a_line_per_event(launch, app):
    process = launch("--memory", "-port=0")
    lines = [process.stdout.readline()]
    assert re.search(r"runn+ing( at|\.)", lines[0], re.IGNORECASE)
    while "publish" not in lines[-1]:
        lines.append(process.stdout.readline())
    url = variables("".join(lines))["QSTASH_URL"]
    request = urllib.request.Request(
        f"{url}/v2/publish/{app.url}/200",
        method="POST",
        headers={"Authorization": f"Bearer {DEV_USERS[0].token}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        message_id = json.load(answer)["messageId"]
    while "✓ delivered" not in lines[-1]:
        lines.append(process.stdout.readline())
    assert message_id in lines[-1]
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_events_are_records_of_ndjson(start, app):
    server = start("--memory")
    done = server.run("send", f"{app.url}/200")
    message_id = json.loads(done.stdout)["messageId"]
    states = []
    while "DELIVERED" not in states:
        record = json.loads(server.process.stdout.readline())
        assert {"type", "ts", "seq"} <= set(record)
        assert record["id"] == message_id
        states.append(record["state"])
    assert states == ["CREATED", "ACTIVE", "DELIVERED"]


def test_a_taken_port_is_code_3_in_the_words_of_the_javascript_sdk(start, launch):
    server = start("--memory")
    port = str(server.ready["port"])
    second = launch("serve", "--memory", "--port", port)
    out, errors = second.communicate(timeout=60)
    assert second.returncode == 3
    everything = (out + errors).strip()
    assert re.search("address already in use", everything, re.IGNORECASE)
    assert re.findall(r":(\d+)\s*$", everything) == [port]
    assert f"another qstash-dev (pid {server.process.pid})" in everything


def test_a_port_held_by_something_else_is_told_too(launch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(0)
        process = launch("serve", "--memory", QSTASH_DEV_PORT=str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert f"Port {port} is held by another program." in errors


def test_a_second_server_on_the_same_data_directory_is_refused(start, launch):
    first = start()
    second = launch("serve", "--port", "0")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert str(first.process.pid) in errors
    assert str(first.ready["port"]) in errors


def test_a_server_can_be_found_by_its_directory_while_it_runs(start, found, tmp_path):
    server = start()
    record = Path(tmp_path, ".qstash-dev", "server.json")
    assert json.loads(record.read_text())["url"] == server.url
    if os.name == "posix":
        assert record.stat().st_mode & 0o077 == 0
    assert found() == server.url
    assert server.stop() == 0
    assert not record.exists()


@pytest.mark.parametrize("args", [(), ("--memory",)])
def test_what_a_killed_server_wrote_leads_to_nobody_when_its_number_is_anothers(
    start, found, tmp_path, args
):
    server = start(*args)
    (record,) = Path(tmp_path, ".qstash-dev").glob("*.json")
    content = json.loads(record.read_text())
    server.process.kill()
    server.process.wait()
    record.write_text(json.dumps({**content, "pid": os.getpid()}))
    assert found() != server.url


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_a_command_says_that_it_passed_over_the_record_of_another_user(start, launch, tmp_path):
    def why_not():
        return launch("messages", "list").communicate(timeout=60)[1].splitlines()[1]

    (tmp_path / ".env").write_text("QSTASH_TOKEN=secret\n")
    with reserved_port() as port:
        (tmp_path / "qstash-dev.toml").write_text(f"port = {port}\n")
        server = start("--host", "0.0.0.0", "--port", str(port), "--env-file", ".env")
        os.chown(tmp_path / ".qstash-dev" / "server.json", 4_001, -1)
        said = (
            "The address is from: the default port, as .qstash-dev/server.json is another user's."
        )
        assert why_not() == said  # it wants a token
        server.process.kill()
        server.process.wait()
        assert why_not() == f"{said} Start a server with: qstash-dev"


def test_memory_leaves_nothing_behind(start, tmp_path):
    assert start("--memory").stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_one_in_memory_is_found_by_its_directory_unless_one_keeps_its_state_there(start, found):
    in_memory = start("--memory")
    assert found() == in_memory.url
    assert start().url == found()


@pytest.mark.parametrize("way", ["terminate", "kill"])
def test_of_several_in_memory_the_first_is_found_that_still_runs(start, found, tmp_path, way):
    def end(server):
        getattr(server.process, way)()
        server.process.communicate(timeout=60)

    first, second, third = start("--memory"), start("--memory"), start("--memory")
    assert found() == first.url
    end(second)
    assert found() == first.url
    end(first)
    assert found() == third.url
    assert third.stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_the_log_port_serves_the_api_too(start):
    with reserved_port() as port:
        server = start("--memory", "-log-port", str(port))
        assert get(f"http://127.0.0.1:{port}/v2/keys") == get(f"{server.url}/v2/keys")


def test_credentials_of_an_env_file_are_adopted_and_not_printed(start, tmp_path):
    (tmp_path / ".env.local").write_text(
        "QSTASH_TOKEN=cloud-token\nQSTASH_CURRENT_SIGNING_KEY=sig_a\nQSTASH_NEXT_SIGNING_KEY=sig_b\n"
    )
    server = start("--memory", "--env-file", ".env.local")
    assert get(f"{server.url}/v2/keys", "cloud-token") == {"current": "sig_a", "next": "sig_b"}
    assert "cloud-token" not in json.dumps(server.ready)


def test_a_bad_setting_is_code_2(launch):
    process = launch("serve", QSTASH_DEV_QUOTA="free")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert 'QSTASH_DEV_QUOTA: "free" is none of payg, pro.' in errors


def test_a_log_file_that_cannot_be_opened_is_code_2_and_a_sentence(launch, tmp_path):
    process = launch("serve", "--memory", "--log-file", str(tmp_path / "none" / "server.log"))
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert errors.startswith("Error: The log file ")
    assert "cannot be opened: No such file or directory." in errors


def test_errors_are_answered_while_the_log_has_no_room(start):
    server = start("--memory", "--verbose", "--log-file", "/dev/full")
    for _ in range(3):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{server.url}/v2/messages/none")
        refused.value.close()
        assert refused.value.code == 404
    assert server.stop() == 0


def test_no_server_is_code_5(launch):
    with reserved_port() as port:
        process = launch("messages", "list", "--url", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 5
    assert f"http://127.0.0.1:{port}" in errors


def test_a_reachable_server_wants_a_token_that_commands_find_beside_its_state(start, tmp_path):
    (tmp_path / ".env").write_text("QSTASH_TOKEN=secret\n")
    server = start("--host", "0.0.0.0", "--env-file", ".env")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/_dev/snapshot", timeout=60)
    assert refused.value.code == 401
    refused.value.close()
    assert server.json("messages", "list") == []


def test_quiet_prints_the_block_and_nothing_more(launch, app):
    process = launch("serve", "--memory", "-port", "0", "-q")
    lines = [process.stdout.readline()]
    while "publish" not in lines[-1]:
        lines.append(process.stdout.readline())
    url = variables("".join(lines))["QSTASH_URL"]
    request = urllib.request.Request(f"{url}/v2/publish/{app.url}/200", method="POST")
    request.add_header("Authorization", f"Bearer {DEV_USERS[0].token}")
    urllib.request.urlopen(request, timeout=60).close()
    process.terminate()
    rest, errors = process.communicate(timeout=60)
    assert "msg_" not in rest
    assert errors == ""


def test_env_prints_what_the_running_server_uses(start, tmp_path):
    (tmp_path / ".env.local").write_text("QSTASH_TOKEN=mine\n")
    server = start("--env-file", ".env.local")
    rotate = urllib.request.Request(f"{server.url}/v2/keys/rotate", method="POST")
    rotate.add_header("Authorization", "Bearer mine")
    with urllib.request.urlopen(rotate, timeout=60) as answer:
        keys = json.load(answer)
    assert json.loads(server.run("env", "--shell", "json").stdout) == {
        "QSTASH_URL": server.url,
        "QSTASH_TOKEN": "mine",
        "QSTASH_CURRENT_SIGNING_KEY": keys["current"],
        "QSTASH_NEXT_SIGNING_KEY": keys["next"],
        "QSTASH_DEV_PORT": server.url.rpartition(":")[2],
    }
