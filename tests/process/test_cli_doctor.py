"""`doctor` beside a real server."""

import asyncio
import json

from qstash_dev import __version__
from qstash_dev.cli.commands.doctor import examine
from qstash_dev.config import Config
from tests.ports import reserved_port


def test_what_is_well_and_what_is_not_is_told_apart(start):
    server = start("--app", "http://127.0.0.1:1")
    server.run("env", "--write", ".env.local")
    done = server.run("doctor", "--json")
    assert done.returncode == 1  # for the app is not running
    texts = {}
    for finding in json.loads(done.stdout):
        texts.setdefault(finding["level"], []).append(finding["text"])
    assert any(f"runs at {server.url}" in text for text in texts["ok"])
    assert ".env.local has the address and credentials of defaultUser." in texts["ok"]
    (problem,) = texts["problem"]
    assert problem.startswith("Nothing listens at http://127.0.0.1:1 ")


def test_the_server_that_an_app_publishes_to_is_found_though_it_was_started_elsewhere(server):
    server.run("env", "--write", ".env.local")
    with reserved_port() as nobody:
        url = f"http://127.0.0.1:{nobody}"
        found = asyncio.run(examine(Config(), server.directory, url))
    texts = {finding.text: finding.level for finding in found}
    assert texts[f"qstash-dev {__version__} runs at {server.url}."] == "ok"
    assert texts[".env.local has the address and credentials of defaultUser."] == "ok"


def test_the_credentials_of_another_account_are_found(server, tmp_path):
    (tmp_path / ".env").write_text("QSTASH_TOKEN=cloud\n")
    done = server.run("doctor")
    assert done.returncode == 1
    assert "✗ QSTASH_URL is missing in .env: by that file the app asks the cloud." in done.stdout
    assert "qstash-dev env --write .env" in done.stdout
    (tmp_path / ".env").write_text(f"QSTASH_URL={server.url}\nQSTASH_TOKEN=cloud\n")
    done = server.run("doctor")
    assert done.returncode == 1
    assert "✗ QSTASH_TOKEN of .env is not one of this server's." in done.stdout
    assert "qstash-dev --env-file .env" in done.stdout
