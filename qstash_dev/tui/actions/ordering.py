"""Orders about what is selected or marked: asked about, given and told as `devtools.orders` says."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from msgspec.structs import asdict

from qstash_dev.client import ClientError, Refused
from qstash_dev.devtools.orders import Order, filled, order_for
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Confirm

Subject = dict[str, Any]
Answer = dict[str, Any]
Given = list[tuple[Subject, Answer]]
"""What an order was given about, each with its answer."""
Act = Callable[[Screen], Awaitable[None]]


def about_selected(what: str, id: str) -> Act:
    """What a command does in a view, to the item under the cursor."""

    async def act(screen: Screen) -> None:
        item = screen.session.item
        if item is not None:
            thing = item if isinstance(item, dict) else asdict(item)
            await _give(screen, order_for(what, id, [thing]), [thing])
            screen.session.tables.forget()

    return act


def about_messages(id: str) -> Act:
    """What a command does to the marked messages, else to the selected one."""

    async def act(screen: Screen) -> None:
        await give_to_messages(screen, id)

    return act


async def give_to_messages(screen: Screen, id: str) -> Given:
    """The same, and what came of it."""
    session = screen.session
    subjects = []
    for target in session.targets:
        row = session.feed.rows.get(target) or session.row
        known = asdict(row) if row is not None and row.id == target else {}
        name = fmt.called(row.url, session.feed.server.app.url) if row and known else target
        subjects.append({**known, "id": target, "name": name})
    return await _give(screen, order_for("messages", id, subjects), subjects) if subjects else []


async def _give(screen: Screen, order: Order, subjects: Sequence[Subject]) -> Given:
    are_many = len(subjects) > 1
    values = {**subjects[0], "count": len(subjects)}
    question = order.ask_many if are_many else order.ask
    if question and not await screen.ask(Confirm(filled(question, values))):
        return []
    give = _to_each if are_many else _to_one
    given, refused = await give(screen, order, subjects)
    answers = [answer for _, answer in given]
    values = {**values, **(answers[0] if answers else {}), "done": len(answers)}
    told = filled(order.told_many if are_many else order.told, values)
    offer_undo(screen, " ".join([told, *refused[:1]]), [one.get("undo") for one in answers])
    return given


async def _to_one(
    screen: Screen, order: Order, subjects: Sequence[Subject]
) -> tuple[Given, list[str]]:
    subject = subjects[0]
    path = filled(order.path, subject, lambda text: quote(text, safe=""))
    sent: dict[str, Any] | None = {} if order.method == "POST" else None
    answer = await screen.session.client.request(order.method, path, json=sent)
    return [(subject, answer if isinstance(answer, dict) else {})], []


async def _to_each(
    screen: Screen, order: Order, subjects: Sequence[Subject]
) -> tuple[Given, list[str]]:
    """With how far it is; who refuses keeps no other from it."""
    given: Given = []
    refused: list[str] = []
    try:
        for subject in subjects:
            so_far = {"done": len(given), "count": len(subjects)}
            screen.progress = filled(order.told_many, so_far).removesuffix(".") + " so far …"
            try:
                given += (await _to_one(screen, order, [subject]))[0]
            except Refused as error:
                refused.append(str(error))
    except ClientError as error:
        refused.append(str(error))
    finally:
        screen.progress = None
    return given, refused
