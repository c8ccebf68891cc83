"""The body of a step's delivery: the run's entries up to its own (workflow-js `workflow-parser.ts`)."""

from binascii import b2a_base64
from collections.abc import Iterable

from msgspec import Struct

from qstash_dev.protocol.model import CallType, Kind, Place, Spec
from qstash_dev.protocol.workflow.headers import LAZY_FETCH, STEP_CONFIG

LAZY_BYTES = 3_000_000
"""From this size of the list on, an app that can fetch it gets an empty body (reports of users)."""

_WITH_ENTRIES = frozenset((CallType.STEP, CallType.STEP_CONFIG))


class Entry(Struct, frozen=True):
    """One element of a run's list."""

    message_id: str
    body: bytes
    call_type: CallType = CallType.STEP


def carries_entries(place: Place | None) -> bool:
    """Whether a message is delivered with the list of entries instead of its own body."""
    return place is not None and place.call_type in _WITH_ENTRIES


def is_lazy(spec: Spec, size: int) -> bool:
    """Whether the app fetches the list itself: `size` is the sum of all bodies in it.

    Never for a replay, whose id is not in the list that the app would cut by it.
    """
    place = spec.place
    return (
        carries_entries(place)
        and place is not None
        and LAZY_FETCH in place.features
        and spec.kind != Kind.REPLAY
        and size > LAZY_BYTES
    )


def run_headers(place: Place | None) -> dict[str, str]:
    """What a delivery to the app says of its run; third parties are told nothing of it."""
    if place is None or place.call_type == CallType.TO_CALLBACK:
        return {}
    headers = {
        "Upstash-Workflow-RunId": place.run_id,
        "Upstash-Workflow-CreatedAt": str(place.created_at),
    }
    if place.call_type == CallType.STEP_CONFIG or STEP_CONFIG in place.features:
        headers["Upstash-Workflow-Step-Config"] = "true"
    return headers


def render(entries: Iterable[Entry]) -> bytes:
    """The JSON array of entries, as `GET /v2/workflows/runs/{id}` answers it, too."""
    return b"[" + b",".join(map(_element, entries)) + b"]"


def _element(entry: Entry) -> bytes:
    # Ids and call types are ours: nothing in them needs escaping.
    return b'{"messageId":"%b","body":"%b","callType":"%b"}' % (
        entry.message_id.encode(),
        b2a_base64(entry.body, newline=False),
        entry.call_type.encode(),
    )
