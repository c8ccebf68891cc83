"""A server that may open no more files: real processes, real limits."""

import http.client
import json
import sys

import psutil
import pytest

from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server.descriptors import ENOUGH

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes")

AUTHORIZATION = {"Authorization": f"Bearer {DEV_USERS[0].token}"}
TAKEN = 4
"""Standard streams and the event loop's own: they stay open, so no lower number becomes free."""


@pytest.fixture
def server(start, app):
    return start("--memory", "--app", app.url)


def call(connection, method, path, body=None, **headers):
    """A request over a connection that stands already: there may be no other."""
    connection.request(method, path, body, {**AUTHORIZATION, **headers})
    answer = connection.getresponse()
    document = json.loads(answer.read())
    assert answer.status < 300, document
    return document


def test_a_server_may_open_as_many_files_as_the_system_grants(server):
    soft, hard = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == (ENOUGH if hard == psutil.RLIM_INFINITY else min(hard, ENOUGH))


def test_without_descriptors_a_message_waits_and_no_attempt_is_counted(server, app, request):
    process = psutil.Process(server.process.pid)
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    request.addfinalizer(connection.close)
    first = call(connection, "POST", f"/v2/publish/{app.url}/500", "x", **{"Upstash-Retries": "0"})
    server.wait(f"id:{first['messageId']} state:failed")
    app.received.clear()
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (TAKEN, hard))

    path = f"/v2/publish/{app.url}/200"
    message_id = call(connection, "POST", path, "x", **{"Upstash-Retries": "0"})["messageId"]
    events = []
    while len(events) < 3:
        events = call(connection, "GET", f"/v2/logs?messageId={message_id}")["events"]
    assert [event["state"] for event in events] == ["RETRY", "ACTIVE", "CREATED"]
    assert "too many open files" in events[0]["error"]
    detail = call(connection, "GET", f"/_dev/messages/{message_id}")
    assert "too many open files, and tries again by itself" in detail["waits"]

    process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    server.wait(f"id:{message_id} state:ok")
    [(_, headers, body)] = app.received
    assert (headers["Upstash-Retried"], body) == ("0", b"x")
    [attempt] = server.json("messages", "get", message_id)["attempts"]
    assert attempt["number"] == 1
