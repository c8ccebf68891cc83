"""Columns of client commands, by what a terminal takes for each text."""

import pytest

from qstash_dev.cli.tables import columns


@pytest.mark.parametrize(
    ("first", "second"),
    [("ab", "c"), ("日本", "abc"), ("e\u0301a", "b"), ("✓ ok", "x"), ("", None)],
)
def test_a_column_begins_at_the_same_cell_in_every_line(first: str, second: str | None) -> None:
    cells = {"日本": 4, "e\u0301a": 2}
    above, below = columns([[first, "|"], [second, "|"]])
    width = max(cells.get(first, len(first or "-")), len(second or "-"))
    assert above == f"{first or '-'}{' ' * (width - cells.get(first, len(first or '-')))}  |"
    assert below == f"{second or '-':<{width}}  |"
