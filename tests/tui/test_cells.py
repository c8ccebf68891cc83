"""What a cell says of a message."""

from typing import Any

import pytest
from msgspec import convert

from qstash_dev.devtools.documents import Row
from qstash_dev.tui.model.table import Ink
from qstash_dev.tui.views import cells
from tests.tui.world import row


@pytest.mark.parametrize(
    ("state", "more", "told"),
    [
        ("failed", {"hint": "no route", "error": "404", "step": "pay"}, ("no route", "error")),
        ("held", {"error": "nobody listens"}, ("nobody listens", "warning")),
        ("queued", {"queue": "mail"}, ("mail: waits for its turn", "muted")),
        ("delivered", {"lints": ["odd"], "step": "pay"}, ("odd", "accent")),
        ("delivered", {"step": "pay"}, ("step pay", "muted")),
        ("delivered", {}, ("", "")),
    ],
)
def test_a_row_tells_why_it_is_as_it_is_else_its_step(
    state: str, more: dict[str, Any], told: tuple[str, str]
) -> None:
    assert cells.WHY.cell(convert(row(1, state=state, **more), Row), Ink()) == told
