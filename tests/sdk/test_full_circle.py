"""An app with the JavaScript SDK -> qstash-dev -> the cloud -> the tunnel -> the app, and back.

Everything is a process of its own: the app in Node, the server with its ngrok agent, and a second
server that stands in for the cloud. It refuses loopback destinations, so the tunnel is the only way.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.patience import PATIENCE_MS
from tests.ports import reserved_port

ROOT = Path(__file__).parents[2]
FAKE_NGROK = ROOT / "fixtures" / "fake_ngrok.py"
DOMAIN = "mine.ngrok-free.app"
ACCOUNT = {
    "QSTASH_TOKEN": "the-token-of-the-account",
    "QSTASH_CURRENT_SIGNING_KEY": "sig_accountCurrent6cr29RJ6rXXXXXX",
    "QSTASH_NEXT_SIGNING_KEY": "sig_accountNextB1wjE8S6rZ7eenA8Pd",
}
PIPE = asyncio.subprocess.PIPE


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def served(*options: str, **variables: str) -> AsyncIterator[str]:
    """The URL of a `qstash-dev serve`, which must end well when it is told to."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("QSTASH")}
    words = [sys.executable, "-m", "qstash_dev", "serve", "--port", "0", "--output", "json"]
    process = await asyncio.create_subprocess_exec(
        *words, *options, env={**own, **variables}, cwd=ROOT, stdout=PIPE, stderr=PIPE, limit=2**20
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    assert first, await process.communicate()
    rest = asyncio.create_task(process.communicate())
    try:
        yield json.loads(first)["url"]
    finally:
        process.terminate()
        out, err = await rest
    assert process.returncode == 0, err
    for secret in ACCOUNT.values():
        assert secret.encode() not in out + err


async def dev(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()


async def is_open(session: aiohttp.ClientSession, url: str) -> None:
    """Until the tunnel is open and the cloud's keys are known; the stream tells of each change."""
    async with session.get(f"{url}/_dev/events") as stream:
        async for line in stream.content:
            if not line.startswith(b"data:"):
                continue
            tunnel = await dev(session, f"{url}/_dev/tunnel")
            assert tunnel["state"] in ("starting", "online"), tunnel
            if tunnel["state"] == "online" and tunnel["keys_known"]:
                return


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    with reserved_port() as app, reserved_port() as data:
        yield app, data


async def test_a_message_and_its_callback_go_the_whole_way_round(
    node: str, tmp_path: Path, ports: tuple[int, int]
) -> None:
    app_port, data_port = ports
    account = tmp_path / "account.env"
    account.write_text("".join(f"{name}={value}\n" for name, value in ACCOUNT.items()))
    in_cloud = ("--memory", "--strict", "--env-file", str(account))
    route = f"https://{DOMAIN}=http://127.0.0.1:{data_port}"
    async with (
        served(*in_cloud, "--route", route) as cloud,
        served(
            *("--tunnel", "--domain", DOMAIN, "--cloud", "--app", f"http://127.0.0.1:{app_port}"),
            *("--data-dir", str(tmp_path / "state")),
            NGROK_PATH=str(FAKE_NGROK),
            FAKE_NGROK_PORT=str(data_port),
            FAKE_NGROK_RECORD=str(tmp_path / "record"),
            QSTASH_CLOUD_URL=cloud,
            QSTASH_CLOUD_TOKEN=ACCOUNT["QSTASH_TOKEN"],
        ) as url,
        aiohttp.ClientSession() as session,
    ):
        await is_open(session, url)
        snapshot = await dev(session, f"{url}/_dev/snapshot")
        app = await asyncio.create_subprocess_exec(
            *(node, "circle.mjs"),
            cwd=Path(__file__).parent / "js",
            env={**os.environ, **snapshot["server"]["env"], "APP_PORT": str(app_port)},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        assert app.stdout is not None
        said = await app.stdout.readline()
        assert said, (await app.communicate())[1].decode()
        heard = json.loads(said)
        wait = f"{url}/_dev/wait?filter=state:delivered&count=2&timeout_ms={PATIENCE_MS}"
        assert (await dev(session, wait))["met"]
        snapshot = await dev(session, f"{url}/_dev/snapshot")
        await app.communicate(b"")
        assert app.returncode == 0
    app_url = f"http://127.0.0.1:{app_port}"
    assert heard["told"] == {
        "sourceMessageId": heard["messageId"],
        "url": f"{app_url}/api/work?from=circle",
        "status": 200,
        "body": '{"heard":11}',
    }
    rows = {row["id"]: row for row in snapshot["rows"]}
    assert set(rows) == {heard["messageId"], heard["callbackId"]}
    assert {row["source"] for row in rows.values()} == {"cloud"}
    assert {row["state"] for row in rows.values()} == {"delivered"}
    assert rows[heard["callbackId"]]["parent"] == heard["messageId"]
    assert rows[heard["messageId"]]["url"] == f"{app_url}/api/work?from=circle"
    agents = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    for pid in [line["pid"] for line in agents if "pid" in line]:
        assert not is_running(pid)
