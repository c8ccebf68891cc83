"""What there is to read about something: parts that any face can draw, and what can be done to it."""

import re
from typing import Any

import pytest

from qstash_dev.api.control.server import ROUTES
from qstash_dev.devtools.orders import ORDERS, filled
from qstash_dev.devtools.vocabulary import COMMANDS
from tests.api.conftest import Api

TO = "http://127.0.0.1:9/x"


def text(parts: list[dict[str, Any]]) -> str:
    """All that they say, moments with their marks."""
    facts = [fact["pieces"] for part in parts for fact in part.get("facts", ())]
    lines = [part["line"] for part in parts if "line" in part]
    return "\n".join("".join(p.get("text", "") for p in line) for line in lines + facts)


@pytest.mark.parametrize(
    ("place", "verb", "told"),
    [
        ("messages/{id}", "message.run", "◷ delayed"),
        ("schedules/s", "server.pause", "up to 3"),
        ("queues/mail", "server.pause", "0  (at most 1 at a time)"),
        ("flow/key", "server.pause", "at most 3 in 1m"),
    ],
)
async def test_it_tells_what_a_thing_is_and_what_can_be_done(
    api: Api, place: str, verb: str, told: str
) -> None:
    flow = {"Upstash-Flow-Control-Key": "key", "Upstash-Flow-Control-Value": "rate=3,period=1m"}
    cron = {"Upstash-Cron": "0 9 * * 1", "Upstash-Schedule-Id": "s"}
    later = {"Upstash-Delay": "1d", **flow}
    made = await api.ok("POST", f"/v2/enqueue/mail/{TO}", headers=later)
    await api.ok("POST", f"/v2/schedules/{TO}", headers=cron)
    found = await api.ok("GET", f"/_dev/about/{place.format(id=made['messageId'])}")
    assert told in text(found["parts"])
    assert verb in found["verbs"]


@pytest.mark.parametrize(
    "place", ["queues/none", "groups/none", "flow/none", "schedules/none", "workflows/none", "x/y"]
)
async def test_what_is_not_there_is_said_in_a_sentence(api: Api, place: str) -> None:
    status, document = await api.call("GET", f"/_dev/about/{place}")
    assert (status, "error" in document) == (404, True)


async def test_what_is_well_or_given_up_is_not_offered_to_be_armed(api: Api) -> None:
    id = await api.publish(TO, delay="1d")
    assert "message.arm" in (await api.ok("GET", f"/_dev/about/messages/{id}"))["verbs"]
    await api.ok("POST", f"/_dev/messages/{id}/cancel")
    assert "message.arm" not in (await api.ok("GET", f"/_dev/about/messages/{id}"))["verbs"]


async def test_a_page_that_a_message_has_not_is_answered_with_those_it_has(api: Api) -> None:
    id = await api.publish(TO, delay="1d")
    status, document = await api.call("GET", f"/_dev/about/messages/{id}?page=Headers")
    expected = "Overview, Request, Response, Attempts, Signature, Tree"
    sentence = f"a message has no page 'Headers': expected one of {expected}"
    assert (status, document["error"]) == (404, sentence)


def test_every_order_is_one_that_the_control_api_takes() -> None:
    taken = {(route.methods, re.sub(r"{\w+}", "{}", route.pattern)) for route in ROUTES}
    for orders in ORDERS.values():
        for order in orders.values():
            path = re.sub(r"{\w+}", "{}", order.path.partition("?")[0])
            assert (order.method, path) in taken, order


def test_orders_are_called_as_commands_are_but_for_two_opposites() -> None:
    ids = {id for orders in ORDERS.values() for id in orders}
    assert ids - {command.id for command in COMMANDS} == {"server.resume", "message.disarm"}


def test_what_is_told_of_an_order_has_the_fields_of_what_it_is_about() -> None:
    values = {"name": "a/b", "user": None, "ids": ["msg_1", "msg_2"]}
    told = filled("/{name}?user={user} {ids} {none}", values, lambda text: text.replace("/", "%2F"))
    assert told == "/a%2Fb?user= msg_1, msg_2 "
