"""The pages of a message: what their first line says of its last try."""

from typing import Any

import pytest

from qstash_dev.devtools.documents import Detail, Row
from qstash_dev.devtools.pages.message_pages import PAGES


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"status": 500}, "↻ retry  500 Internal Server Error in 39ms  try 1 of 4"),
        ({}, "↻ retry  took 39ms  try 1 of 4"),
    ],
)
def test_how_long_a_try_took_is_not_when_the_next_one_is(told: dict[str, Any], wanted: str) -> None:
    row = Row(1, "msg_1", "retry", "http://a", duration_ms=39, try_=1, tries=4, **told)
    first = PAGES["Overview"](Detail(row=row), "http://a")[0]
    assert "".join(piece.text for piece in first.line) == wanted
