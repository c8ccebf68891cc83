"""Clients on terminals that cannot show everything, and pipes that nobody empties."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.process.conftest import COMMAND, Client, clean_environment

ENCODINGS = ("cp1252", "latin-1", "ascii")


def client(server, *args, **environment):
    """A client command in a process of its own: its bytes on stdout and stderr, and its exit code."""
    return subprocess.run(
        [*COMMAND, *args],
        cwd=server.directory,
        env=clean_environment(QSTASH_DEV_URL=server.url, **environment),
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_terminal_without_symbols_gets_words_for_them(server, app, encoding):
    sent = server.run("send", f"{app.url}/200", "--data", "Grüße, 日本 ✓", "--wait")
    assert sent.returncode == 0
    (row,) = server.json("messages", "list")
    shown = client(server, "messages", "get", row["id"], PYTHONIOENCODING=encoding)
    assert (shown.returncode, shown.stderr) == (0, b"")
    text = shown.stdout.decode(encoding)
    assert text.startswith(f"[ok] delivered  {row['id']}")
    assert "\\u65e5\\u672c [ok]" in text
    listed = client(server, "messages", "list", PYTHONIOENCODING=encoding)
    heads, line, *_ = listed.stdout.decode(encoding).splitlines()
    assert "[ok] delivered" in line
    assert heads.index("CODE") == line.index("200")
    looked = client(server, "doctor", PYTHONIOENCODING=encoding)
    assert b"[ok] qstash-dev " in looked.stdout
    assert looked.stderr == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_server_prints_events_whatever_stdout_takes(launch, app, tmp_path, encoding):
    process = launch("serve", "--memory", "--port", "0", PYTHONIOENCODING=encoding)
    url = next(line for line in process.stdout if line.startswith("QSTASH_URL=")).strip()[11:]
    done = Client(url, tmp_path).run("send", f"{app.url}/200", "--wait")
    assert done.returncode == 0, done.stderr
    assert next(line for line in process.stdout if "[ok] delivered" in line)
    process.terminate()
    assert process.communicate(timeout=60)[1] == ""


def test_json_stays_json_where_symbols_cannot_be_written(server, app):
    server.run("send", f"{app.url}/200", "--label", "Grüße ✓ 😀", "--wait")
    shown = client(server, "messages", "list", "--json", PYTHONIOENCODING="ascii")
    assert shown.stdout.decode("ascii").count("Gr\\u00fc\\u00dfe \\u2713 \\ud83d\\ude00") == 1


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("args", [["env"], ["messages", "list"]])
def test_a_command_that_was_started_without_streams_does_as_with_empty_ones(server, args, closed):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *args],
        cwd=server.directory,
        env=clean_environment(QSTASH_DEV_URL=server.url),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "args", [["clock"], ["messages", "list", "--json"], ["--help"], ["env"], ["doctor"]]
)
def test_output_that_cannot_be_written_is_a_sentence(server, args):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *args],
            cwd=server.directory,
            env=clean_environment(QSTASH_DEV_URL=server.url),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    said = done.stderr.decode()
    assert done.returncode == 1
    assert said.endswith("Error: The output cannot be written: No space left on device.\n")
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_server_goes_on_without_anybody_who_reads_what_it_prints(app, tmp_path):
    args = ("serve", "--port", "0", "--output", "json")
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [*COMMAND, *args],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert process.stderr is not None
    assert "nothing more is printed: stdout cannot be written" in process.stderr.readline()
    done = subprocess.run(
        [*COMMAND, "send", f"{app.url}/200", "--wait"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    process.terminate()
    assert process.communicate(timeout=60)[1] == ""
    assert (done.returncode, process.returncode) == (0, 0), done.stderr
