"""Whoever starts a server and does not read what it prints: the server goes on, and prints it later."""

import json
import os
import sys

import pytest

from qstash_dev.cli.unhurried import Unhurried
from tests.process.test_full_disk import call

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be asked there")
MANY = 600


def test_a_server_whose_output_nobody_reads_goes_on(start):
    server = start("--memory", "--verbose", "--verbose")
    items = [{"destination": "http://127.0.0.1:1", "headers": {"Upstash-Delay": "1h"}}] * MANY
    status, answers = call(server, "POST", "/v2/batch", json.dumps(items).encode())
    assert (status, len(answers)) == (200, MANY)
    assert call(server, "GET", "/v2/keys")[0] == 200
    printed = [json.loads(server.process.stdout.readline()) for _ in range(MANY)]
    assert [line["id"] for line in printed] == [answer["messageId"] for answer in answers]


def test_what_waits_for_a_reader_is_bounded_and_counted():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", 0) as read, os.fdopen(writer, "w") as stream:
        unhurried = Unhurried(stream, most=10_000)
        for number in range(20_000):
            unhurried.write(f"line {number:05}\n")
            unhurried.flush()
        assert unhurried.left_out() == 0  # as long as somebody has to read what is there
        lines = 0
        while not (count := unhurried.left_out()):
            lines += read.read(100_000).count(b"\n")
            unhurried.flush()
        os.set_blocking(reader, False)
        lines += (read.read(100_000) or b"").count(b"\n")
    assert lines + count == 20_000
    assert count > 10_000
