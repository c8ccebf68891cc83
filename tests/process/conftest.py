"""Real processes: `qstash-dev` as people start it, in a directory of its own, on a free port."""

import io
import json
import os
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from qstash_dev import cli
from qstash_dev.testing.process import ServerProcess
from tests.patience import PATIENCE_S

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
class Client:
    """Client commands as people type them in a directory."""

    url: str
    directory: Path

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

    def wait(self, filter, count=1):
        """Until so many messages match."""
        how_long = ("--count", str(count), "--timeout", f"{PATIENCE_S}s")
        done = self.run("wait", "--filter", filter, *how_long)
        assert done.returncode == 0, done.stderr


@dataclass
class Server(Client):
    """A process of the test's own."""

    process: subprocess.Popen
    ready: dict

    def stop(self):
        """Ends it as a shell would; the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=60)
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
        ready = json.loads(line)
        return Server(ready["url"], directory, process, ready)

    return start


PASSING = ("uptime_ms", "app", "notice")
"""What a server says of itself that no test is hurt by: whether its app was seen, its last notice."""


class Shared:
    """One server that forgets, and its app, for all tests that can be undone by orders."""

    def __init__(self, app) -> None:
        self.app = app
        self._process: ServerProcess | None = None
        self._fresh = None

    def lend(self, directory):
        """As new."""
        if self._process is None:
            self._process = ServerProcess("--app", self.app.url)
            self._fresh = self._state()
        self.app.received.clear()
        return Client(self._process.url, directory)

    def take_back(self):
        """Undo what was done to it; where something stays, the next one gets another server."""
        for path, body in (("reset", b""), ("resume", b""), ("clock", b'{"mode": "real"}')):
            self._ask(path, body)
        if self._state() != self._fresh:
            self.close()

    def close(self):
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _state(self):
        server = json.loads(self._ask("snapshot"))["server"]
        return {name: value for name, value in server.items() if name not in PASSING}

    def _ask(self, path, body=None):
        assert self._process is not None
        url = f"{self._process.url}/_dev/{path}"
        with urllib.request.urlopen(url, body, timeout=60) as answer:
            return answer.read()


@pytest.fixture(scope="session")
def shared():
    with serving(Receiver()) as app, closing(Shared(app)) as shared:
        yield shared


@pytest.fixture
def server(shared, tmp_path):
    """A server that forgets; its app is there, and others as well."""
    yield shared.lend(tmp_path)
    shared.take_back()


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
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app():
    with serving(Receiver()) as server:
        yield server
