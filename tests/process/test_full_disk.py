"""A disk without room: a real process whose files may grow no more, and then may again."""

import json
import re
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from qstash_dev.protocol.users import DEV_USERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes")

ROOM = 1_500_000
BODY = b"x" * 100_000
MOST_CPU = 0.2
"""Of a second: a server that has nothing else to do than to try again."""


def call(server, method, path, body=None):
    """Status and document."""
    headers = {"Authorization": f"Bearer {DEV_USERS[0].token}", "Upstash-Delay": "2s"}
    request = urllib.request.Request(server.url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def fill(server, app):
    """Publish until the disk is full; the ids of what was acknowledged."""
    acknowledged = []
    while True:
        status, document = call(server, "POST", f"/v2/publish/{app.url}/200", BODY)
        if status != 200:
            assert (status, list(document)) == (500, ["error"])
            assert "cannot write to the database" in document["error"]
            return acknowledged
        acknowledged.append(document["messageId"])


def rest_of(server):
    """Seconds that it rests, once it says so."""
    for line in server.process.stderr:
        if found := re.search(r"nothing is started for (\d+) s", line):
            return int(found[1])
    raise AssertionError("it ended")


def test_without_room_the_server_rests_and_loses_nothing_that_it_acknowledged(start, app):
    server = start("--app", app.url)
    process = psutil.Process(server.process.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (ROOM, psutil.RLIM_INFINITY))
    acknowledged = fill(server, app)
    for path in ("/v2/keys", "/_dev/health", "/v2/queues", "/_dev/snapshot"):
        assert call(server, "GET", path)[0] == 200
    rests = [rest_of(server)]
    before = process.cpu_times()
    while len(rests) < 3:
        rests.append(rest_of(server))
    after = process.cpu_times()
    assert rests == [1, 2, 4]
    assert after.user + after.system - before.user - before.system < MOST_CPU * (1 + 2)
    process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    fresh = call(server, "POST", f"/v2/publish/{app.url}/200", BODY)[1]["messageId"]
    server.wait("state:ok", len(acknowledged) + 1)
    assert {headers["Upstash-Message-Id"] for _, headers, _ in app.received} >= {
        *acknowledged,
        fresh,
    }
