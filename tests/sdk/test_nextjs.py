"""The tutorial app in a real `next dev`: a server action publishes, a wrapped route verifies."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

APP = Path(__file__).parent / "nextjs"
FOREIGN = ("QSTASH", "NEXT_", "NODE_ENV")


@pytest.fixture
async def next_url(next_app, server) -> AsyncIterator[str]:
    """The URL of the app; its environment names the server and nothing else."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    adoption = {"QSTASH_DEV": "true", "QSTASH_DEV_PORT": str(server.port)}
    process = await asyncio.create_subprocess_exec(
        next_app,
        *("node_modules/next/dist/bin/next", "dev", "--hostname", "127.0.0.1", "--port", "0"),
        cwd=APP,
        env={**own, **adoption, "NEXT_TELEMETRY_DISABLED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = ""
    while "Ready" not in printed:
        line = await process.stdout.readline()
        assert line, f"next dev ended:\n{printed}"
        printed += line.decode()
    rest = asyncio.create_task(process.stdout.read())
    found = re.search(r"Local: +(http://\S+)", printed)
    assert found is not None, printed
    yield found[1]
    # It runs the app in a child process.
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    print(printed, (await rest).decode())


@pytest.mark.timeout(300)
async def test_the_tutorial_app_publishes_and_verifies(next_url, server):
    async with aiohttp.ClientSession() as browser:
        async with browser.get(next_url) as page:
            found = re.search(r'name="(\$ACTION_ID_\w+)"', await page.text())
        assert found is not None
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field(found[1], "")
        async with browser.post(next_url, data=form, headers={"Origin": next_url}) as pressed:
            assert pressed.status == 200, await pressed.text()
        (row,) = await server.wait("state:delivered")
        assert (row["url"], row["status"]) == (f"{next_url}/api/long-task", 200)
        async with browser.post(f"{next_url}/api/long-task", json={}) as unsigned:
            assert unsigned.status == 403
    detail = await server.call(f"/_dev/messages/{row['id']}")
    assert detail["attempts"][0]["response"]["body"]["text"] == '{"done":"world"}'
