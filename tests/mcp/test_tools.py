"""What an agent gets, by the official SDK's own client."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from qstash_dev.cli import run
from qstash_dev.mcp.server import make_server
from tests.api.conftest import Api, start_api
from tests.conftest import App
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.process.conftest import COMMAND

__all__ = ["start_api"]
SECRET = "very-secret-value"


class Agent:
    """Calls tools; each answer is the structured one."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, tool: str, **arguments: Any) -> Any:
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """The sentence with which a tool says no."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error
        return " ".join(part.text for part in result.content if part.type == "text")


@pytest.fixture
async def api(start_api: Any) -> Api:
    return await start_api(clock_mode="frozen")


async def examine() -> dict[str, Any]:
    return {"findings": []}


@asynccontextmanager
async def agent_of(url: str) -> AsyncIterator[Agent]:
    """Within the test: what the SDK opens must be closed by the task that opened it."""
    async with Client(make_server(lambda: (url, None), examine)) as client:
        yield Agent(client)


async def test_over_stdio_as_an_editor_starts_it(api: Api, app: App) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=[*COMMAND[1:], "mcp"],
        env={"QSTASH_DEV_URL": api.url},
    )
    await api.publish(app.answers("/x", {"status": 500, "body": b"broken"}), retries=0)
    async with Client(command) as client:
        agent = Agent(client)
        await agent("settle")
        (found,) = (await agent("list_messages", filter="state:failed"))["messages"]
        assert (found["status"], found["attempts"]) == (500, "1 of 1")
        levels = {one["level"] for one in (await agent("doctor"))["findings"]}
        assert levels <= {"ok", "note", "problem"}


async def test_every_tool_says_what_it_does_and_whether_it_changes_something(api: Api) -> None:
    async with agent_of(api.url) as agent:
        tools = (await agent.client.list_tools()).tools
        looks, destroys = set(), set()
        for tool in tools:
            assert tool.description
            assert tool.annotations is not None
            if tool.annotations.read_only_hint:
                looks.add(tool.name)
            elif tool.annotations.destructive_hint:
                destroys.add(tool.name)
        acts = {tool.name for tool in tools} - looks - destroys
        assert destroys == {"cancel", "cancel_workflow", "clear_faults", "reset"}
        assert acts >= {"send", "replay", "run_now", "settle", "add_fault", "resume_workflow"}
        assert looks >= {
            "list_messages",
            "get_message",
            "explain_signature",
            "wait",
            "logs",
            "doctor",
        }
        size = sum(len(tool.model_dump_json(exclude_none=True)) for tool in tools)
        assert size < 24_000  # an agent reads all of it, always


async def test_a_failure_is_explained_fixed_and_replayed(api: Api, app: App) -> None:
    async with agent_of(api.url) as agent:
        url = app.answers("/api/mail", 500, 500, 200)
        (message_id,) = [(await agent("send", url=url, body="{}", retries=1))["sent"]["messageId"]]
        await agent("settle")
        found = await agent("get_message", id=message_id)
        assert (found["state"], found["attempts"]) == ("failed", "2 of 2")
        assert [one["status"] for one in found["attempts_made"]] == [500, 500]
        assert found["cause"]
        assert [one["id"] for one in (await agent("dead_letters"))["dead_letters"]] == [message_id]
        again = (await agent("replay", id=message_id, body='{"again": 1}'))["id"]
        met = await agent("wait", filter=f"id:{again} state:ok", timeout_s=PATIENCE_S)
        assert met["met"]
        events = (await agent("logs", filter=f"id:{again}"))["events"]
        assert [event["state"] for event in events] == ["CREATED", "ACTIVE", "DELIVERED"]
        assert (await agent("explain_signature", id=message_id))["valid"]
        wrong = await agent("explain_signature", id=message_id, url="http://elsewhere/")
        assert (wrong["valid"], len(wrong["problems"])) == (False, 1)


async def test_bodies_come_only_when_asked_for_and_secrets_never(api: Api, app: App) -> None:
    async with agent_of(api.url) as agent:
        headers = {"Authorization": f"Bearer {SECRET}", "X-Tenant": "acme"}
        url = app.answers("/x", {"body": b"the answer"})
        sent = await agent("send", url=url, body="the body", headers=headers)
        message_id = sent["sent"]["messageId"]
        await agent("settle")
        short = await agent("get_message", id=message_id)
        assert "the body" not in str(short)
        assert "headers" not in short
        long = await agent("get_message", id=message_id, bodies=True)
        assert long["body"] == {"bytes": 8, "text": "the body"}
        assert long["attempts_made"][0]["body"]["text"] == "the answer"
        assert long["headers"]["X-Tenant"] == "acme"
        assert SECRET not in str(long)
        assert long["headers"]["Authorization"].startswith("Bearer ****")


async def test_what_is_set_up_is_seen_and_steered(api: Api, app: App) -> None:
    async with agent_of(api.url) as agent:
        cron = {"Upstash-Cron": "0 0 1 1 *", "Upstash-Schedule-Id": "s"}
        await api.ok("POST", f"/v2/schedules/{app.url}", headers=cron)
        (schedule,) = (await agent("list_schedules"))["schedules"]
        assert (schedule["id"], schedule["cron"]) == ("s", "0 0 1 1 *")
        assert len((await agent("run_schedule", id="s"))["messages"]) == 1
        await agent("send", url=app.url, queue="mail", delay="1h")
        assert (await agent("list_queues"))["queues"][0]["name"] == "mail"
        await agent("set_paused", kind="queues", name="mail", paused=True)
        assert (await agent("list_queues"))["queues"][0]["paused"]
        pause = {"kind": "flow", "name": "early", "paused": True}
        told = {"name": "early", "paused": True}
        assert await agent("set_paused", **pause) == {**told, "is_new": True}
        assert await agent("set_paused", **pause) == told
        fault = await agent("add_fault", kind="status", status=503, times=1, filter="dest:/x")
        assert (await agent("list_faults"))["faults"] == [fault]
        assert (await agent("clear_faults"))["faults"] == []
        before = (await agent("show_clock"))["now"]
        clock = await agent("change_clock", advance="1h")
        assert clock["now"] > before
        assert clock["now"] > clock["wall"]
        assert (await agent("list_workflows"))["runs"] == []
        assert (await agent("notify_workflows", event="paid"))["resumed"] == []
        await agent("reset")
        assert (await agent("list_messages"))["total"] == 0


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("get_message", {"id": "msg_none"}, "message msg_none not found"),
    ("list_messages", {"filter": "stat:ok"}, "state"),
    ("change_clock", {"advance": "soon"}, "invalid advance: 'soon' is not a duration"),
    ("send", {"url": "/x", "delay": "soon"}, "invalid delay: 'soon' is not a duration"),
    ("send", {"url": "/x", "retries": -1}, "invalid retries -1: expected 0 or more"),
    ("send", {"url": "/x", "method": "TEA"}, "invalid method \"TEA\": expected 'GET', 'POST'"),
    ("change_clock", {}, "expected one of advance, mode and skip"),
    ("change_clock", {"advance": "1h", "skip": True}, "expected one of advance, mode and skip"),
    ("add_fault", {"kind": "latency"}, "needs a latency"),
    ("get_workflow", {"id": "wfr_none"}, "workflow run wfr_none not found"),
    ("run_schedule", {"id": "none"}, "none"),
    ("send", {"url": "nowhere at all"}, "destination"),
    ("send", {"url": "/x", "headers": {"X-A\r\nX-B": "1"}}, "control character"),
    ("get_message", {"id": ""}, "an id or a name is missing"),
    ("cancel", {"id": ""}, "an id or a name is missing"),
    ("cancel", {"id": "../reset"}, "message ../reset not found"),
    ("set_paused", {"kind": "queues", "name": "..", "paused": True}, "queue .. not found"),
    ("set_paused", {"kind": "queues", "name": "q", "paused": True}, "queue q not found"),
    ("set_paused", {"kind": "flow", "name": "k", "paused": False}, "flow-control key k not f"),
    ("wait", {"filter": "", "timeout_s": -1}, "invalid timeout_s -1: expected 0 to 600"),
    ("wait", {"filter": "", "timeout_s": 1e300}, "invalid timeout_s 1e+300"),
    ("settle", {"timeout_s": 601}, "invalid timeout_s 601"),
    ("list_messages", {"filter": "x" * 100_000}, "more than 65536 bytes when reading"),
    ("list_messages", {"limit": 10**30}, "limit"),
    ("list_messages", {"limit": "many"}, 'invalid limit "many": expected an integer'),
    ("list_messages", {"filters": "a"}, "list_messages has no filters: expected filter, limit"),
    ("show_clock", {"now": 1}, "show_clock has no now: expected nothing"),
    ("send", {"headers": {"a": 1}}, "url is missing; invalid headers.a 1: expected a string"),
    (
        "set_paused",
        {"kind": "x", "name": "a", "paused": True},
        "invalid kind \"x\": expected 'schedules', 'queues' or 'flow'",
    ),
]


async def test_what_cannot_be_done_is_a_sentence(api) -> None:
    async with agent_of(api.url) as agent:
        for tool, arguments, sentence in REFUSED:
            text = await agent.refused(tool, **arguments)
            assert sentence in text
            assert "Error executing" not in text


async def test_without_a_server_an_agent_is_told_how_to_start_one() -> None:
    with reserved_port() as port:
        nowhere = f"http://127.0.0.1:{port}"
        async with Client(make_server(lambda: (nowhere, None), examine)) as client:
            text = await Agent(client).refused("list_messages")
    assert f"No qstash-dev server answers at {nowhere}" in text
    assert "qstash-dev serve" in text


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(sys.modules):
        if name.startswith(("mcp.", "qstash_dev.mcp.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert run(["mcp"]) == 1
    assert "pipx install 'qstash-dev[mcp]'" in capsys.readouterr().err
