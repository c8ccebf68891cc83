"""`serve --tunnel` and `tunnel` as people use them: a failure is told, a crash leaves no agent."""

import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

FAKE_NGROK = Path(__file__).parents[2] / "fixtures" / "fake_ngrok.py"


@pytest.fixture
def tunnel(start, tmp_path):
    """Starts a server with a tunnel over the fake agent in some mood; it has a state then."""

    def start_tunnel(mode="fine", *options):
        server = start(
            *("--tunnel", *options),
            NGROK_PATH=str(FAKE_NGROK),
            FAKE_NGROK_MODE=mode,
            FAKE_NGROK_RECORD=str(tmp_path / "record"),
            NO_COLOR="1",
        )
        for line in server.process.stdout:
            text = json.loads(line).get("text", "")
            if text.startswith("tunnel: ") and not text.startswith("tunnel: starting"):
                return server, text
        raise AssertionError(server.process.stderr.read())

    return start_tunnel


def agents(tmp_path):
    lines = map(json.loads, (tmp_path / "record").read_text().splitlines())
    return [line["pid"] for line in lines if "pid" in line]


def is_running(pid):
    """Not as a zombie either, which waits for whoever adopted it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_the_public_address_is_told_and_shown_with_what_was_refused(tunnel, tmp_path):
    server, told = tunnel()
    found = server.json("tunnel")
    assert found["state"] == "online"
    assert told.startswith(f"tunnel: {found['url']} -> http://localhost:3000")
    with pytest.raises(HTTPError, match="401"):
        urlopen(Request(f"{found['url']}/_dev/snapshot?qstash_token=secret"))
    shown = server.run("tunnel")
    assert shown.returncode == 0
    assert found["webhook"] in shown.stdout
    assert "/_dev/snapshot?qstash_token=****" in shown.stdout
    assert "no Upstash-Signature" in shown.stdout
    assert server.stop() == 0
    assert [pid for pid in agents(tmp_path) if is_running(pid)] == []


def test_a_tunnel_that_fails_is_told_and_the_server_goes_on(tunnel):
    server, told = tunnel("autherr")
    assert told.startswith("tunnel: failed. ngrok does not accept the authtoken")
    shown = server.run("tunnel")
    assert shown.returncode == 6
    assert "NGROK_AUTHTOKEN" in shown.stderr
    assert server.run("messages", "list").returncode == 0
    assert server.stop() == 0


def test_the_agent_of_a_killed_server_is_ended_by_the_next(tunnel, tmp_path):
    first, _ = tunnel()
    first.process.kill()
    first.process.communicate()
    [orphan] = agents(tmp_path)
    assert is_running(orphan)
    second, told = tunnel()
    assert "tunnel: http" in told
    assert not is_running(orphan)
    assert second.stop() == 0


def test_settings_that_do_not_fit_are_a_usage_error(launch):
    process = launch("serve", "--cloud", "--port", "0", "--memory")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "add --tunnel or --public-url" in errors


def test_without_a_tunnel_it_is_off(server):
    shown = server.run("tunnel")
    assert (shown.returncode, shown.stdout.split()) == (0, ["state:", "off"])
