"""Client commands against a real server that delivers to a real app."""

import json

import pytest


@pytest.fixture
def app(shared):
    return shared.app


def sent(server, *args):
    """The id of a message sent by hand."""
    done = server.run("send", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["messageId"]


def test_send_reaches_the_app_with_body_and_headers(server, app):
    done = server.run(
        *("send", "/orders/200", "-d", "hello", "-H", "X-Tenant: acme"),
        *("-H", "Content-Type: text/plain", "--label", "mine", "--wait"),
    )
    assert done.returncode == 0, done.stderr
    path, headers, body = app.received[0]
    assert (path, body) == ("/orders/200", b"hello")
    assert (headers["X-Tenant"], headers["Content-Type"]) == ("acme", "text/plain")
    assert "✓ delivered" in done.stdout
    assert "labels:" in done.stdout
    assert "HTTP/1.0 200" in done.stdout


def test_send_labels_json_as_json_and_leaves_all_else_as_it_is(server, app):
    for body in ('{"a": 1}', "[1]", "hello", "42"):
        server.run("send", "/200", "-d", body, "--wait")
    server.run("send", "/200", "-d", "{}", "-H", "content-type: text/x", "--wait")
    sent = [headers.get("Content-Type") for _, headers, _ in app.received]
    raw = "application/octet-stream"
    assert sent == ["application/json", "application/json", raw, raw, "text/x"]


def test_send_waits_for_a_failure_too(server):
    done = server.run("send", "/500", "--retries", "0", "--wait")
    assert done.returncode == 1
    assert "✗ failed" in done.stdout


def test_a_failure_and_its_place_on_the_page_are_told_and_opened(server, tmp_path, monkeypatch):
    message_id = sent(server, "/500", "--retries", "0")
    server.wait("state:failed")
    place = f"{server.url}/_dev/#/messages/{message_id}"
    assert place in server.run("messages", "get", message_id).stdout
    assert place in server.run("logs").stdout
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > "$(dirname "$0")/opened"\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    assert server.run("open", message_id).stdout == f"{place}\n"
    assert (tmp_path / "opened").read_text() == f"{place}\n"


def test_send_reads_a_body_from_stdin_and_a_fixture_from_a_file(server, app, tmp_path):
    assert server.run("send", "/200", "-d", "-", "--wait", stdin="piped").returncode == 0
    fixture = {"url": f"{app.url}/a/200", "headers": {"X-A": "b"}, "body": {"id": 7}}
    (tmp_path / "order.json").write_text(json.dumps(fixture))
    assert server.run("send", "--fixture", "order.json", "--wait").returncode == 0
    (_, _, piped), (path, headers, saved) = app.received
    assert piped == b"piped"
    assert (path, headers["X-A"], saved) == ("/a/200", "b", b'{"id":7}')


def test_send_as_another_user(server):
    message_id = sent(server, "/200", "--delay", "1h", "--user", "testUser2")
    (row,) = server.json("messages", "list")
    assert (row["id"], row["user"]) == (message_id, "testUser2")


def test_what_the_server_refuses_is_told(server):
    done = server.run("send", "no-such-group")
    assert (done.returncode, done.stdout) == (1, "")
    assert 'There is no URL group "no-such-group"' in done.stderr


def test_messages_are_listed_newest_first_and_by_filter(server):
    first = sent(server, "/200", "--delay", "1h")
    second = sent(server, "/200", "--delay", "2h")
    assert [row["id"] for row in server.json("messages", "list")] == [second, first]
    assert server.json("messages", "list", "--filter", f"id:{first}")[0]["id"] == first
    table = server.run("messages", "list", "--limit", "1")
    head, line = table.stdout.splitlines()
    assert head.split() == ["TIME", "STATE", "CODE", "TRY", "ID", "DESTINATION", "ERROR"]
    assert second in line
    assert "1 of 2" in table.stderr


def test_one_message_is_shown_whole(server):
    server.run("send", "/500", "-d", "some body", "--retries", "0", "--wait")
    (row,) = server.json("messages", "list", "--filter", "state:failed")
    text = server.run("messages", "get", row["id"]).stdout
    for part in ("✗ failed", row["id"], "some body", "Attempt 1", "HTTP/1.0 500", "answer"):
        assert part in text
    assert server.json("messages", "get", row["id"])["request"]["body"]["text"] == "some body"
    assert server.run("messages", "get", row["id"], "--body").stdout == "some body"


def test_a_delayed_message_is_run_now_or_canceled_and_deleted(server, app):
    first = sent(server, "/200", "--delay", "1h")
    assert server.run("messages", "run", first).returncode == 0
    server.wait(f"id:{first} state:ok")
    second = sent(server, "/200", "--delay", "1h")
    assert server.run("messages", "cancel", second).returncode == 0
    server.wait(f"id:{second} state:canceled")
    assert server.run("messages", "delete", first, second).returncode == 0
    assert server.json("messages", "list") == []
    assert len(app.received) == 1


def test_every_id_is_tried_and_a_refusal_makes_the_exit_code_1(server):
    known = sent(server, "/200", "--delay", "1h")
    done = server.run("messages", "cancel", "msg_unknown", known)
    assert done.returncode == 1
    assert "msg_unknown: " in done.stderr
    assert f"Canceled {known}" in done.stdout


def test_a_dead_letter_is_listed_shown_retried_and_deleted(server):
    server.run("send", "/500", "--retries", "0", "--wait")
    (entry,) = server.json("dlq", "list")
    dlq_id = entry["dlq_id"]
    assert dlq_id in server.run("dlq", "list").stdout
    assert "HTTP/1.0 500" in server.run("dlq", "get", dlq_id).stdout
    retried = server.run("dlq", "retry", dlq_id)
    new = retried.stdout.split()[-1]
    server.wait(f"id:{new} state:failed")
    (entry,) = server.json("dlq", "list")
    assert entry["row"]["id"] == new
    assert server.run("dlq", "delete", entry["dlq_id"]).returncode == 0
    empty = server.run("dlq", "list")
    assert (empty.stdout, empty.stderr) == ("", "The dead letter queue is empty.\n")


def test_replay_makes_a_new_message_and_leaves_the_old_one(server, app):
    server.run("send", "/200", "-d", "old", "--wait")
    (old,) = server.json("messages", "list")
    done = server.run(
        *(
            "replay",
            old["id"],
            "--set-body",
            "new",
            "-H",
            "X-Again: yes",
            "--to",
            f"{app.url}/b/200",
        )
    )
    new = done.stdout.split()[-1]
    server.wait(f"id:{new} state:ok")
    path, headers, body = app.received[1]
    assert (path, headers["X-Again"], body) == ("/b/200", "yes", b"new")
    assert server.json("messages", "get", new)["row"]["parent"] == old["id"]
    assert server.run("messages", "get", old["id"], "--body").stdout == "old"


def test_replay_by_filter_takes_all_that_match_in_order(server):
    for text in ("1", "2"):
        server.run("send", "/500", "-d", text, "--retries", "0", "--wait")
    assert server.run("replay", "--filter", "state:failed").returncode == 0
    server.wait("is:replay state:failed", 2)
    rows = server.json("messages", "list", "--filter", "is:replay")
    bodies = [server.run("messages", "get", row["id"], "--body").stdout for row in rows]
    assert bodies == ["2", "1"]
    nothing = server.run("replay", "--filter", "state:canceled")
    assert (nothing.returncode, nothing.stderr) == (0, "0 messages match state:canceled.\n")


def test_logs_are_a_line_or_a_record_per_event(server):
    server.run("send", "/200", "--wait")
    lines = server.run("logs").stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["created", "active", "delivered"]
    records = [json.loads(line) for line in server.run("logs", "--json").stdout.splitlines()]
    assert [record["state"] for record in records] == ["CREATED", "ACTIVE", "DELIVERED"]
    assert server.run("logs", "--filter", "state:failed").stdout == ""


def test_logs_can_be_followed(server, launch):
    server.run("send", "/200", "--wait")
    follower = launch("logs", "--follow", "--json", "--limit", "1", QSTASH_DEV_URL=server.url)
    assert json.loads(follower.stdout.readline())["state"] == "DELIVERED"
    message_id = sent(server, "/200")
    states = [json.loads(follower.stdout.readline()) for _ in range(3)]
    assert [(s["id"], s["state"]) for s in states] == [
        (message_id, state) for state in ("CREATED", "ACTIVE", "DELIVERED")
    ]
    follower.send_signal(2)
    follower.communicate(timeout=60)
    assert follower.returncode == 130


def test_wait_is_code_4_when_it_is_not_met_and_names_what_nearly_matches(server):
    done = server.run("wait", "--filter", "state:failed", "--timeout", "50ms")
    assert done.returncode == 4
    assert done.stderr == "Error: 0 of 1 matched within 50ms: state:failed\n"
    one = sent(server, "/200", "--delay", "1h")
    done = server.run("wait", "--filter", "state:ok dest:/200", "--timeout", "0")
    assert "Nearest: 1 message matches all but state:ok: delayed POST http" in done.stderr
    assert f"/200 ({one}).\n" in done.stderr


def test_wait_sees_what_happens_meanwhile(server, launch):
    waiting = launch("wait", "--filter", "dest:/200", "--timeout", "1m", QSTASH_DEV_URL=server.url)
    sent(server, "/200")
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "/200" in out


def test_reset_forgets_everything(server):
    sent(server, "/200", "--delay", "1h")
    assert server.run("reset", "--yes").returncode == 0
    assert server.json("messages", "list") == []


def refused(server):
    """The id of a delivery that the app answered with 401."""
    done = server.run("send", "/orders/401", "-d", '{"a": 1}', "--retries", "0", "--wait")
    assert done.returncode == 1
    return server.json("messages", "list")[0]["id"]


def test_verify_takes_signature_body_and_keys_from_the_message(server, app, tmp_path):
    (tmp_path / ".env.local").write_text("QSTASH_CURRENT_SIGNING_KEY=sig_of_somebody_else\n")
    message_id = refused(server)
    done = server.run("verify", message_id)
    assert done.returncode == 0, done.stderr
    assert "attempt 1, " in done.stdout
    assert "answered 401" in done.stdout
    assert "signed with the current key of defaultUser" in done.stdout
    assert "✓ The signature holds." in done.stdout
    assert "· The keys in .env.local are others" in done.stdout
    assert 'check the raw body, not JSON.stringify(...), which gives {"a":1}' in done.stdout
    assert "· Not checked: what the app compares with." in done.stdout


def test_verify_says_what_differs_from_what_the_app_checks(server, app, tmp_path):
    message_id = refused(server)
    done = server.run("verify", message_id, "--url", f"{app.url}/orders/401/", "--attempt", "1")
    assert done.returncode == 1
    assert "only the slash at the end differs" in done.stdout
    (tmp_path / "seen.json").write_text('{"a":1}')
    done = server.run("verify", message_id, "--body", "@seen.json")
    assert done.returncode == 1
    assert "the hash matches the same JSON with other white space" in done.stdout
    done = server.run("verify", message_id, "--current-key", "sig_x")
    assert "signed with neither" in done.stdout


def test_verify_says_which_messages_and_attempts_there_are(server):
    done = server.run("verify", "msg_none")
    assert (done.returncode, done.stderr) == (1, "Error: message msg_none not found\n")
    done = server.run("verify", refused(server), "--attempt", "4")
    assert "has no attempt 4, only 1 to 1" in done.stderr


@pytest.mark.parametrize("answer", ["", "n\n", "y\n"])
def test_a_reset_that_nobody_can_confirm_is_refused(server, answer):
    sent(server, "/200", "--delay", "1h")
    done = server.run("reset", stdin=answer)
    assert (done.returncode, "expected --yes" in done.stderr) == (2, True)
    assert len(server.json("messages", "list")) == 1
