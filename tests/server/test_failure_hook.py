"""`--notify`: a program on this machine is told of each message that failed for good."""

import json
from typing import Any

import pytest

from qstash_dev.config import ConfigError, load
from tests.api.conftest import Api, start_api
from tests.conftest import App
from tests.patience import PATIENCE_MS

__all__ = ["start_api"]


@pytest.fixture
async def api(start_api: Any, app: App) -> Api:
    return await start_api(notify_url=f"{app.url}/hook", clock_mode="frozen")


async def test_each_failure_is_told_once_with_its_cause_and_a_link(api: Api, app: App) -> None:
    failed = await api.publish(app.answers("/bad", 500, 404), retries=1, label="mail")
    await api.publish(app.url + "/good")
    await api.ok("POST", "/_dev/clock", json={"settle": True, "wait_ms": PATIENCE_MS})
    told = json.loads((await app.one("/hook")).body)
    assert (told["type"], told["id"], told["status"], told["attempts"]) == (
        "failed",
        failed,
        404,
        2,
    )
    assert told["link"] == f"{api.url}/_dev/#/messages/{failed}"
    assert told["cause"]
    assert told["text"] == f"POST {app.url}/bad failed: {told['cause']}"
    assert told["labels"] == ["mail"]


async def test_a_program_that_is_not_there_hinders_nothing(start_api: Any, app: App) -> None:
    api = await start_api(notify_url="http://127.0.0.1:1/hook")
    await api.publish(app.answers("/bad", 500), retries=0)
    await api.wait("state:failed")
    await api.publish(app.url + "/good")
    await api.wait("state:ok")


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:9000/hook", True),
        ("http://[::1]:9000", True),
        ("https://hooks.slack.com/services/x", False),
        ("http://192.168.1.5/hook", False),
    ],
)
def test_failures_are_told_on_this_machine_only(tmp_path, url: str, is_here: bool) -> None:
    if is_here:
        assert load("serve", {"notify": [url]}, {}, tmp_path).config.notify_url == url
    else:
        with pytest.raises(ConfigError, match="is not on this machine"):
            load("serve", {"notify": [url]}, {}, tmp_path)
