"""No message goes to the server itself: not when it is published, and not by a route made later.

A new way to name a destination is a new row of WAYS_IN; more spellings are in tests/protocol.
"""

import contextlib
import json
import socket
from typing import Any

import pytest

from tests.api.conftest import TOKENS, Api

APP = "http://127.0.0.1:1"
NESTED = "Upstash-Failure-Callback-Failure-Callback"
CRON = {"Upstash-Cron": "0 0 1 1 *"}

WAYS_IN: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "publish": ("POST", "/v2/publish/{own}", {}, None),
    "publish by GET": ("GET", "/v2/publish/{own}", {}, None),
    "enqueue": ("POST", "/v2/enqueue/q/{own}", {}, None),
    "schedule": ("POST", "/v2/schedules/{own}", CRON, None),
    "cron": ("POST", "/v2/publish/{own}", CRON, None),
    "batch": ("POST", "/v2/batch", {}, [{"destination": "{own}"}]),
    "callback": ("POST", f"/v2/publish/{APP}", {"Upstash-Callback": "{own}"}, None),
    "query": ("POST", f"/v2/publish/{APP}?upstash-callback={{own}}", {}, None),
    "failure": ("POST", f"/v2/publish/{APP}", {"Upstash-Failure-Callback": "{own}"}, None),
    "nested": (
        "POST",
        f"/v2/publish/{APP}",
        {"Upstash-Failure-Callback": APP, NESTED: "{own}"},
        None,
    ),
    "batch callback": (
        "POST",
        "/v2/batch",
        {},
        [{"destination": APP, "headers": {"Upstash-Callback": "{own}"}}],
    ),
    "scheduled callback": (
        "POST",
        f"/v2/schedules/{APP}",
        {**CRON, "Upstash-Callback": "{own}"},
        None,
    ),
    "group": ("POST", "/v2/topics/g/endpoints", {}, {"endpoints": [{"url": "{own}"}]}),
}
PATHS = ["", "/", "/_dev/reset", "/_DEV/clock", "//_dev/reset", "/v2", "/health", "/x/../v2/keys"]
HOSTS = ["127.0.0.1", "localhost", "LOCALHOST.", "0.0.0.0", "[::1]", "127.1", "2130706433", "u:p@0"]


def filled(value: Any, own: str) -> Any:
    return json.loads(json.dumps(value).replace("{own}", own))


async def nothing_was_made(api: Api) -> bool:
    counts = (await api.ok("GET", "/_dev/snapshot"))["counts"]
    lists = [await api.ok("GET", f"/v2/{noun}") for noun in ("schedules", "topics")]
    return not counts["messages"] and not any(lists)


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_no_message_names_the_server_itself(api: Api, way_in: str) -> None:
    for host in HOSTS:
        for path in PATHS if host == HOSTS[0] else PATHS[2:3]:
            own = f"http://{host}:{api.port}{path}"
            method, target, headers, body = filled(WAYS_IN[way_in], own)
            status, answer = await api.call(method, target, headers=headers, json=body)
            assert status == 400, own
            [error] = answer if isinstance(answer, list) else [answer]
            assert "is qstash-dev itself, not an app" in error["error"]
    assert await nothing_was_made(api)


async def test_a_group_has_no_default_that_calls_the_server_itself(api: Api) -> None:
    own = f"{api.url}/_dev/reset"
    order = {"headers": {"Upstash-Callback": own}}
    assert (await api.error("PATCH", "/v2/topics/g", json=order))[0] == 400


async def test_a_replay_goes_to_no_url_of_the_server_itself(api: Api) -> None:
    message_id = await api.publish(APP, delay="1h")
    order = {"url": f"{api.url}/_dev/reset"}
    status, error = await api.error("POST", f"/_dev/messages/{message_id}/replay", json=order)
    assert (status, "is qstash-dev itself" in error) == (400, True)


async def test_a_route_made_later_leads_no_message_to_the_server_itself(api: Api) -> None:
    await api.publish("http://far.invalid/_dev/reset", delay="1s", retries=0)
    routes = {"routes": [{"from": "http://far.invalid", "to": api.url}]}
    await api.ok("PUT", "/_dev/routes", json=routes)
    [row] = await api.wait("state:failed")
    assert "is qstash-dev itself" in (await api.ok("GET", f"/_dev/messages/{row['id']}"))["hint"]


async def test_a_message_may_publish_another_one(api: Api) -> None:
    """As with the cloud: its API is a destination like any other, and asks for the token."""
    token = f"Bearer {TOKENS['defaultUser']}"
    target = f"/v2/publish/{api.url}/v2/publish/{APP}"
    await api.ok("POST", target, headers={"Upstash-Forward-Authorization": token})
    [row] = await api.wait("state:delivered")
    assert row["status"] == 200


def own_name() -> str:
    """A name that only the system knows to be this machine's."""
    for name in (socket.gethostname(), "ip6-localhost", "localhost.localdomain"):
        with contextlib.suppress(OSError):
            if socket.gethostbyname(name).startswith("127."):
                return name
    pytest.skip("no name but localhost leads to this machine")


@pytest.mark.parametrize("path", ["/_dev/reset", "/v2/keys", "/"])
async def test_a_name_that_turns_out_to_be_ours_gets_no_message(api: Api, path: str) -> None:
    await api.publish(f"http://{own_name()}:{api.port}{path}", retries=0)
    [row] = await api.wait("state:failed")
    assert "is qstash-dev itself" in (await api.ok("GET", f"/_dev/messages/{row['id']}"))["hint"]
