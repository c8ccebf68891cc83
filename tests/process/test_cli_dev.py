"""`qstash-dev` on a terminal: a server with the TUI in a child process."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import urllib.request

import psutil
import pytest

ENTERED_FULL_SCREEN, LEFT_FULL_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Screen:
    """A process on a terminal of its own, 120 x 40."""

    def __init__(self, directory, *args, program=("-m", "qstash_dev")):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.slave = slave
        self.modes = termios.tcgetattr(slave)
        self.output = b""
        self.url = ""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("QSTASH", "CI"))}
        self.process = subprocess.Popen(
            [sys.executable, *program, *args],
            cwd=directory,
            env={**environment, "TERM": "xterm-256color", "XDG_STATE_HOME": str(directory)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )

    def read_until(self, text):
        """Everything written so far, when it contains `text`; the test's time limit guards it."""
        while text not in self.output:
            self.output += os.read(self.master, 65536)
        return self.output

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """The exit code; the terminal is drained meanwhile, or the process could not write."""
        while self.process.poll() is None:
            self.drain(0.05)
        self.drain(0)
        return self.process.returncode

    def drain(self, timeout_s):
        while select.select([self.master], [], [], timeout_s)[0]:
            self.output += os.read(self.master, 65536)

    def child(self):
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.modes and LEFT_FULL_SCREEN in self.output


@pytest.fixture
def screen(tmp_path):
    """`dev` with its TUI drawn."""
    yield from drawn(Screen(tmp_path, "--memory", "--port", "0"))


def drawn(screen):
    screen.read_until(b"QSTASH_NEXT_SIGNING_KEY=")
    screen.url = re.findall(rb"QSTASH_URL=(\S+)", screen.output)[0].decode()
    screen.read_until(b"Messages")
    yield screen
    children = psutil.Process(os.getpid()).children(recursive=True)
    processes: list[subprocess.Popen[bytes] | psutil.Process] = [screen.process, *children]
    for process in processes:
        if process.pid == screen.process.pid or screen.url in " ".join(command_of(process)):
            process.kill()
    screen.process.wait()
    os.close(screen.master)
    os.close(screen.slave)


def command_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def health(url):
    with urllib.request.urlopen(f"{url}/_dev/health", timeout=60) as answer:
        return json.load(answer)


def test_leaving_the_terminal_ui_stops_the_server(screen):
    assert health(screen.url)["pid"] == screen.process.pid
    screen.type("q")
    assert screen.end() == 0
    assert screen.is_restored()


def test_a_killed_terminal_ui_leaves_the_server_running_and_a_usable_terminal(screen, app):
    screen.child().kill()
    screen.read_until(b"The terminal UI ended unexpectedly")
    assert screen.is_restored()
    assert health(screen.url)["ok"]
    publish = urllib.request.Request(
        f"{screen.url}/v2/publish/{app.url}/200", method="POST", data=b""
    )
    publish.add_header("Authorization", "Bearer " + token_of(screen.output))
    urllib.request.urlopen(publish, timeout=60).close()
    screen.read_until("✓ delivered".encode())
    screen.process.send_signal(signal.SIGINT)
    assert screen.end() == 0


def token_of(output):
    return re.findall(rb"QSTASH_TOKEN=(\S+)", output)[0].decode()


def test_bytes_that_are_no_text_are_told_and_the_terminal_ui_goes_on(screen):
    os.write(screen.master, b"\xe4\xff\xfe")
    screen.read_until(b"no UTF-8")
    screen.type("q")
    assert screen.end() == 0
    assert b"Traceback" not in screen.output


def test_a_terminated_server_takes_its_terminal_ui_along(screen):
    child = screen.child()
    screen.process.terminate()
    assert screen.end() == 0
    assert not child.is_running()
    assert screen.is_restored()


SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
modes = termios.tcgetattr(0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
job = os.fork()
if not job:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "qstash_dev", *sys.argv[1:]])
os.waitpid(job, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
termios.tcsetattr(0, termios.TCSANOW, modes)
print("Stopped", flush=True)
signal.sigwait([signal.SIGUSR1])
assert input() == "fg"
os.tcsetpgrp(0, job)
os.killpg(job, signal.SIGCONT)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
"""
"""Runs a job as shells do; it reads what is typed at it once it is told to."""


@pytest.fixture
def job(tmp_path):
    """`dev` with its TUI drawn, as a job of a shell."""
    yield from drawn(Screen(tmp_path, "--memory", "--port", "0", program=("-c", SHELL)))


def test_a_terminal_ui_that_was_stopped_while_it_read_what_the_shell_then_read_goes_on(job):
    server = psutil.Process(health(job.url)["pid"])
    (ui,) = server.children()
    server.send_signal(signal.SIGSTOP)  # it alone: the terminal UI reads on, and may not
    job.read_until(b"Stopped")
    job.type("fg\n")
    while ui.status() != psutil.STATUS_STOPPED:
        job.drain(0.05)
    job.output = b""
    job.process.send_signal(signal.SIGUSR1)
    while b"Messages" not in job.output.partition(ENTERED_FULL_SCREEN)[2]:
        job.drain(0.05)
    job.type("q")
    assert job.end() == 0
    assert job.is_restored()


def test_a_server_is_shown_by_attach_and_survives_it(start, tmp_path):
    server = start("--memory")
    screen = Screen(tmp_path, "attach", server.url)
    screen.read_until(b"Messages")
    screen.type("q")
    assert screen.end() == 0
    assert health(server.url)["ok"]


def test_keys_of_the_settings_are_used(start, tmp_path):
    server = start("--memory")
    (tmp_path / "qstash-dev.toml").write_text('theme = "light"\n[keys]\nquit = "f9"\n')
    screen = Screen(tmp_path, "attach", server.url)
    screen.read_until(b"Messages")
    screen.type("\x1b[20~")
    assert screen.end() == 0


def test_a_key_for_an_unknown_command_is_explained(start, tmp_path):
    server = start("--memory")
    (tmp_path / "qstash-dev.toml").write_text('[keys]\nmessage.replya = "x"\n')
    screen = Screen(tmp_path, "attach", server.url)
    assert screen.end() == 2
    assert b'there is no command "message.replya". Did you mean "message.replay"?' in screen.output


def test_attach_without_a_server_is_code_5(tmp_path):
    screen = Screen(tmp_path, "attach", "http://127.0.0.1:1")
    assert screen.end() == 5
    assert b"No qstash-dev server answers at http://127.0.0.1:1" in screen.output
