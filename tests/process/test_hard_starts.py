"""Starts on a machine that lacks something: one sentence that says what to do, or it works anyway."""

import json
import os
import subprocess
import sys

import pytest

from tests.own_disk import OWN_DISK, needs_own_disk
from tests.process.conftest import COMMAND, clean_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and namespaces of Linux")

ALONE = ("unshare", "--user", "--map-root-user", "--net")
IPV6_ONLY = "ip link set lo up && ip address del 127.0.0.1/8 dev lo && exec "


def can_be_alone():
    """Whether a process may have a network of its own here."""
    try:
        script = (*ALONE, "sh", "-c", f"{IPV6_ONLY} ip -6 address show to ::1 dev lo")
        return b"::1" in subprocess.run(script, capture_output=True).stdout
    except OSError:
        return False


def refusal(launch, *args, **more):
    process = launch("serve", "--port", "0", *args, **more)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert errors.startswith("Error: The server cannot start: ")
    assert errors.count("\n") == 1
    return errors


def test_a_damaged_database_is_named_with_what_to_do(start, launch, tmp_path):
    assert start().stop() == 0
    path = tmp_path / ".qstash-dev" / "messages.db"
    path.write_bytes(path.read_bytes()[:4096] + os.urandom(path.stat().st_size - 4096))
    assert "the file is damaged: move it away and start again" in refusal(launch)


def test_a_disk_that_is_full_at_the_start_is_named_with_what_to_do(launch, tmp_path):
    script = f"ulimit -f 8; exec {' '.join(COMMAND)} serve --port 0"
    done = subprocess.run(
        ("bash", "-c", script),
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is its disk full or failing? Another --data-dir (or --memory) may help" in done.stderr


@needs_own_disk
def test_a_disk_that_filled_up_while_no_server_ran_is_named_with_what_to_do(tmp_path):
    """The database is there and opens; the record of who has it open cannot be written."""
    start = f"exec {' '.join(COMMAND)} serve --port 0"
    script = (
        f"mount -t tmpfs -o size=4m tmpfs {tmp_path} && cd {tmp_path} && exec 3< <({start}) && "
        f"read ready <&3 && kill -INT $! && wait $!; cat /dev/zero > filler; {start}"
    )
    done = subprocess.run(
        (*OWN_DISK, "bash", "-c", script),
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot use the data directory .qstash-dev: No space left" in done.stderr
    assert "make room on its disk" in done.stderr


def test_an_address_that_is_not_here_is_named_with_what_to_do(launch, tmp_path):
    names = ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
    (tmp_path / ".env").write_text("".join(f"{name}=of_mine\n" for name in names))
    errors = refusal(launch, "--memory", "--host", "192.0.2.1", "--env-file", ".env")
    assert "this machine has no address 192.0.2.1 to listen on" in errors
    assert "name another with --host" in errors


def with_ipv6_alone(tmp_path, options, path):
    """The server's address and its answer, where ::1 is the only loopback address."""
    client = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
    script = f"""
        {IPV6_ONLY.removesuffix("exec ")} mkfifo ready
        {" ".join(COMMAND)} serve --memory --port 0 --output json {options} >ready & server=$!
        exec 3<ready; read -r line <&3
        url=$({sys.executable} -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$line")
        echo "$url"
        {sys.executable} -c '{client}' "$url{path}"
        kill $server
    """
    done = subprocess.run(
        (*ALONE, "bash", "-c", script),
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout, done.stderr
    url, answer = done.stdout.splitlines()
    return url, json.loads(answer)


@pytest.mark.skipif(not can_be_alone(), reason="no namespaces here")
def test_without_ipv4_loopback_the_other_one_serves(tmp_path):
    url, answer = with_ipv6_alone(tmp_path, "", "/health")
    assert url.startswith("http://[::1]:")
    assert answer == {"ok": True}


@pytest.mark.skipif(not can_be_alone(), reason="no namespaces here")
def test_without_ipv4_loopback_the_tunnel_leads_to_the_other_one(tmp_path):
    tunnel = "--public-url https://mine.example --ingress-port 0"
    _, answer = with_ipv6_alone(tmp_path, tunnel, "/_dev/tunnel")
    assert answer["ingress"].startswith("http://[::1]:")
