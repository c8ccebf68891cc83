"""`POST /v2/publish`, `/v2/enqueue` and `/v2/batch`: messages come in here."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, in_pieces
from qstash_dev.api.refused import tell_items
from qstash_dev.api.v2.submission import (
    check_name,
    create_schedule,
    destination_group,
    originals_known,
    read_draft,
)
from qstash_dev.engine.hold_back import Answer
from qstash_dev.engine.intake import Accepted
from qstash_dev.protocol.creation import due_at
from qstash_dev.protocol.destination import Destination, destination_text, parse_destination
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json, scalar_text
from qstash_dev.protocol.model import Group
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.workflow.entries import Accepted as RunAccepted
from qstash_dev.protocol.workflow.entries import Submission
from qstash_dev.store.intakes import PIECE

T = TypeVar("T")


class Item(Struct, frozen=True):
    """One element of a batch. `null` and a missing field mean the same."""

    destination: str | None = None
    headers: dict[str, str | int | float | bool | list[str] | None] | None = None
    body: str | None = None
    queue: str | None = None


class Order(Struct, frozen=True):
    """One publish, read and found good; nothing was accepted yet."""

    draft: Draft
    body: bytes
    destination: Destination
    group: Group | None
    queue: str | None

    @property
    def enqueued(self) -> Draft:
        """The draft in its queue, if it has one: the header that names one is of schedules."""
        draft = self.draft
        if draft.spec.queue == self.queue:
            return draft
        return replace(draft, spec=replace(draft.spec, queue=self.queue))


async def publish(call: Call) -> web.Response:
    """One message, or one for each endpoint of a URL group; with `Upstash-Cron` a schedule."""
    return await accept(call, await read_order(call))


async def enqueue(call: Call) -> web.Response:
    """As publish, into a queue that is created if it does not exist."""
    queue = check_name(call.params["queue"], "queue")
    return await accept(call, await read_order(call, queue))


async def batch(call: Call) -> web.Response:
    """Many publishes in one request: an item that fails does not keep the others from being sent."""
    items = await call.json(list[msgspec.Raw])
    # All are read before one is accepted: a quota refuses the request as a whole.
    orders: list[Order | QStashError] = []
    async for some in in_pieces(call, items, PIECE):
        orders += [try_item(call, raw) for raw in some]
    await originals_known(call, [order.draft for order in orders if isinstance(order, Order)])
    if any(isinstance(order, Order) and order.draft.part is not None for order in orders):
        tell_items(call, items, orders)
        return await _submit(call, orders)
    _, results = await _accept_items(call, orders, lambda: None)
    tell_items(call, items, results)
    all_failed = bool(results) and all(isinstance(one, QStashError) for one in results)
    documents = [_item_document(one) for one in results]
    return await call.answer(documents, 400 if all_failed else 200)


async def _accept_items(
    call: Call, orders: list[Order | QStashError], submit: Callable[[], T]
) -> tuple[T, list[Any]]:
    """All at once, or in pieces if they would keep others waiting; `submit` takes what is part of runs:
    when it refuses, nothing is accepted.
    """
    if len(orders) <= PIECE:
        of_runs = submit()
        with call.store.database:
            return of_runs, [_accept_item(call, order) for order in orders]
    answers: list[Any] = []
    submitted: list[T] = []

    def at_the_end() -> None:
        submitted.append(submit())
        for place, order in enumerate(orders):
            if _is_schedule(order):
                answers[place] = _accept_item(call, order)

    async with call.engine.intake.open(at_the_end) as mark:
        async for some in in_pieces(call, orders, PIECE):
            with call.store.database:
                answers += [None if _is_schedule(o) else _accept_item(call, o, mark) for o in some]
    return submitted[0], answers


def _is_schedule(order: Order | QStashError) -> bool:
    return isinstance(order, Order) and order.draft.cron is not None


async def _accept_endpoints(call: Call, order: Order, group: Group) -> list[dict[str, Any]]:
    """The messages of a large URL group, in pieces."""
    draft = order.enqueued
    call.engine.intake.check(draft, group)
    documents: list[dict[str, Any]] = []
    async with call.engine.intake.open() as mark:
        async for some in in_pieces(call, group.endpoints, PIECE):
            part = replace(group, endpoints=tuple(some))
            accepted = call.engine.accept(call.user, draft, order.body, part, mark)
            documents += [_document(a) for a in accepted]
    return documents


async def read_order(call: Call, queue: str | None = None) -> Order:
    """What a publish asks for. Raises QStashError."""
    destination = parse_destination(call.rest, call.query)
    call.context.faults.check_publish(destination.url or destination.group or "")
    group = destination_group(call, destination)
    draft = read_draft(call, destination, group)
    body = await call.body(call.engine.policy.limits.max_message_size)
    return Order(draft, body, destination, group, queue)


async def accept(call: Call, order: Order) -> web.Response:
    """Do what is asked for, and the answer to whoever asked."""
    if order.draft.seeks_originals:
        await originals_known(call, [order.draft])
    if order.draft.part is not None:
        [accepted], answer = call.engine.workflows.submit(call.user, [_submission(order)])
        return await call.answer(_document(accepted), then=answer)
    group = order.group
    if group is not None and len(group.endpoints) > PIECE and order.draft.cron is None:
        return await call.answer(await _accept_endpoints(call, order, group))
    document, status = _accept(call, order)
    return await call.answer(document, status)


async def _submit(call: Call, orders: list[Order | QStashError]) -> web.Response:
    """A batch with messages of workflow runs: all of it is accepted, or none (workflow-js CI,
    `quota-error`).
    """
    good = all_good(orders)
    of_runs = [_submission(order) for order in good if order.draft.part is not None]
    plain: list[Order | QStashError] = [order for order in good if order.draft.part is None]

    def submit() -> tuple[list[RunAccepted], Answer | None]:
        return call.engine.workflows.submit(call.user, of_runs)

    (accepted, answer), documents = await _accept_items(call, plain, submit)
    of_plain, found = map(_item_document, documents), iter(accepted)
    return await call.answer(
        [next(of_plain) if o.draft.part is None else _document(next(found)) for o in good],
        then=answer,
    )


def _submission(order: Order) -> Submission:
    return Submission(order.enqueued, order.body)


def _accept(call: Call, order: Order, mark: int | None = None) -> tuple[Any, int]:
    draft, destination = order.draft, order.destination
    if draft.cron is not None:
        queue = order.queue or draft.spec.queue
        draft = replace(draft, spec=replace(draft.spec, queue=queue))
        return create_schedule(call, draft, destination, order.body)
    accepted = call.engine.accept(call.user, order.enqueued, order.body, order.group, mark)
    documents = [_document(a) for a in accepted]
    if order.group is not None:
        return documents, 200
    return documents[0], 202 if accepted[0].deduplicated else 200


def _document(accepted: Accepted | RunAccepted) -> dict[str, Any]:
    document: dict[str, Any] = {"messageId": accepted.message_id, "url": accepted.url}
    if accepted.deduplicated:
        document["deduplicated"] = True
    return document


def try_item(call: Call, raw: msgspec.Raw) -> Order | QStashError:
    """The order of an item, or why it is none. Raises QStashError(412)."""
    try:
        return read_item(call, raw)
    except QStashError as error:
        if error.status == 412:
            raise
        return error


def all_good(orders: list[Order | QStashError]) -> list[Order]:
    """The orders of a batch that is accepted as a whole. Raises the first QStashError among them."""
    good: list[Order] = []
    for order in orders:
        if isinstance(order, QStashError):
            raise order
        good.append(order)
    return good


def _item_document(result: Any) -> Any:
    return {"error": result.message} if isinstance(result, QStashError) else result


def _accept_item(call: Call, order: Order | QStashError, mark: int | None = None) -> Any:
    """The document of an item, or the error that it was refused with."""
    if isinstance(order, QStashError):
        return order
    try:
        return _accept(call, order, mark)[0]
    except QStashError as error:
        return error


def read_item(call: Call, raw: msgspec.Raw) -> Order:
    """One item of a batch. Raises QStashError as a publish does."""
    item: Item = read_json(raw, Item, "batch item")
    destination = destination_text(item.destination or "")
    call.context.faults.check_publish(destination.url or destination.group or "")
    group = destination_group(call, destination)
    limits = call.engine.policy.limits
    draft = parse_draft(
        destination.url or "",
        _item_headers(item),
        limits,
        defaults=group.headers if group else None,
        caller_ip=call.request.remote,
    )
    if draft.cron is None:
        due_at(draft, limits, call.engine.clock.now())
    body = (item.body or "").encode()
    if limits.max_message_size is not None and len(body) > limits.max_message_size:
        raise QStashError(412, "quota maxMessageSize exceeded")
    queue = check_name(item.queue, "queue") if item.queue else None
    return Order(draft, body, destination, group, queue)


def _item_headers(item: Item) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in (item.headers or {}).items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        pairs += [(name, scalar_text(v)) for v in values]
    return pairs
