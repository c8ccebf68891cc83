import subprocess
import sys

import pytest

from qstash_dev.cli.server_url import find, seen_from_here, with_scheme
from qstash_dev.config import Config
from qstash_dev.server_record import write


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("8090", "http://127.0.0.1:8090"),
        ("localhost:8090", "http://localhost:8090"),
        ("https://h/", "https://h"),
    ],
)
def test_an_address_may_be_short(text, url):
    assert with_scheme(text) == url


@pytest.fixture
def record(tmp_path):
    write(tmp_path / "server.json", "http://127.0.0.1:8092", 8092, "t")
    return Config(port=8091, data_dir=tmp_path)


def test_the_server_of_this_directory_is_meant_unless_another_is_named(
    record, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert find(None, {}, record).url == "http://127.0.0.1:8092"
    assert find(None, {"QSTASH_DEV_PORT": "8091"}, record).url == "http://127.0.0.1:8091"
    both = {"QSTASH_DEV_URL": "1", "QSTASH_DEV_PORT": "8091"}
    assert find(None, both, record).url == "http://127.0.0.1:1"
    assert find("2", {"QSTASH_DEV_URL": "1"}, record).url == "http://127.0.0.1:2"
    assert find(None, {}, Config(port=8091, data_dir=None)).url == "http://127.0.0.1:8091"


def test_a_port_in_the_environment_leads_to_the_server_of_this_directory_if_it_is_its_own(tmp_path):
    write(tmp_path / "server.json", "http://[::1]:8092", 8092, "t")
    config = Config(port=8092, data_dir=tmp_path)
    found = find(None, {"QSTASH_DEV_PORT": "8092"}, config)
    assert (found.url, found.token) == ("http://[::1]:8092", "t")
    any_port = Config(port=0, data_dir=tmp_path)
    assert find(None, {"QSTASH_DEV_PORT": "0"}, any_port).url == "http://[::1]:8092"


def test_the_server_of_the_root_is_meant_in_the_packages_of_a_repository(tmp_path, monkeypatch):
    root, package = tmp_path / "repository", tmp_path / "repository" / "apps" / "web"
    for folder in (tmp_path / ".qstash-dev", root / ".qstash-dev", package / ".qstash-dev"):
        folder.mkdir(parents=True)
    for port, folder in ((1, tmp_path), (2, root)):
        write(folder / ".qstash-dev" / "server.json", f"http://127.0.0.1:{port}", port, "t")
    monkeypatch.chdir(package)
    assert find(None, {}, Config(port=8091)).url == "http://127.0.0.1:8091"  # of no repository
    (root / ".git").mkdir()
    assert find(None, {}, Config(port=8091)).url == "http://127.0.0.1:2"
    (package / ".git").write_text("gitdir: elsewhere")  # a submodule
    assert find(None, {}, Config(port=8091)).url == "http://127.0.0.1:8091"


def test_a_server_in_memory_is_nearer_in_its_directory_than_that_of_the_root(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "web" / "src").mkdir(parents=True)
    for port, place in ((1, "web/.qstash-dev/memory-1.json"), (2, ".qstash-dev/server.json")):
        (tmp_path / place).parent.mkdir()
        write(tmp_path / place, f"http://127.0.0.1:{port}", port, "t")
    for folder, port in (("web/src", 1), ("web", 1), (".", 2)):
        monkeypatch.chdir(tmp_path / folder)
        assert find(None, {}, Config(port=8091)).url == f"http://127.0.0.1:{port}"


COME_AND_GO = """
import os
from pathlib import Path
from qstash_dev.cli.server_url import find, noted, read_record
from qstash_dev.config import Config
from qstash_dev.console import Started
from qstash_dev.protocol.users import DEV_USERS
pid = os.getpid()
for _ in range(300):
    with noted(Started("http://h", 1, pid, DEV_USERS[0])):
        assert read_record(Path(".qstash-dev", f"memory-{pid}.json"))
    for _ in range(10):
        assert find(None, {}, Config(port=1)).url
"""


def test_servers_in_memory_that_come_while_others_go_are_found_all_the_same(tmp_path):
    command = [sys.executable, "-c", COME_AND_GO]
    servers = [subprocess.Popen(command, cwd=tmp_path) for _ in range(3)]
    assert [server.wait() for server in servers] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("told", "asked", "address"),
    [
        ("http://127.0.0.1:8080", "http://qstash:8080", "http://qstash:8080"),
        ("http://127.0.0.1:8080", "http://172.18.0.2:8090", "http://172.18.0.2:8090"),
        ("http://127.0.0.1:8080", "http://localhost:8080", "http://127.0.0.1:8080"),
        ("https://advertised.example.com", "http://qstash:8080", "https://advertised.example.com"),
    ],
)
def test_the_loopback_address_of_another_machine_is_no_address_here(told, asked, address):
    assert seen_from_here(told, asked) == address


def test_a_token_goes_only_to_the_server_it_is_for(record):
    assert find(None, {}, record).token == "t"
    assert find("8092", {}, record).token == "t"
    assert find("8093", {}, record).token is None
    assert find("8093", {"QSTASH_DEV_TOKEN": "u"}, record).token == "u"
