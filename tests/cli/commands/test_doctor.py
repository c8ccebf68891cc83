import json
import socket

import pytest
from aiohttp import web

from qstash_dev.cli.app_files import apps_of, node_packages, python_packages, sdks_of, workspaces
from qstash_dev.cli.commands.doctor import (
    app_finding,
    examine,
    server_finding,
    tunnel_findings,
)
from qstash_dev.config import Config
from qstash_dev.protocol.users import DEV_USERS
from tests.browser import serving
from tests.ports import reserved_port


def test_every_env_file_of_the_directory_is_read_the_first_one_counts(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=1")
    (tmp_path / ".env.local").write_text("A=2")
    (tmp_path / ".env.development").write_bytes(b"\xff")
    [app], [error] = apps_of(tmp_path)
    assert app.values == {"A": "2", "B": "1"}
    assert app.files == {"A": ".env.local", "B": ".env"}
    assert ".env.development" in error.problem


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("package.json", '{"workspaces": ["apps/*", "packages/**", "!x", "../out"]}'),
        ("package.json", '{"workspaces": {"packages": ["./apps/*/"]}}'),
        ("pnpm-workspace.yaml", "packages:\n  # ours\n  - 'apps/*'\n  - libs/* # more\n"),
        ("pyproject.toml", '[tool.uv.workspace]\nmembers = ["apps/*"]\n'),
    ],
)
def test_the_apps_of_a_monorepo_are_found_from_its_root(tmp_path, file, text):
    web = tmp_path / "apps" / "web"
    (web / "node_modules" / "@upstash" / "qstash").mkdir(parents=True)
    (tmp_path / file).write_text(text)
    (web / ".env.local").write_text("QSTASH_TOKEN=t")
    (tmp_path / "apps" / "other").mkdir()
    assert web in workspaces(tmp_path)
    apps, _ = apps_of(tmp_path)
    assert [app.name for app in apps] == ["", "apps/web"]
    assert apps[1].files == {"QSTASH_TOKEN": "apps/web/.env.local"}


@pytest.mark.parametrize("sdk", ["@upstash/qstash", "@upstash/workflow"])
def test_the_installed_version_counts_wherever_it_was_hoisted_to(tmp_path, sdk):
    web, installed = tmp_path / "apps" / "web", tmp_path / "node_modules" / sdk
    for place in (web, installed):
        place.mkdir(parents=True)
    (web / "package.json").write_text(f'{{"dependencies": {{"{sdk}": "latest"}}}}')
    assert sdks_of(web, web) == {sdk: "latest"}
    (installed / "package.json").write_text('{"version": "2.7.23"}')
    assert sdks_of(web, web) == {sdk: "2.7.23"}


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with reserved_port() as port:
        yield port


async def test_an_app_is_found_on_the_address_where_it_listens(listener):
    finding = await app_finding(f"http://localhost:{listener}")
    assert finding.level == "ok"
    assert "(127.0.0.1)" in finding.text


async def test_an_app_on_the_other_loopback_address_is_a_problem_with_its_fix(listener):
    finding = await app_finding(f"http://[::1]:{listener}")
    assert finding.level == "problem"
    assert "listens on 127.0.0.1 only" in finding.text
    assert f"--app http://localhost:{listener}" in (finding.fix or "")
    assert (await app_finding(f"http://app.localhost:{listener}")).level == "ok"


async def test_an_app_that_is_not_running_is_a_problem(free_port):
    finding = await app_finding(f"http://127.0.0.1:{free_port}")
    assert finding.level == "problem"
    assert "--app" in (finding.fix or "")


async def test_a_free_port_is_fine(free_port):
    assert (await server_finding(f"http://127.0.0.1:{free_port}", free_port, None)).level == "ok"


async def test_a_port_that_another_program_holds_is_a_problem(listener):
    finding = await server_finding(f"http://127.0.0.1:{listener}", listener, None)
    assert finding.level == "problem"
    assert f"Port {listener} is held by another program." in finding.text


async def test_a_port_that_the_server_of_an_apps_sdk_holds_is_told_with_how_that_came():
    async def keys(request):
        return web.json_response({"current": DEV_USERS[0].current_key})

    other = web.Application()
    other.router.add_get("/v2/keys", keys)
    async with serving(other) as port:
        finding = await server_finding(f"http://127.0.0.1:{port}", port, None)
    assert finding.level == "problem"
    assert (
        f"another QStash development server at http://127.0.0.1:{port}. An app with" in finding.text
    )
    assert "QSTASH_DEV=true starts one where none is" in finding.text


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
    assert sdks_of(tmp_path, tmp_path) == {"@upstash/qstash": "^2.8.0", "qstash": ">=3,<4"}


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
