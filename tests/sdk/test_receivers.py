"""Receivers in Ruby and PHP, written as apps there write them: no SDK, an HMAC by hand."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import LocalServer
from tests.sdk.test_causes import FRAMEWORKS, OTHERS, OURS

RECEIVERS = {
    "ruby": ("ruby", "receiver.rb"),
    "php": ("php", "-S", "127.0.0.1:0", "receiver.php"),
}
"""Each says its port in its first line."""


@contextmanager
def receiver(language: str, keys: dict[str, str]) -> Iterator[str]:
    """The address of a receiver with these keys; skips the test where it cannot run."""
    if shutil.which(language) is None:
        pytest.skip(f"{language} is not installed")
    process = subprocess.Popen(
        RECEIVERS[language],
        cwd=FRAMEWORKS,
        env={**os.environ, **keys},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process:
        first = process.stdout.readline()
        try:
            if "cannot load such file -- webrick" in first:
                pytest.skip("Ruby's webrick is not installed")
            port = re.search(r"(\d+)(\) started)?$", first.strip())
            assert port, first + process.stdout.read()
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that watches a project with the keys of somebody else in its `.env`."""
    project = tmp_path_factory.mktemp("project")
    (project / ".env").write_text("".join(f"{name}={key}\n" for name, key in OTHERS.items()))
    server = LocalServer("--watch", str(project))
    yield server
    server.stop()


@pytest.mark.parametrize("language", RECEIVERS)
async def test_a_receiver_without_an_sdk_takes_a_delivery(
    watching: LocalServer, language: str
) -> None:
    row = await delivered(watching, language, OURS)
    assert (row["state"], row["status"], row["hint"]) == ("delivered", 200, None)


@pytest.mark.parametrize("language", RECEIVERS)
async def test_with_a_wrong_key_it_answers_401_and_the_cause_names_the_key(
    watching: LocalServer, language: str
) -> None:
    row = await delivered(watching, language, OTHERS)
    assert (row["state"], row["status"]) == ("failed", 401)
    assert ".env has another QSTASH_CURRENT_SIGNING_KEY (sig_of_q…) than this" in row["hint"]


async def delivered(server: LocalServer, language: str, keys: dict[str, str]) -> dict[str, Any]:
    """The row of one message to a receiver with these keys."""
    server.ask("/_dev/reset", {})
    with receiver(language, keys) as url:
        path, headers = f"/v2/publish/{url}/jobs?a=%20b", {"Upstash-Retries": "0"}
        await server.call(path, "POST", data='{"name":"Zoë"}', headers=headers)
        [row] = await server.wait("state:ok|failed")
    return row
