import json
import socket

import pytest

from qstash_dev.cli.commands.doctor import (
    app_finding,
    env_finding,
    env_findings,
    examine,
    node_packages,
    python_packages,
    sdk_findings,
    server_finding,
    tunnel_findings,
)
from qstash_dev.config import Config
from qstash_dev.protocol.users import DEV_USERS
from tests.ports import reserved_port

URL = "http://127.0.0.1:8080"
FIRST = {
    "QSTASH_URL": URL,
    "QSTASH_TOKEN": DEV_USERS[0].token,
    "QSTASH_CURRENT_SIGNING_KEY": DEV_USERS[0].current_key,
    "QSTASH_NEXT_SIGNING_KEY": DEV_USERS[0].next_key,
}

FILES = [
    (FIRST, "ok", "has the address and credentials of defaultUser"),
    ({**FIRST, "QSTASH_URL": "http://localhost:8080/"}, "ok", "defaultUser"),
    ({"OTHER": "1"}, "note", "says nothing about QStash"),
    ({**FIRST, "QSTASH_TOKEN": "cloud"}, "problem", "QSTASH_TOKEN of .env is not one of"),
    ({**FIRST, "QSTASH_NEXT_SIGNING_KEY": "sig_x"}, "problem", "verification will fail"),
    ({**FIRST, "QSTASH_TOKEN": DEV_USERS[1].token}, "problem", "not those of testUser1"),
    (
        {**FIRST, "QSTASH_URL": "https://qstash.upstash.io"},
        "problem",
        "is https://qstash.upstash.io",
    ),
    ({"QSTASH_TOKEN": DEV_USERS[0].token}, "problem", "QSTASH_URL of .env is missing"),
]


@pytest.mark.parametrize(("found", "level", "text"), FILES)
def test_an_env_file_is_judged_against_the_users(found, level, text):
    finding = env_finding(".env", found, DEV_USERS, URL)
    assert finding.level == level
    assert text in finding.text
    assert (finding.fix is not None) is (level == "problem")


def test_every_env_file_of_the_directory_is_looked_at(tmp_path):
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".env.local").write_bytes(b"\xff")
    assert [f.level for f in env_findings(tmp_path, DEV_USERS, URL)] == ["problem", "note"]


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with reserved_port() as port:
        yield port


def test_an_app_is_found_on_the_address_where_it_listens(listener):
    finding = app_finding(f"http://localhost:{listener}")
    assert finding.level == "ok"
    assert "(127.0.0.1)" in finding.text


def test_an_app_that_is_not_running_is_a_problem(free_port):
    finding = app_finding(f"http://127.0.0.1:{free_port}")
    assert finding.level == "problem"
    assert "--app" in (finding.fix or "")


async def test_a_free_port_is_fine(free_port):
    assert (await server_finding(f"http://127.0.0.1:{free_port}", free_port)).level == "ok"


async def test_a_port_that_another_program_holds_is_a_problem(listener):
    finding = await server_finding(f"http://127.0.0.1:{listener}", listener)
    assert finding.level == "problem"
    assert f"Port {listener} is held by another program." in finding.text


def test_the_tunnel_matters_only_to_those_who_use_it(tmp_path):
    nowhere = {"HOME": str(tmp_path), "PATH": "", "NGROK_PATH": str(tmp_path / "none")}
    off = list(tunnel_findings(Config(), nowhere))
    on = list(tunnel_findings(Config(tunnel=True), nowhere))
    assert [f.level for f in off] == ["note", "note"]
    assert [f.level for f in on] == ["problem", "problem"]
    (tmp_path / "none").touch()
    ready = list(tunnel_findings(Config(tunnel=True), {**nowhere, "NGROK_AUTHTOKEN": "t"}))
    assert [f.level for f in ready] == ["note"]


def test_sdks_are_found_where_projects_name_them(tmp_path):
    (tmp_path / "package.json").write_text(
        json.dumps({"dependencies": {"@upstash/qstash": "^2.8.0", "next": "16"}})
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndependencies = ["qstash[x]>=3,<4", "django"]\n'
    )
    assert [f.text for f in sdk_findings(tmp_path)] == ["@upstash/qstash ^2.8.0", "qstash >=3,<4"]


@pytest.mark.parametrize("text", ["", "[]", '{"dependencies": 1}', "\x00"])
def test_a_broken_package_json_names_nothing(tmp_path, text):
    (tmp_path / "package.json").write_text(text)
    assert node_packages(tmp_path / "package.json") == {}


def test_requirements_are_read_too(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# tools\nqstash==3.0 ; python_version > '3'\n-e .\n"
    )
    assert python_packages(tmp_path)["qstash"] == "==3.0"


async def test_an_examination_says_something_about_everything(tmp_path, free_port):
    address = f"http://127.0.0.1:{free_port}"
    findings = await examine(Config(port=free_port, app_url=address), tmp_path, address)
    words = ["qstash-dev", "Port", "Nothing", "No QStash SDK"]
    assert all(f.text.startswith(word) for f, word in zip(findings, words, strict=False))
