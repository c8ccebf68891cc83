"""Which messages a command takes: ids, beginnings of ids, filters; and what it prints of them."""

import json

import pytest

from tests.ports import reserved_port


@pytest.fixture
def failed(server, app):
    """Ids of two messages that failed."""
    sent = [
        server.run("send", f"{app.url}/500", "--retries", "0", "--wait", "-d", text)
        for text in ("1", "2")
    ]
    assert [done.returncode for done in sent] == [1, 1]
    return [row["id"] for row in server.json("messages", "list")][::-1]


def test_verbs_take_a_filter_and_say_the_count_first(server, failed):
    done = server.run("replay", "--filter", "state:failed")
    assert done.stderr == "2 messages match state:failed.\n"
    assert [line.split()[1] for line in done.stdout.splitlines()] == failed
    server.wait("is:replay state:failed", 2)
    done = server.run("messages", "delete", "--filter", "is:replay")
    assert (done.stderr, done.stdout.count("Deleted msg_")) == ("2 messages match is:replay.\n", 2)
    done = server.run("dlq", "retry", "--filter", "dest:/500")
    assert (done.stderr, done.stdout.count("Retried ")) == ("2 messages match dest:/500.\n", 2)
    done = server.run("dlq", "delete", "--filter", "dest:/nowhere")
    assert (done.returncode, done.stderr) == (0, "0 messages match dest:/nowhere.\n")


def test_the_beginning_of_an_id_suffices_while_it_is_the_only_one(server, failed):
    one = failed[0]
    length = next(n for n in range(5, 40) if not failed[1].startswith(one[:n]))
    assert server.json("messages", "get", one[:length])["row"]["id"] == one
    several = server.run("messages", "get", "msg_")
    assert (several.returncode, "Several ids begin with" in several.stderr) == (2, True)
    assert server.run("messages", "get", "msg_nowhere").returncode == 1
    assert server.run("verify", one[:length]).returncode == 0
    dlq_id = next(e["dlq_id"] for e in server.json("dlq", "list") if e["row"]["id"] == one)
    assert server.json("dlq", "get", dlq_id[:-1])["row"]["id"] == one


def test_the_beginning_of_a_schedule_or_a_fault_suffices_too(server, shared):
    sent = server.run("send", "/x", "--cron", "0 0 1 1 *", "--callback", "/done")
    schedule = json.loads(sent.stdout)["scheduleId"]
    record = server.json("schedules", "get", schedule[:8])
    assert record["scheduleId"] == schedule
    assert record["callback"] == f"{shared.app.url}/done"
    assert server.run("schedules", "delete", schedule[:8]).returncode == 0
    assert server.run("faults", "add", "drop", "--all").stdout == "flt_1\n"
    assert server.run("faults", "clear", "flt").stderr == "1 fault is gone.\n"


def test_the_beginning_of_a_name_suffices_but_to_lose_it(server):
    for name in ("mail-orders", "mail-news", "thumbs"):
        assert server.run("send", "/x", "--queue", name, "--delay", "1h").returncode == 0
    assert server.json("queues", "get", "th")["name"] == "thumbs"
    paused = server.run("queues", "pause", "mail-o")
    assert (paused.returncode, paused.stderr) == (0, "queue mail-orders: pause done.\n")
    several = server.run("queues", "get", "mail")
    assert (several.returncode, several.stderr) == (
        2,
        'Error: Several queues begin with "mail": mail-news, mail-orders\n',
    )
    kept = server.run("queues", "delete", "thum")
    assert (kept.returncode, kept.stderr) == (
        1,
        'Error: There is no queue "thum": nothing was done. "thumbs" begins so: write it whole.\n',
    )
    assert server.run("queues", "delete", "thumbs").returncode == 0
    assert server.run("flow", "pause", "mail-api").stderr.endswith(
        "It is new: no message had it yet.\n"
    )
    other = server.run("flow", "pause", "mail")
    assert (other.returncode, '"mail-api" begins so' in other.stderr) == (1, True)


def test_what_only_the_server_knows_is_told_of_the_option(server):
    done = server.run("send", "nogroup")
    assert (done.returncode, 'no URL group "nogroup"' in done.stderr) == (1, True)
    for option, value in (("--delay", "4000d"), ("--retries", "9999")):
        done = server.run("send", "/x", option, value)
        assert (done.returncode, done.stderr.startswith(f"Error: {option}: quota max")) == (2, True)


def test_small_things_that_a_new_user_tries(server, failed, app):
    assert server.run("logs", "--limit", "0").stdout == ""
    exported = server.run("export", "-")
    assert [item["body"] for item in json.loads(exported.stdout)] == ["1", "2"]
    assert server.run("import", "-", stdin=exported.stdout).returncode == 0
    waited = server.run(
        "send", f"{app.url}/500", "--delay", "1h", "--wait", "--wait-timeout", "50ms"
    )
    assert (waited.returncode, "not finished after 50ms" in waited.stderr) == (4, True)


def test_send_shows_its_attempts_while_it_waits(server, app, launch):
    how = ("--retries", "1", "--retry-delay", "3600000", "--wait", "--url", server.url)
    waiting = launch("send", f"{app.url}/500", *how)
    assert "↻ retry  try 1 of 2" in waiting.stderr.readline()
    (row,) = server.json("messages", "list")
    assert server.run("messages", "run", row["id"]).returncode == 0
    waiting.communicate(timeout=60)
    assert waiting.returncode == 1


def test_send_says_that_what_it_waits_for_is_held(start, launch):
    server = start("--memory", "--hold")
    with reserved_port() as port:
        url = f"http://127.0.0.1:{port}"
        waiting = launch("send", url, "--wait", "--url", server.url)
        held = f"‖ held  Nothing listens at {url}: it is delivered as soon as your app does.\n"
        assert waiting.stderr.readline() == held


def test_a_path_is_one_of_the_app_in_every_command(server, shared):
    saved = json.dumps([{"url": "/saved/200", "options": {"delay": "1h"}}])
    assert server.run("import", "-", stdin=saved).returncode == 0
    sent = server.run("send", "/sent/200", "--delay", "1h", "--failure-callback", ":4000/no")
    id = json.loads(sent.stdout)["messageId"]
    spec = server.json("messages", "get", id)["spec"]
    assert spec["failure_callback"]["url"] == "http://localhost:4000/no"
    assert server.run("replay", id, "--to", "/again/200").returncode == 0
    urls = [row["url"] for row in server.json("messages", "list")]
    assert urls[1:] == [f"{shared.app.url}/{name}/200" for name in ("sent", "saved")]
    assert urls[0] == f"{shared.app.url}/again/200"
