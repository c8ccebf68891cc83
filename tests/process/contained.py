"""Inside a network of its own, where this server is `qstash` and the app is `app`: what both see.

Run by test_cli_container.py with a token and the command of the server; prints what it found as JSON.
"""

import json
import subprocess
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from tests.process.conftest import COMMAND, clean_environment

APP = "172.18.0.3"
TOKEN, *SERVER = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    arrived = Event()

    def do_POST(self):
        if self.path == "/hangs":
            Handler.arrived.set()
            self.rfile.read()  # for ever
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def ask(method, url):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait(filter):
    return ask("GET", f"http://qstash:8080/_dev/wait?timeout_ms=60000&filter={filter}")["rows"]


def main():
    process = subprocess.Popen(
        [*COMMAND, *SERVER, "--output", "json", "--memory"],
        env=clean_environment(QSTASH_DEV_CONTAINER="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready, notice = (json.loads(process.stdout.readline()) for _ in range(2))
    keys = [ask("GET", f"http://{host}/v2/keys") for host in ("qstash:8080", "172.18.0.2:8081")]
    ask("POST", "http://qstash:8080/v2/publish/http://app:3000/hello")
    held = wait("is:held")
    app = ThreadingHTTPServer((APP, 3000), Handler)
    Thread(target=app.serve_forever, daemon=True).start()
    delivered = wait("state:ok")
    external = ask("GET", "http://qstash:8080/_dev/messages?filter=is:external")
    ask("POST", "http://qstash:8080/v2/publish/http://app:3000/hangs")
    Handler.arrived.wait(20)
    began = time.perf_counter()
    process.terminate()
    code = process.wait(20)
    took_s = time.perf_counter() - began
    found = {
        "url": ready["url"],
        "notice": notice["text"],
        "keys": keys,
        "held": [row["hint"] for row in held],
        "lints": [row["lints"] for row in delivered],
        "external": external["total"],
        "stopped": [code, took_s],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
