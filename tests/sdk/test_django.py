"""django-qstash, unmodified, in a real Django development server behind a route and a tunnel.

Its defaults check the URL that Django makes of the request, so they need the published Host, or
Django's settings that read `X-Forwarded-*`.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from qstash_dev.config import Config
from qstash_dev.protocol.urls import KeptHosts
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server
from tests.patience import PATIENCE_MS
from tests.ports import reserved_port
from tests.server.outside_world import KEYS, outside_world

PATH = "/qstash/webhook/"
PUBLISHED = "https://my.example.dev"
TASK = {"function": "hello", "module": "app.tasks", "args": ["Ada"], "kwargs": {}}

SETTINGS = """
import sys
SECRET_KEY = "x"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "app.urls"
INSTALLED_APPS = ["django_qstash", "app"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
QSTASH_TOKEN = "t"
DJANGO_QSTASH_DOMAIN = "https://my.example.dev"
DJANGO_QSTASH_WEBHOOK_PATH = "/qstash/webhook/"
"""
FORWARDED = """
USE_X_FORWARDED_HOST = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("qstash/webhook/", include("django_qstash.urls"))]
"""
TASKS = """
from django_qstash import stashed_task

@stashed_task
def hello(name):
    return f"Hello {name}"
"""


@contextlib.asynccontextmanager
async def django(directory: Path, keys: tuple[str, str], settings: str = "") -> AsyncIterator[int]:
    """The port of `manage.py runserver` with these settings beside the package's own defaults."""
    app = directory / "app"
    app.mkdir()
    names = zip(("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"), keys, strict=True)
    own = "".join(f"{name} = {key!r}\n" for name, key in names)
    for file, text in (
        ("__init__.py", ""),
        ("settings.py", SETTINGS + own + settings),
        ("urls.py", URLS),
        ("tasks.py", TASKS),
    ):
        (app / file).write_text(text)
    with reserved_port() as port:
        words = ["-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "app.settings", "PYTHONUNBUFFERED": "1"}
        env["PYTHONPATH"] = str(directory)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words),
            cwd=directory,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = b""
        while b"Quit the server" not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line
        rest = asyncio.create_task(process.stdout.read())
        try:
            yield port
        finally:
            process.terminate()
            await process.wait()
            await rest


@contextlib.asynccontextmanager
async def published(**settings: Any) -> AsyncIterator[tuple[str, str, Any]]:
    """State, answer and hint of one task that was published to the routed URL."""
    server = Server(Config(port=0, host=("127.0.0.1",), data_dir=None, **settings))
    await server.start()
    token = {"Authorization": f"Bearer {DEV_USERS[0].token}", "Content-Type": "application/json"}
    try:
        async with aiohttp.ClientSession(server.started.url, headers=token) as session:
            url = f"/v2/publish/{PUBLISHED}{PATH}"
            headers = {"Upstash-Retries": "0"}
            async with session.post(url, data=json.dumps(TASK), headers=headers) as answer:
                message_id = (await answer.json())["messageId"]
            wait = {"filter": "state:ok|failed", "timeout_ms": str(PATIENCE_MS)}
            async with session.get("/_dev/wait", params=wait) as answer:
                assert (await answer.json())["met"]
            async with session.get(f"/_dev/messages/{message_id}") as answer:
                detail = await answer.json()
        body = detail["attempts"][-1]["response"]["body"].get("text", "")
        yield detail["row"]["state"], body, detail["hint"]
    finally:
        await server.stop()


OURS = (DEV_USERS[0].current_key, DEV_USERS[0].next_key)


async def test_by_its_defaults_it_refuses_a_routed_delivery_and_the_cause_is_named(
    tmp_path: Path,
) -> None:
    async with django(tmp_path, OURS) as port:
        target = f"http://127.0.0.1:{port}"
        async with published(routes=((PUBLISHED, target),)) as (state, body, hint):
            assert state == "failed"
            assert "Invalid signature" in body
            assert f"for my.example.dev, but the app is called at 127.0.0.1:{port}" in hint
            assert "USE_X_FORWARDED_HOST" in hint
            assert "--keep-host" in hint


async def test_it_takes_a_routed_delivery_that_keeps_its_host(tmp_path: Path) -> None:
    async with django(tmp_path, OURS) as port:
        settings = {"routes": ((PUBLISHED, f"http://127.0.0.1:{port}"),)}
        async with published(**settings, kept_hosts=KeptHosts(every=True)) as (state, body, _):
            assert state == "delivered", body
        async with published(**settings, kept_hosts=KeptHosts(prefixes=(PUBLISHED,))) as found:
            assert found[0] == "delivered", found


async def test_it_takes_a_routed_delivery_when_django_reads_what_is_forwarded(
    tmp_path: Path,
) -> None:
    async with django(tmp_path, OURS, FORWARDED) as port:
        target = f"http://127.0.0.1:{port}"
        async with published(routes=((PUBLISHED, target),)) as (state, body, _):
            assert state == "delivered", body


@pytest.mark.parametrize(
    ("settings", "keeps", "status"), [("", False, 400), ("", True, 200), (FORWARDED, False, 200)]
)
async def test_it_takes_what_the_cloud_delivers_through_the_tunnel(
    tmp_path: Path, settings: str, keeps: bool, status: int
) -> None:
    async with django(tmp_path, KEYS, settings) as port:
        kept = KeptHosts(every=keeps)
        async with outside_world(app_port=port, kept_hosts=kept) as world:
            answer = await world.deliver(PATH, json.dumps(TASK).encode())
            assert answer.status == status, answer.body
            [row] = await world.rows("source:cloud")
            if status == 400:
                assert "but the app is called at" in row["hint"]
                assert "env --write" not in row["hint"]
