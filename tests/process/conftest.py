"""Real processes: `qstash-dev` as people start it, in a directory of its own, on a free port."""

import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from qstash_dev import cli

COMMAND = [sys.executable, "-m", "qstash_dev"]


def clean_environment(**more):
    """Ours without any QStash variable of the machine."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("QSTASH")}
    return {**own, **more}


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def read_back(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


@dataclass
class Server:
    process: subprocess.Popen
    ready: dict
    directory: Path

    @property
    def url(self):
        return self.ready["url"]

    def run(self, *args, stdin=""):
        """A client command against this server, in this process: starting one takes a second."""
        out, errors, given = (io.TextIOWrapper(io.BytesIO()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
            patch.chdir(self.directory)
            patch.setattr(os, "environ", clean_environment(QSTASH_DEV_URL=self.url))
            patch.setattr(sys, "stdin", given)
            code = cli.run(args)
        return Done(code, read_back(out), read_back(errors))

    def json(self, *args):
        """What a client command prints with `--json`; it must succeed."""
        done = self.run(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stop(self):
        """Ends it as a shell would; the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def launch(tmp_path):
    """Starts `qstash-dev` with arguments; whatever still runs at the end of the test is killed."""
    launched = []

    def launch(*args, directory=tmp_path, **environment):
        process = subprocess.Popen(
            [*COMMAND, *args],
            cwd=directory,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding=environment.get("PYTHONIOENCODING"),
        )
        launched.append(process)
        return process

    yield launch
    for process in launched:
        process.kill()
        process.communicate()


@pytest.fixture
def start(launch, tmp_path):
    """Starts `qstash-dev serve --output json` with more arguments; it is ready on return."""

    def start(*args, directory=tmp_path, **environment):
        more = ("--output", "json", "--port", "0")
        process = launch("serve", *more, *args, directory=directory, **environment)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return Server(process, json.loads(line), directory)

    return start


@pytest.fixture
def server(start):
    """A server that forgets."""
    return start("--memory")


class Handler(BaseHTTPRequestHandler):
    """Answers with the status at the end of the path, and keeps what arrived."""

    server: "Receiver"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append((self.path, dict(self.headers), body))
        self.send_response(int(self.path.rpartition("/")[2]))
        self.end_headers()
        self.wfile.write(b"answer")

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Receiver(ThreadingHTTPServer):
    """Where messages go; `received` is path, headers and body of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(server):
    """The server answers, in a thread of its own."""
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app():
    with serving(Receiver()) as server:
        yield server
