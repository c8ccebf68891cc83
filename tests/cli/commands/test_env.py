import json
import os
import subprocess

import pytest

from qstash_dev import server_record
from qstash_dev.cli import run
from qstash_dev.config.env_file import variables
from qstash_dev.protocol.users import DEV_USERS


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("QSTASH")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHELL", "/bin/bash")


EXPECTED = {
    "QSTASH_URL": "http://127.0.0.1:8080",
    "QSTASH_TOKEN": DEV_USERS[0].token,
    "QSTASH_CURRENT_SIGNING_KEY": DEV_USERS[0].current_key,
    "QSTASH_NEXT_SIGNING_KEY": DEV_USERS[0].next_key,
}


def test_a_shell_that_evaluates_the_output_has_the_variables(capsys):
    assert run(["env"]) == 0
    script = capsys.readouterr().out + "\nenv"
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={}, check=True)
    assert (
        EXPECTED.items() <= dict(line.split("=", 1) for line in shown.stdout.splitlines()).items()
    )


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", "export QSTASH_URL=http://127.0.0.1:8080"),
        ("fish", "set -gx QSTASH_URL http://127.0.0.1:8080"),
        ("pwsh", "$env:QSTASH_URL = 'http://127.0.0.1:8080'"),
        ("dotenv", "QSTASH_URL=http://127.0.0.1:8080"),
    ],
)
def test_each_shell_gets_its_own_language(capsys, shell, line):
    assert run(["env", "--shell", shell]) == 0
    assert capsys.readouterr().out.splitlines()[0] == line


@pytest.mark.parametrize("args", [["--shell", "json"], ["--json"]])
def test_json_is_for_programs(capsys, args):
    assert run(["env", *args]) == 0
    assert json.loads(capsys.readouterr().out) == EXPECTED


def test_a_fish_user_gets_fish(capsys, monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run(["env"]) == 0
    assert capsys.readouterr().out.startswith("set -gx ")


@pytest.mark.parametrize("user", ["2", "testUser1"])
def test_a_user_is_chosen_by_number_or_id(capsys, user):
    assert run(["env", "--user", user, "--shell", "dotenv"]) == 0
    assert variables(capsys.readouterr().out)["QSTASH_TOKEN"] == DEV_USERS[1].token


def test_an_unknown_user_is_a_usage_error(capsys):
    assert run(["env", "--user", "5"]) == 2
    assert "expected one of: 1 defaultUser" in capsys.readouterr().err


def test_the_address_follows_flag_variables_running_server_and_default(
    capsys, monkeypatch, tmp_path
):
    def url(*args):
        assert run(["env", "--shell", "dotenv", *args]) == 0
        return variables(capsys.readouterr().out)["QSTASH_URL"]

    (tmp_path / "qstash-dev.toml").write_text("port = 8091")
    assert url() == "http://127.0.0.1:8091"
    (tmp_path / ".qstash-dev").mkdir()
    record = tmp_path / ".qstash-dev" / "server.json"
    server_record.write(record, "http://127.0.0.1:8092", 8092, "of a server")
    assert url() == "http://127.0.0.1:8092"
    monkeypatch.setenv("QSTASH_DEV_PORT", "8093")
    assert url() == "http://127.0.0.1:8093"
    monkeypatch.setenv("QSTASH_DEV_URL", "8094")
    assert url() == "http://127.0.0.1:8094"
    assert url("--url", "localhost:8095") == "http://localhost:8095"


def test_variables_are_written_beside_what_a_file_holds(capsys, tmp_path):
    (tmp_path / ".env.local").write_text("OTHER=1\nQSTASH_TOKEN=mine\n")
    assert run(["env", "--write", ".env.local"]) == 0
    text = (tmp_path / ".env.local").read_text()
    assert variables(text) == {"OTHER": "1", **EXPECTED}
    assert "# before qstash-dev: QSTASH_TOKEN=mine" in text
    assert ".env.local is updated." in capsys.readouterr().err
    assert run(["env", "--write", ".env.local"]) == 0
    assert (tmp_path / ".env.local").read_text() == text
    assert "has these variables already" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error(capsys, tmp_path):
    assert run(["env", "--write", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_config_shows_each_value_with_its_origin(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("QSTASH_DEV_LOG_PORT", "8081")
    (tmp_path / "qstash-dev.toml").write_text("app = 4000\n")
    assert run(["config", "-port=8090"]) == 0
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert ["port", "8090", "--port"] in rows
    assert ["log-port", "8081", "QSTASH_DEV_LOG_PORT"] in rows
    assert ["app", "4000", 'qstash-dev.toml line 1, key "app"'] in rows
    assert ["quota", "payg", "default"] in rows
    assert ["max-retries", "5", "quota payg"] in rows


def test_config_for_programs(capsys):
    assert run(["config", "--json", "--route", "http://a=1"]) == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert records["route"] == {"name": "route", "value": ["http://a=1"], "origin": "--route"}
    assert records["log-port"]["value"] is None


def test_a_bad_setting_is_a_usage_error(capsys):
    assert run(["config", "--quota", "free"]) == 2
    assert '--quota: "free" is none of payg, pro.' in capsys.readouterr().err


def test_the_port_is_told_to_the_sdk_when_it_is_not_its_own(capsys):
    assert run(["env", "--url", "http://127.0.0.1:8090", "--shell", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["QSTASH_DEV_PORT"] == "8090"


def test_writing_leaves_dev_mode_alone_unless_the_credentials_are_others(tmp_path, capsys):
    file = tmp_path / ".env.local"
    file.write_text("QSTASH_DEV=true\n")
    assert run(["env", "--write", ".env.local", "--url", "http://127.0.0.1:8090"]) == 0
    assert variables(file.read_text())["QSTASH_DEV"] == "true"
    assert variables(file.read_text())["QSTASH_DEV_PORT"] == "8090"
    assert run(["env", "--write", ".env.local", "--user", "2"]) == 0
    assert "# before qstash-dev: QSTASH_DEV=true" in file.read_text()
    assert "QSTASH_DEV" not in variables(file.read_text())
