"""Actions that make a thing where one sees its kind: a schedule, queue, URL group, flow-control key."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from qstash_dev.client import ClientError
from qstash_dev.client.paths import qstash_path
from qstash_dev.protocol.headers import bearer
from qstash_dev.tui.actions import writing
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Ask

Make = Callable[[Screen, list[str]], Awaitable[None]]
"""Makes a thing of the words that were typed. Raises ValueError with what is missing."""


async def schedule(screen: Screen) -> None:
    """Write a message with a cron expression, which makes a schedule."""
    await writing.send_with(screen, "schedule", "New schedule", "Upstash-Cron: */5 * * * *")


def asking(title: str, example: str, make: Make) -> Callable[[Screen], Awaitable[None]]:
    """Ask for a line of words until a thing was made of it, or the person leaves."""
    return partial(_ask, title=title, example=example, make=make)


async def _ask(screen: Screen, title: str, example: str, make: Make) -> None:
    text: str | None = ""
    note = f"Such as: {example}"
    while text := await screen.ask(Ask(title, note, text or "")):
        try:
            await make(screen, text.split())
        except (ClientError, ValueError) as error:
            note = f"✗ {error}"
        else:
            name, resource = text.split()[0], screen.session.view.resource
            assert resource is not None, "only such views make things"
            screen.session.go_to_new(resource.noun, name)
            return screen.say(f"Made {name}.")
    return None


async def _queue(screen: Screen, words: list[str]) -> None:
    if len(words) > 2 or not all(word.isdecimal() for word in words[1:]):
        raise ValueError("A name, then how many at a time: mail 2")
    order: dict[str, Any] = {"queueName": words[0]}
    if len(words) == 2:
        order["parallelism"] = int(words[1])
    await _post(screen, "/v2/queues", order)


async def _group(screen: Screen, words: list[str]) -> None:
    if len(words) < 2:
        raise ValueError("A name, then one or more URLs: team http://localhost:3000/api/one")
    endpoints = [{"url": url} for url in words[1:]]
    await _post(screen, qstash_path("topics", words[0], "endpoints"), {"endpoints": endpoints})


async def _key(screen: Screen, words: list[str]) -> None:
    limits = [part.partition("=") for word in words[1:] for part in word.split(",") if part]
    if not limits or not all(equals for _, equals, _ in limits):
        raise ValueError("A key, then its limits: mail parallelism=2,rate=10,period=60")
    params = {name: value for name, _, value in limits}
    await _post(screen, qstash_path("flowControl", words[0], "pin"), None, params)


async def _post(
    screen: Screen, path: str, order: Any, params: dict[str, str] | None = None
) -> None:
    token = screen.session.feed.server.env.get("QSTASH_TOKEN", "")
    await screen.session.client.request(
        "POST", path, json=order, params=params, headers=bearer(token)
    )


queue = asking("New queue", "mail 2", _queue)
group = asking("New URL group, or another endpoint", "team http://localhost:3000/api/one", _group)
key = asking("Limits of a flow-control key", "mail parallelism=2,rate=10,period=60", _key)
