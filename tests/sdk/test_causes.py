"""The sentence that a person sees for what real apps answer: FastAPI, Express and h3 as they run."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qstash_dev.protocol.users import DEV_USERS
from tests.sdk.conftest import node_for

FRAMEWORKS = Path(__file__).parent / "frameworks"
OURS = {
    "QSTASH_CURRENT_SIGNING_KEY": DEV_USERS[0].current_key,
    "QSTASH_NEXT_SIGNING_KEY": DEV_USERS[0].next_key,
}
OTHERS = {name: f"sig_of_{name.lower()}" for name in OURS}
UVICORN = """
import asyncio, uvicorn
from fastapi_app import app
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
async def main():
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await task
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Node, with Express and h3 installed."""
    return node_for(FRAMEWORKS, tmp_path_factory)


@contextlib.asynccontextmanager
async def running(*command: str, keys: dict[str, str]) -> AsyncIterator[str]:
    """The address of an app, which prints its port first."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=FRAMEWORKS,
        env={**os.environ, **keys},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = await process.stdout.readline()
    assert port, (await process.communicate())[1]
    try:
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.terminate()
        await process.communicate()


@dataclass(frozen=True)
class Case:
    """What is sent to a path of an app, and the sentence that a person sees for its answer."""

    path: str
    body: str
    sentence: str | None
    content_type: str = "application/json"


async def hints(start_server: Any, tmp_path: Path, url: str, *cases: Case) -> list[str | None]:
    """What the Overview says of each delivery, the right keys standing in the app's `.env.local`."""
    env = "".join(f"{name}={key}\n" for name, key in OURS.items())
    (tmp_path / ".env.local").write_text(env)
    server = start_server("--watch", str(tmp_path))
    ids = []
    for case in cases:
        headers = {"Content-Type": case.content_type, "Upstash-Retries": "0"}
        target = f"/v2/publish/{url}{case.path}"
        sent = await server.call(target, "POST", data=case.body, headers=headers)
        ids.append(sent["messageId"])
    rows = {row["id"]: row["hint"] for row in await server.wait("state:ok|failed", len(cases))}
    return [rows[id_] for id_ in ids]


def assert_said(said: list[str | None], cases: Sequence[Case]) -> None:
    """Each sentence is the one of its case, and none advises what would not help."""
    for case, hint in zip(cases, said, strict=True):
        assert (hint is None) if case.sentence is None else (case.sentence in (hint or "")), case
        assert "env --write" not in (hint or ""), case


FASTAPI = [
    Case("/raw", "{}", None),
    Case(
        "/other-url",
        "{}",
        "The keys in .env.local are right, but that file was changed a moment ago",
    ),
    Case("/written-again", '{"a":1}', "The keys in .env.local are right"),
    Case(
        "/orders",
        '{"a":1}',
        "The body is JSON, but its Content-Type is text/plain;charset=UTF-8, so frameworks do not "
        "parse it: publish with Content-Type: application/json (publishJSON does). The app "
        "answered 422 (body: Input should be a valid dictionary",
        content_type="text/plain;charset=UTF-8",
    ),
    Case("/orders", '{"b":1}', "another shape than the handler expects: body.a: Field required"),
]


async def test_fastapi_with_the_python_sdk(start_server: Any, tmp_path: Path) -> None:
    async with running(sys.executable, "-c", UVICORN, keys=OURS) as url:
        assert_said(await hints(start_server, tmp_path, url, *FASTAPI), FASTAPI)


EXPRESS = [
    Case("/stringified", '{"a": 1}', "The body was changed before the signature check"),
    Case("/other-case", '{"a":1}', "No signature reached the check (Compact JWS must be a string"),
    Case("/other-url", '{"a":1}', "but the app checks https://prod.example/other-url: publish to"),
    Case("/own-words", '{"a":1}', None),
    Case(
        "/destructures",
        '{"a":1}',
        "The body is JSON, but its Content-Type is text/plain",
        content_type="text/plain",
    ),
    Case("/destructures", '"{\\"a\\":1}"', "The app answered 400"),
]


async def test_express_with_the_javascript_sdk(
    start_server: Any, tmp_path: Path, node: str
) -> None:
    async with running(node, "express.mjs", keys=OURS) as url:
        assert_said(await hints(start_server, tmp_path, url, *EXPRESS), EXPRESS)


async def test_express_with_the_keys_of_somebody_else(
    start_server: Any, tmp_path: Path, node: str
) -> None:
    async with running(node, "express.mjs", keys=OTHERS) as url:
        [said] = await hints(start_server, tmp_path, url, Case("/stringified", '{"a":1}', None))
    assert said is not None
    assert "The keys in .env.local are right. If this text is the JavaScript SDK's" in said
    assert "restart it. If the app has one text for everything: qstash-dev verify msg_" in said


@pytest.mark.parametrize("debug", ["0", "1"])
async def test_h3_says_its_status_message(
    start_server: Any, tmp_path: Path, node: str, debug: str
) -> None:
    async with running(node, "h3.mjs", keys={"DEBUG": debug}) as url:
        said = await hints(start_server, tmp_path, url, Case("/orders", "{}", None))
    assert said == ["The body has another shape than the handler expects: Missing userId"]
