"""What a failed expectation says: what was expected, and what there was instead."""

import json
from collections.abc import Sequence
from difflib import get_close_matches

from msgspec import Struct

from qstash_dev.devtools.documents import Clock, Row
from qstash_dev.devtools.text import counted
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import split_url

SHOWN = 200


class Expected(Struct, frozen=True):
    """So many messages in a state, for a URL that contains `url`; `json` `...`: of any body."""

    state: str
    url: str
    json: object
    body: bytes | None
    count: int

    @property
    def has_body(self) -> bool:
        """Whether a body is expected."""
        return self.json is not ... or self.body is not None

    def is_body(self, body: bytes) -> bool:
        """Whether this is the body; JSON is compared by its value."""
        if self.body is not None:
            return body == self.body
        try:
            return bool(json.loads(body) == self.json)
        except ValueError:
            return False


def missing(expected: Expected, found: int) -> str:
    """The first line of a failure."""
    what = f" to {expected.url}" if expected.url else ""
    if expected.body is not None:
        what += f" with the body {expected.body[:SHOWN]!r}"
    elif expected.has_body:
        what += f" with the body {json.dumps(expected.json, default=repr)[:SHOWN]}"
    many = counted(expected.count, "message")
    return f"Expected {many} {expected.state}{what}, found {found}."


def alike(wanted: str, rows: Sequence[Row]) -> str:
    """The destination that is nearest to one that was asked for, if one is near."""
    paths = {split_url(row.url).path: row.url for row in rows}
    near = get_close_matches(split_url(wanted).path, paths, n=1)
    return f"\nNearest: {paths[near[0]]}" if near else ""


def standing(pending: Sequence[Row], clock: Clock) -> str:
    """Why nothing comes of waiting when time stands still."""
    now = clock.now or 0
    later = [row for row in pending if row.due_at is not None and row.due_at > now]
    if clock.mode != "frozen" or not later:
        return ""
    left = format_duration(min(row.due_at or 0 for row in later) - now)
    waits = counted(len(later), "message waits", "messages wait")
    return (
        f"\nThe clock stands still, and {waits} for a time (the first in {left}): "
        "settle() or advance() lets it come."
    )


def elsewhere(url: str, used: str) -> str:
    """The app speaks to another server."""
    return f"\nNothing was sent here ({url}), and QSTASH_URL is now {used}: is that another server?"


def sent(messages: Sequence[tuple[Row, bytes]], total: int) -> str:
    """Every message that there was, a line each, with the reason of a failure below it."""
    if not messages:
        return "\nNothing was sent."
    earlier = f" (and {total - len(messages)} before)" if total > len(messages) else ""
    return f"\nSent{earlier}:\n" + "\n".join(_line(row, body) for row, body in messages)


def waiting(reason: str, rows: Sequence[Row]) -> str:
    """What still waits, and why."""
    lines = "\n".join(_line(row, b"") for row in rows)
    return f"It does not come to rest: {reason}\n{lines}"


def _line(row: Row, body: bytes) -> str:
    status = f" {row.status}" if row.status is not None else ""
    shown = body[:SHOWN].decode("utf-8", "backslashreplace")
    reason = row.hint or row.error
    more = f"\n      {reason}" if reason and row.state != "delivered" else ""
    return f"  {row.state}{status}  {row.method} {row.url}  {shown}{more}".rstrip()
