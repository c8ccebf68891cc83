"""Faults on purpose: which rule applies to a delivery or a publish, and what it makes of the answer.

Pure: a rule and what it is compared with come in. It refuses to send or to wait.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from qstash_dev.devtools.filters import Filter, FilterError, Term, Text, parse_filter
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Outcome, Reason, Request, Response, SendFailure, Timing

Kind = Literal["status", "latency", "timeout", "drop", "duplicate", "reorder", "publish"]

MARK = "Qstash-Dev-Fault"
"""The response header that names the fault behind an answer that the app never gave."""

_DEFAULT_STATUS = {"status": 500, "publish": 429}
_HAVE = {"status": ("status", "publish"), "body": ("status", "publish"), "headers": ("status",)}
_ADDRESS_KEYS = ("dest", "word")


class FaultOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule as it is asked for. `times` is how often it may be applied (`None`: ever).

    - `status`: answer `status` with `headers` and `body` instead of calling the app.
    - `latency`: call the app `latency_ms` later; every other kind may have that, too.
    - `timeout`: no answer in time; the app is not called.
    - `drop`: call the app and lose its answer: at-least-once, honestly.
    - `duplicate`: call the app twice.
    - `reorder`: let the next matching delivery overtake; after `latency_ms` wait no longer.
    - `publish`: refuse the publish itself with `status`. Its filter can only name destinations.
    """

    kind: Kind
    filter: str = ""
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = {}
    latency_ms: int = 0
    times: int | None = None


class Fault(FaultOrder, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A checked rule. `hits` counts how often it was applied."""

    id: str
    hits: int = 0

    @property
    def is_active(self) -> bool:
        """Whether it may be applied once more."""
        return self.times is None or self.hits < self.times


class FaultError(QStashError):
    """A rule that cannot be; `field` is that of the order."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(400, message)
        self.field = field


def fault_of(order: FaultOrder, new_id: str) -> Fault:
    """The checked rule. Raises FaultError with a sentence."""
    status = order.status
    for field in ("status", "body", "headers"):
        if getattr(order, field) and order.kind not in _HAVE[field]:
            raise FaultError(field, f"a fault of kind {order.kind} has no {field}")
    if status is None:
        status = _DEFAULT_STATUS.get(order.kind)
    if status is not None and not 200 <= status <= 599:
        raise FaultError("status", f"invalid status {status}: expected 200 to 599")
    if not 0 <= order.latency_ms <= 3_600_000:
        raise FaultError(
            "latency_ms", f"invalid latency_ms {order.latency_ms}: expected 0 to 3600000"
        )
    if order.kind == "latency" and order.latency_ms == 0:
        raise FaultError("latency_ms", "a fault of kind latency needs a latency (latency_ms)")
    if order.times is not None and order.times < 1:
        raise FaultError("times", f"invalid times {order.times}: expected 1 or more")
    _check_filter(order)
    latency = order.latency_ms or (1_000 if order.kind == "reorder" else 0)
    return Fault(**{**asdict(order), "id": new_id, "status": status, "latency_ms": latency})


def pick(rules: Iterable[Fault], matches: Callable[[Fault], bool]) -> Fault | None:
    """The first active rule that matches."""
    return next((rule for rule in rules if rule.is_active and matches(rule)), None)


def hit(fault: Fault) -> Fault:
    """The rule after it was applied once more."""
    return replace(fault, hits=fault.hits + 1)


def names_url(fault: Fault, url: str) -> bool:
    """Whether the filter of a publish fault selects a destination."""
    return all(_holds(term, url.lower()) for term in parse_filter(fault.filter).terms)


def answer(fault: Fault, timing: Timing) -> Response:
    """What the fault answers in the app's place."""
    assert fault.status is not None
    headers = (*fault.headers.items(), (MARK, fault.id))
    return Response(fault.status, headers, fault.body.encode(), timing)


def lost(fault: Fault, request: Request, outcome: Outcome) -> SendFailure:
    """The app's answer got lost on the way."""
    text = "the connection was closed before an answer came: EOF"
    return _failure(fault, request, Reason.RESET, text, outcome.timing)


def late(fault: Fault, request: Request, timing: Timing) -> SendFailure:
    """The app's answer did not come in time."""
    seconds = request.timeout_ms / 1000
    text = f"context deadline exceeded: no complete answer within {seconds:g} seconds"
    return _failure(fault, request, Reason.TIMEOUT, text, timing)


def hint(outcome: Outcome) -> str | None:
    """For people: that an outcome is a fault's and not the app's."""
    if isinstance(outcome, Response):
        made = first(outcome.headers, MARK.lower())
        return f"Fault {made} answered, not your app." if made is not None else None
    _, mark, rest = outcome.detail.rpartition(" (fault ")
    return f"Fault {rest.rstrip(')')} made this up, not your app." if mark else None


def _failure(
    fault: Fault, request: Request, reason: Reason, text: str, timing: Timing
) -> SendFailure:
    method = request.method.capitalize()
    return SendFailure(reason, f'{method} "{request.url}": {text} (fault {fault.id})', timing)


def _check_filter(order: FaultOrder) -> None:
    try:
        wanted: Filter = parse_filter(order.filter)
    except FilterError as error:
        raise FaultError("filter", str(error)) from error
    for term in wanted.terms:
        if order.kind == "publish" and term.key not in _ADDRESS_KEYS:
            raise FaultError(
                "filter", f"a fault of kind publish can only select by dest:, not by {term.key}:"
            )


def _holds(term: Term, url: str) -> bool:
    found = any(_contains(url, value) for value in term.values if isinstance(value, Text))
    return found != term.negated


def _contains(url: str, text: Text) -> bool:
    """All pieces in order, whatever is between them."""
    at = 0
    for piece in text.pieces:
        at = url.find(piece.lower(), at)
        if at < 0:
            return False
        at += len(piece)
    return True
