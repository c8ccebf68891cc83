"""Clients that get nonsense: from whoever listens at the server's address, and from files."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qstash_dev import cli
from tests.process.conftest import clean_environment, serving

DEEP = b"[" * 100_000
ANSWERS = {
    "HTML": b"<html><h1>It works!</h1></html>",
    "nothing": b"",
    "no JSON": b'{"a": ',
    "another shape": b'{"hello": "world"}',
    "a list": b"[1, 2, 3]",
    "null": b"null",
    "a number": b"42",
    "wrong types": b'{"rows": 7, "entries": "x", "faults": [1], "id": [], "schedules": [{}], "met": 1}',
    "no UTF-8": b'{"id": "\xff\xfe"}',
    "nested": DEEP,
    "nested inside": b'{"rows": ' + DEEP,
}
COMMANDS = (
    ("messages", "list"),
    ("messages", "get", "msg_1"),
    ("dlq", "list"),
    ("dlq", "get", "1-1"),
    ("dlq", "retry", "1-1"),
    ("replay", "msg_1"),
    ("replay", "--filter", "state:failed"),
    ("logs",),
    ("schedules", "list"),
    ("schedules", "run", "scd_1"),
    ("queues", "get", "q"),
    ("groups", "list"),
    ("flow", "list"),
    ("clock",),
    ("clock", "skip"),
    ("tunnel",),
    ("workflows", "list"),
    ("workflows", "get", "wfr_1"),
    ("workflows", "notify", "e"),
    ("faults", "list"),
    ("faults", "add", "timeout", "--all"),
    ("faults", "clear"),
    ("wait", "--filter", "state:failed", "--timeout", "1s"),
    ("export", "x.json"),
    ("send", "/api/x"),
    ("env",),
    ("doctor",),
)
NOT_ASKED = ("env", "doctor")
"""They say what they know without a server."""


class Stranger(ThreadingHTTPServer):
    """Gives one answer to everything; `cut` promises more bytes than it sends."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answer, self.status, self.missing = b"", 200, 0


class Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer) + self.server.missing))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_POST = do_DELETE = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def stranger():
    with serving(Stranger()) as server:
        yield server


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A client command in this process; its exit code and what it said."""

    def run(*args, **environment):
        out, said = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "environ", clean_environment(**environment))
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with redirect_stdout(out), redirect_stderr(said):
            code = cli.run(args)
        said.flush()
        return code, said.buffer.getvalue().decode()

    return run


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_server_that_answers_nonsense_is_told_in_a_sentence(stranger, run, answer):
    stranger.answer = answer
    for args in COMMANDS:
        code, said = run(*args, QSTASH_DEV_URL=stranger.url)
        assert code in (0, 1, 4), (args, code, said)
        assert code == 0 or args[0] in NOT_ASKED or said.startswith(("Error: ", "msg_1: ", "1-1: "))


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_that_is_no_document_is_told_with_its_status(stranger, run, status):
    stranger.answer, stranger.status = DEEP, status
    code, said = run("messages", "list", QSTASH_DEV_URL=stranger.url)
    assert code == 1
    assert said.startswith(f"Error: The server answered {status}: [[[")


def test_an_answer_that_is_cut_short_is_told(stranger, run):
    stranger.answer, stranger.missing = b'{"rows": ', 100
    for args in COMMANDS:
        code, said = run(*args, QSTASH_DEV_URL=stranger.url)
        assert code in (0, 1, 5), (args, code, said)


FILES = {
    "qstash-dev.toml": ("a = " + "[" * 5_000, ("config",), 2),
    "pyproject.toml": ("# qstash-dev\na = " + "[" * 5_000, ("doctor",), 2),
    "package.json": ('{"dependencies": ' + "[" * 100_000, ("doctor",), 0),
    ".env.local": ("\x00\ufeffQSTASH_TOKEN=\x1b[2J" * 10, ("doctor",), 1),
    "messages.json": ("[" * 100_000, ("import", "messages.json"), 2),
    "fixture.json": ("[" * 100_000, ("send", "--fixture", "fixture.json"), 2),
    ".qstash-dev/server.json": ("[" * 100_000, ("messages", "list"), 5),
}


@pytest.mark.parametrize(("name", "case"), FILES.items(), ids=FILES)
def test_a_hostile_file_is_a_sentence(run, tmp_path, name, case):
    text, args, expected = case
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    code, said = run(*args, QSTASH_DEV_PORT="1")
    assert code in (expected, 1) if args == ("doctor",) else code == expected, said
    assert expected != 2 or said.startswith("Error: ")
    assert "\x1b" not in said
