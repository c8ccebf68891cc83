"""What publish, enqueue, batch and schedules have in common: destination, group and draft."""

from collections.abc import Iterable
from typing import Any

from qstash_dev.api.call import Call
from qstash_dev.protocol.destination import NAME, Destination, split_query
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Group, Headers
from qstash_dev.protocol.publish.draft import Draft, given_names, parse_draft
from qstash_dev.protocol.urls import is_loopback
from qstash_dev.protocol.workflow.entries import NOT_SCHEDULED


def read_draft(call: Call, destination: Destination, group: Group | None) -> Draft:
    """The draft that a request's own headers and query describe."""
    return parse_draft(
        destination.url or "",
        call.headers(),
        call.engine.policy.limits,
        config=destination.config,
        defaults=group.headers if group else None,
        caller_ip=call.request.remote,
        authorized_by_header=call.by_header,
    )


def destination_group(call: Call, destination: Destination) -> Group | None:
    """The URL group that a destination names, `None` for a URL. Raises QStashError(404).

    With `--strict` a URL on loopback is a QStashError(400), as it is for the real QStash.
    """
    if destination.group is None:
        if call.engine.policy.strict and is_loopback(destination.url or ""):
            raise QStashError(
                400, "invalid destination url: endpoint resolves to a loopback address: ::1"
            )
        return None
    group = call.store.groups.get(call.user, destination.group)
    if group is None:
        raise QStashError(404, f"topic {destination.group} not found")
    return group


def create_schedule(
    call: Call, draft: Draft, destination: Destination, body: bytes
) -> tuple[dict[str, Any], int]:
    """Create a schedule; the document that tells its id, or that of the original of a duplicate,
    and the status: as of a message, 202 for a duplicate. Raises QStashError(400).
    """
    if draft.part is not None:
        raise QStashError(400, NOT_SCHEDULED)
    text = destination.url or destination.group or ""
    planned = call.engine.schedules.create(call.user, draft, text, body)
    document: dict[str, Any] = {"scheduleId": planned.schedule_id}
    if planned.deduplicated:
        return document | {"deduplicated": True}, 202
    return document, 200


async def originals_known(call: Call, drafts: Iterable[Draft]) -> None:
    """Wait, just before duplicates are looked for, while an original may yet be taken back."""
    if any(draft.seeks_originals for draft in drafts):
        await call.engine.intake.decided()


def check_name(name: str, what: str) -> str:
    """A name of a queue or group. Raises QStashError(400)."""
    if NAME.fullmatch(name) is None:
        raise QStashError(
            400,
            f"invalid {what} name {name[:200]!r}: only letters, digits, '-', '_' and '.' may be used",
        )
    return name


def request_settings(call: Call) -> Headers:
    """Headers of the request, and what its query gives as publish takes it, if no header does."""
    headers = call.headers()
    given = given_names(headers)
    config, _ = split_query(call.query)
    return (*headers, *((name, value) for name, value in config.items() if name not in given))
