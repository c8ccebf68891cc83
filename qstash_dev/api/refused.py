"""Tells the log and whoever watches what was refused, and what was meant, as far as that shows.

The answer keeps QStash's words; the tips are made elsewhere.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from qstash_dev.api import web
from qstash_dev.api.call import Call, Context
from qstash_dev.api.request_line import Target
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import first, is_sendable
from qstash_dev.protocol.workflow.headers import RUN_ID
from qstash_dev.store.errors import StoreError

log = logging.getLogger(__name__)
requests = logging.getLogger(f"{__name__}.requests")

TIP_BODY = 65_536
ITEMS_TOLD = 5
"""Of one batch: what is wrong with one item is mostly wrong with all."""


class _Item(msgspec.Struct):
    headers: dict[str, Any] = {}


async def tell(
    request: web.BaseRequest,
    context: Context,
    target: Target,
    error: QStashError,
    routes: Callable[[], list[str]],
) -> None:
    """A request was refused. `routes` are those that it may have meant, `METHOD /path`."""
    from qstash_dev.api.tips import Refused, is_of_qstash, tip  # read in after the start

    path = target.path[:200]
    requests.warning("%s %s: %d %s", request.method, path, error.status, error.message)
    if not is_of_qstash(target.path):
        return
    # A destination in the path leaves nothing to look for in the body.
    read = "//" not in target.path and 0 < (request.content_length or 0) <= TIP_BODY
    try:
        body = await request.read() if read and error.status != 401 else b""
    except web.RequestPayloadError:
        body = b""
    authorization = request.headers.get("Authorization")
    refused = Refused(request.method, target.path, target.query, authorization, body)
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 8080
    own = context.advertised or f"http://127.0.0.1:{port}"
    text = tip(refused, error, own, context.app_url(), routes())
    _tell_run(context, request.headers, error, text)
    if text is not None:
        log.warning("%s", text)
        context.notify(f"{error.status} for {request.method} {path}: {text}")


def tell_items(call: Call, items: Sequence[msgspec.Raw], results: Iterable[object]) -> None:
    """Items of a batch were refused: those whose result is an error."""
    errors = [(n, one) for n, one in enumerate(results) if isinstance(one, QStashError)]
    if not errors:
        return
    from qstash_dev.api.tips import item_tip  # read in after the start

    tips = []
    for number, error in errors[:ITEMS_TOLD]:
        where = f"item {number + 1} of {len(items)}"
        log.warning("%s, %s: %d %s", call.path, where, error.status, error.message)
        text = item_tip(bytes(items[number]), error, call.context.app_url())
        _tell_run(call.context, _headers(items[number]), error, text)
        if text is not None:
            log.warning("%s", text)
            refused = f"{where} of a batch" if len(items) > 1 else "a publish"  # of a form, too
            tips.append(f"{error.status} for {refused}: {text}")
    if len(errors) > ITEMS_TOLD:
        log.warning("%s: %d of %d items were refused", call.path, len(errors), len(items))
    if tips:
        call.context.notify(tips[0])


def _tell_run(
    context: Context, headers: Mapping[str, Any], error: QStashError, tip: str | None
) -> None:
    """SDKs take any 400 for the end of their run, and answer as if all were well."""
    run_id = first(headers.items(), RUN_ID)
    if error.status == 400 and isinstance(run_id, str) and is_sendable(run_id):
        with suppress(StoreError):  # no room to note it: the refusal is the answer all the same
            context.engine.workflows.note_refused(run_id, error.message, tip)


def _headers(item: msgspec.Raw) -> dict[str, Any]:
    try:
        return msgspec.json.decode(item, type=_Item).headers
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
