"""Long reads in pieces. SQLite is read on the event loop, so one long query would stop all deliveries.

A table is cut into ranges of sequence numbers ("windows") of a size that is read in milliseconds; the
caller lets the loop run between two of them, and stops when its page is full.
"""

from collections.abc import Iterator
from typing import Any

from qstash_dev.store.database import Database

WINDOW = 8_000
CONTENTS_WINDOW = 1_000
"""How many rows are looked at in one go; fewer if that needs bodies or headers."""
LOOKED_UP = 1_000
"""How many of the rows that an index lists are looked up in one go."""
WHOLE = 10**15
"""The size of a window for all there is."""


def windows(
    database: Database, table: str, size: int, before: int | None = None, after: int | None = None
) -> Iterator[tuple[int, int]]:
    """First and last sequence number of each range of `size`, both included.

    From the newest to the oldest, beginning below `before`; with `after` from the oldest to the newest,
    beginning above it.
    """
    first, last = _ends(database, table)
    if first is None:
        return
    if after is not None:
        for low in range(max(first, after + 1), last + 1, size):
            yield low, low + size - 1
        return
    high = last if before is None else min(last, before - 1)
    while high >= first:
        yield max(first, high - size + 1), high
        high -= size


def size_for(database: Database, table: str, count: int) -> int:
    """The size of windows for so many rows of all, of which each is to have few."""
    if count <= LOOKED_UP:
        return WHOLE
    first, last = _ends(database, table)
    return int((last - first) * LOOKED_UP // count + 1)


def _ends(database: Database, table: str) -> Any:
    # Both in one SELECT would look at every row.
    return database.read_one(
        f"SELECT (SELECT min(seq) FROM {table}), (SELECT max(seq) FROM {table})"
    )


def read_page(
    database: Database,
    sql: str,
    values: dict[str, Any],
    ranges: Iterator[tuple[int, int]],
    limit: int,
) -> Iterator[list[Any]]:
    """The rows of each range, until there are `limit`. The query selects between `:low` and `:high`,
    and at most `:limit`.
    """
    for low, high in ranges:
        rows = database.read(sql, {**values, "low": low, "high": high, "limit": limit})
        yield rows
        limit -= len(rows)
        if limit <= 0:
            return
