"""`workflows` against a real server: the test plays the app's SDK, step by step."""

import json
import urllib.request

import pytest

from qstash_dev.protocol.users import DEV_USERS


def call(server, path, body=None, **headers):
    """A request to QStash's API; `workflow_runid="r"` is a header of that name."""
    request = urllib.request.Request(server.url + path, method="POST")
    request.data = json.dumps(body).encode() if body is not None else b""
    request.add_header("Authorization", f"Bearer {DEV_USERS[0].token}")
    for name, value in headers.items():
        request.add_header(f"Upstash-{name.replace('_', '-')}", value)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Run:
    """A run of a workflow at a URL, and its submissions."""

    def __init__(self, server, url, run_id, **settings):
        self.server, self.url, self.id = server, url, run_id
        self.submit("payload", workflow_init="true", **settings)

    def submit(self, body, **headers):
        part = {"workflow_runid": self.id, "workflow_url": self.url}
        call(self.server, f"/v2/publish/{self.url}", body, **part, **headers)

    def step(self, number, name, type_="Run", **more):
        headers = more.pop("headers", {})
        document = {"stepId": number, "stepName": name, "stepType": type_, "concurrent": 1}
        self.submit({**document, **more}, workflow_init="false", **headers)

    def wait(self, number, name, event):
        document = {"stepId": number, "stepName": name, "stepType": "Wait", "concurrent": 1}
        headers = {"Upstash-Workflow-RunId": [self.id], "Upstash-Workflow-Init": ["false"]}
        order = {"url": self.url, "timeout": "2d", "timeoutHeaders": headers, "step": document}
        call(self.server, f"/v2/wait/{event}", order, workflow_runid=self.id)


@pytest.fixture
def waiting(server, app):
    """A run that has done a step and waits for an event."""
    run = Run(server, f"{app.url}/wf/200", "wfr_1", label="mine", forward_x="y")
    server.wait("state:delivered")
    run.step(1, "charge", out='"paid"')
    server.wait("state:delivered", 2)
    run.wait(2, "order", "order-paid")
    return run


@pytest.fixture
def failed(server, app):
    """A run whose second delivery failed."""
    run = Run(server, f"{app.url}/wf/500", "wfr_bad", retries="0")
    server.wait("state:failed")
    return run


def test_a_run_is_listed_with_what_it_waits_for(server, waiting):
    table = server.run("workflows", "list").stdout
    assert "wfr_1" in table
    assert "▶ live" in table
    assert "waits for event order-paid, 1d23h left" in table
    (row,) = server.json("workflows", "list", "--state", "live", "--label", "mine")
    assert (row["id"], row["steps"], row["url"]) == ("wfr_1", 1, waiting.url)
    assert [(w["kind"], w["event"]) for w in row["waits"]] == [("event", "order-paid")]
    assert server.json("workflows", "list", "--state", "failed,success") == []
    assert server.json("workflows", "list", "--run", "wfr_2") == []
    assert len(server.json("workflows", "list", "--dest", "/wf/")) == 1
    refused = server.run("workflows", "list", "--state", "sleepy")
    assert refused.returncode == 2
    assert "is none of live, success, failed, canceled" in refused.stderr


def test_a_run_is_shown_as_its_steps(server, waiting):
    shown = server.run("workflows", "get", "wfr_1").stdout
    for words in ("init", "charge", '"paid"', "order", "waits for event order-paid", '"payload"'):
        assert words in shown
    found = server.json("workflows", "get", "wfr_1")
    steps = [(s["name"], s["type"], s["state"]) for s in found["steps"]]
    assert steps == [
        ("init", "Initial", "STEP_SUCCESS"),
        ("charge", "Run", "STEP_SUCCESS"),
        ("order", "Wait", "STEP_PROGRESS"),
    ]
    assert found["steps"][1]["log"]["out"] == '"paid"'
    assert found["steps"][2]["ended_at"] is None
    assert ["X", "y"] in found["headers"]
    unknown = server.run("workflows", "get", "wfr_9")
    assert unknown.returncode == 1
    assert "wfr_9 not found" in unknown.stderr


def test_a_run_that_waits_for_another_event_than_came_is_explained(server, waiting):
    shown = server.run("workflows", "get", "wfr_1").stdout
    assert "nobody has notified it yet: qstash-dev workflows notify order-paid" in shown
    assert server.run("workflows", "notify", "order_paid").returncode == 1
    told = "order_paid was notified, but this run waits for order-paid"
    assert f"! {told}" in server.run("workflows", "get", "wfr_1").stdout
    assert told in server.run("workflows", "list").stdout


def test_what_happened_in_a_run_is_listed_line_by_line(server, waiting):
    lines = server.run("workflows", "logs", "wfr_1").stdout.splitlines()
    assert "RUN_STARTED" in lines[1]
    assert any("WAITER_ADDED" in line and "order" in line for line in lines)
    first = json.loads(server.run("workflows", "logs", "wfr_1", "--json").stdout.splitlines()[0])
    assert first["stepInfo"]["stepName"] == "init"


def test_messages_are_filtered_by_run_and_step(server, app, waiting):
    Run(server, f"{app.url}/wf/200", "wfr_other")
    server.wait("state:delivered", 3)
    rows = server.json("messages", "list", "--filter", "run:wfr_1")
    assert {(row["run"], row["step"], row["call_type"]) for row in rows} == {
        ("wfr_1", "init", "step"), ("wfr_1", "charge", "step"),
    }  # fmt: skip
    assert len(server.json("messages", "list", "--filter", "step:init")) == 2
    assert len(server.json("messages", "list", "--filter", "run:wfr_1 step:charge")) == 1
    assert len(server.json("messages", "list", "--filter", "-run:wfr_1")) == 1


def test_an_event_resumes_who_waits_for_it(server, waiting):
    told = server.run("workflows", "notify", "order-paid", "-d", "data")
    assert told.stdout == "Resumed wfr_1\n", told.stderr
    server.wait("state:delivered", 3)
    assert server.json("workflows", "get", "wfr_1")["steps"][2]["log"]["out"] == "data"
    lost = server.run("workflows", "notify", "order-paid")
    assert lost.returncode == 1
    assert "it is lost" in lost.stderr
    kept = server.run("workflows", "notify", "later", "--run", "wfr_1", "-d", "x")
    assert "kept for its next wait" in kept.stdout


def test_a_sleep_ends_and_a_wait_is_over_at_once(server, app, waiting):
    run = Run(server, f"{app.url}/wf/200", "wfr_sleeper")
    server.wait("state:delivered", 3)
    run.step(1, "nap", "SleepFor", sleepFor=90_000, headers={"delay": "90000s"})
    assert "sleeps until " in server.run("workflows", "list", "--run", "wfr_sleeper").stdout
    assert server.run("workflows", "run", "wfr_sleeper").returncode == 0
    server.wait("state:delivered", 4)
    assert server.run("workflows", "run", "wfr_1").returncode == 0
    server.wait("state:delivered", 5)
    assert server.json("workflows", "get", "wfr_1")["steps"][2]["log"]["waitTimeout"] is True
    nothing = server.run("workflows", "run", "wfr_1")
    assert nothing.returncode == 1
    assert "waits for nothing that has a time" in nothing.stderr


def test_a_run_is_cancelled_and_started_again(server, waiting):
    assert server.run("workflows", "cancel", "wfr_1").returncode == 0
    assert server.json("workflows", "get", "wfr_1")["row"]["state"] == "RUN_CANCELED"
    again = server.run("workflows", "cancel", "wfr_1")
    assert again.returncode == 1
    assert "it is over" in again.stderr
    assert "it has not failed" in server.run("workflows", "resume", "wfr_1").stderr
    started = server.run("workflows", "restart", "wfr_1")
    new_id = started.stdout.split()[-1]
    assert new_id.startswith("wfr_")
    assert server.json("workflows", "get", new_id)["payload"] == '"payload"'


def test_a_failed_run_is_resumed_as_a_new_one(server, failed):
    shown = server.run("workflows", "get", "wfr_bad").stdout
    assert "✗ failed" in shown
    assert "✗ next step" in shown
    assert "500 Internal Server Error" in shown
    why = "The app answered 500 Internal Server Error: answer"
    assert f"→ {why}" in shown
    (letter,) = server.json("dlq", "list")
    assert letter["dlq_id"] in shown
    assert why in server.run("workflows", "list", "--run", "wfr_bad").stdout
    resumed = server.run("workflows", "resume", "wfr_bad", "-H", "Upstash-Retries: 4")
    new_id = resumed.stdout.split()[-1]
    assert server.json("workflows", "get", "wfr_bad")["row"]["successor"] == new_id
    assert server.json("messages", "list", "--filter", f"run:{new_id}")[0]["tries"] == 5
    assert letter["dlq_id"] not in server.run("workflows", "get", "wfr_bad").stdout
    assert f"resumed as {new_id}" in server.run("workflows", "list", "--run", "wfr_bad").stdout


def test_what_a_resumed_run_took_over_took_it_no_time(server, app):
    run = Run(server, f"{app.url}/wf/500", "wfr_bad", delay="1h")
    run.step(1, "charge", out='"paid"', headers={"retries": "0"})
    server.wait("state:failed")
    server.run("clock", "advance", "2h")
    new_id = server.run("workflows", "resume", "wfr_bad").stdout.split()[-1]
    found = server.json("workflows", "get", new_id)
    began = found["row"]["created_at"]
    spans = [(one["name"], one["began_at"], one["ended_at"]) for one in found["steps"]]
    assert spans == [("init", began, began), ("charge", began, began)]


def test_a_message_of_a_run_is_shown_with_its_run_and_step(server, waiting):
    (row,) = server.json("messages", "list", "--filter", "step:charge")
    shown = server.run("messages", "get", row["id"]).stdout
    assert "workflow run:  wfr_1" in shown
    assert "charge" in shown
