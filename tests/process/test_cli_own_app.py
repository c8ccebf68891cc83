"""`qstash-dev serve -- COMMAND`: one terminal for the server and the app."""

import json
import signal
import subprocess
import sys

import psutil

APP = """
import os, sys, time
try:
    print("\\033[33mup\\033[0m", os.environ["QSTASH_URL"])
    time.sleep(100)
finally:
    print("no end", end="")
"""


def test_its_lines_are_marked_and_ctrl_c_ends_both(launch):
    process = launch("serve", "--memory", "-p", "0", "--", sys.executable, "-S", "-c", APP)
    lines = iter(process.stdout.readline, "")
    url = next(line for line in lines if line.startswith("QSTASH_URL=")).strip().partition("=")[2]
    assert next(line for line in lines if line.startswith("app")) == f"app │ up {url}\n"
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert "app │ no end" in rest
    assert "KeyboardInterrupt" in rest
    assert (process.returncode, errors) == (0, "")


REFUSES = """
import http.server
class App(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print("\\033[31mno database\\033[0m", flush=True)
        self.send_error(500)
app = http.server.HTTPServer(("127.0.0.1", 0), App)
print("port", app.server_port, flush=True)
app.serve_forever()
"""


def test_a_message_is_shown_with_what_the_app_printed_meanwhile(start):
    server = start("--memory", "--", sys.executable, "-c", REFUSES)
    printed = (json.loads(line).get("text", "") for line in server.process.stdout)
    port = next(text for text in printed if text.startswith("port ")).split()[1]
    url = f"http://127.0.0.1:{port}/x"
    sent = server.run("send", url, "--retries", "0", "--wait")
    assert "Printed meanwhile\n  no database\n" in sent.stdout


WHO = """
import os, time
print("pid", os.getpid(), flush=True)
time.sleep(100)
"""


def test_ctrl_z_stops_both_and_going_on_lets_both_go_on(launch):
    process = launch("serve", "--memory", "-p", "0", "--", sys.executable, "-S", "-c", WHO)
    line = next(line for line in iter(process.stdout.readline, "") if line.startswith("app │ pid"))
    both = process.pid, int(line.split()[-1])
    process.send_signal(signal.SIGTSTP)
    while not all(map(is_stopped, both)):
        pass
    process.send_signal(signal.SIGCONT)
    while any(map(is_stopped, both)):
        pass
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == ""


FAMILY = """
import os, subprocess
helper = subprocess.Popen(["sleep", "600"])
print("pids", os.getpid(), helper.pid, flush=True)
helper.wait()
"""


def test_a_killed_server_takes_its_app_along_and_what_that_started(launch):
    process = launch("serve", "--memory", "-p", "0", "--", sys.executable, "-S", "-c", FAMILY)
    line = next(line for line in iter(process.stdout.readline, "") if line.startswith("app │ pids"))
    process.kill()
    while any(map(is_running, map(int, line.split()[-2:]))):
        pass


def is_running(pid):
    """A container may have nobody who takes note of an end."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_stopped(pid):
    """Whether it waits for the shell to let it go on."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=True)
    return state.stdout.strip().startswith(b"T")


def test_a_program_that_does_not_exist_is_a_usage_error(launch):
    process = launch("serve", "--memory", "--", "no-such-program")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert errors == 'Error: After --: there is no program "no-such-program".\n'
