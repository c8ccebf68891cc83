"""What can still be read of a damaged database, written to a new one.

Knows nothing of what the rows mean: what has lost what it belongs to is left out.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


def salvage(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Fill the empty tables of `target`, which has the same ones. Raises sqlite3.Error for `target`."""
    tables = target.execute(_TABLES).fetchall()
    target.execute("PRAGMA foreign_keys = OFF")
    target.execute("BEGIN")
    for name, sql in tables:
        for row in _rows(source, name, has_rowid="WITHOUT ROWID" not in sql):
            marks = ",".join("?" * len(row))
            target.execute(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", row)
    # A message is two rows.
    target.execute("DELETE FROM messages WHERE seq NOT IN (SELECT message FROM contents)")
    _remove_orphans(target, [name for name, _ in tables])
    target.execute("COMMIT")


def _rows(source: sqlite3.Connection, table: str, *, has_rowid: bool) -> Iterator[tuple[Any, ...]]:
    """From the beginning up to the damage, and from the end down to it."""
    for order in ("ORDER BY rowid", "ORDER BY rowid DESC") if has_rowid else ("",):
        with suppress(sqlite3.Error):
            yield from source.execute(f"SELECT * FROM {table} {order}")
            return


def _remove_orphans(target: sqlite3.Connection, tables: list[str]) -> None:
    removed = -1
    while removed != target.total_changes:
        removed = target.total_changes
        for table in tables:
            for row in target.execute(f"PRAGMA foreign_key_list({table})").fetchall():
                parent, column, key = row[2:5]
                target.execute(
                    f"DELETE FROM {table} WHERE {column} NOT IN (SELECT {key} FROM {parent})"
                )
