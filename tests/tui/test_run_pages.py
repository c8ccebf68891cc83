"""A workflow run in lines: what it waits for, and its steps beside the time line."""

from typing import Any

import msgspec

from qstash_dev.devtools.documents import Piece
from qstash_dev.devtools.pages.run_page import now_piece
from qstash_dev.devtools.run_documents import RunDetail, RunRow
from qstash_dev.tui.model.table import Ink, item_line
from qstash_dev.tui.render.pages import When
from qstash_dev.tui.render.run_pages import run_page
from qstash_dev.tui.views.workflows import WORKFLOWS
from tests.tui.world import NOW, run_row, step

LONG = "a-step-with-a-name-that-is-longer-than-its-room"


def lines_of(*steps: Any, **more: Any) -> list[str]:
    row = run_row("wfr_1", "RUN_STARTED", "/api/order", len(steps), **more)
    found = msgspec.convert({"row": row, "steps": steps}, RunDetail)
    pieces = run_page(found, When(NOW))
    return ["".join(text for text, _ in line) for line in pieces if isinstance(line, list)]


def test_why_a_live_run_is_stuck_is_said_in_the_list_and_in_full() -> None:
    why = "it is stuck: its last delivery ended without a next step."
    stuck = {"kind": "nothing", "why": why}
    row = run_row("wfr_1", "RUN_STARTED", "/api/order", 1, waits=[stuck])
    assert now_piece(msgspec.convert(row, RunRow), NOW) == Piece(f"! {why}", "warning")
    assert f"! {why}" in lines_of(waits=[stuck])


def test_the_list_tells_how_long_a_run_takes_to_the_second() -> None:
    row = run_row("wfr_1", "RUN_STARTED", "/api/order", 1)
    line = item_line(
        WORKFLOWS.columns, msgspec.convert(row, RunRow), 100, Ink(row["created_at"] + 109_000)
    )
    assert (" 1m49s ", "muted") in line


def test_bars_stand_below_each_other_whatever_the_names() -> None:
    steps = [
        step(0, name, "Run", place, place + 1) for place, name in enumerate(["a", "größer", LONG])
    ]
    bars = [line for line in lines_of(*steps) if "█" in line]
    assert len({min(line.index(cell) for cell in "█·" if cell in line) for line in bars}) == 1
    assert any(line.strip() == LONG for line in lines_of(*steps))


def test_a_bar_has_its_room_wherever_its_step_began() -> None:
    bars = [line for line in lines_of(step(0, "a", "Run", -7_200, 1)) if "█" in line]
    assert sum(bars[0].count(cell) for cell in "█·") == 16


def test_why_a_run_failed_is_said_first_and_once() -> None:
    log = {"errors": [{"time": NOW, "error": "500 no"}], "messageId": "msg_1"}
    found = msgspec.convert(
        {
            "row": run_row("wfr_1", "RUN_FAILED", "/api/order", 1, why="The app answered 500: no"),
            "steps": [step(0, "charge", "Run", 0, 1, log=log)],
            "hints": {"msg_1": "The app answered 500: no"},
        },
        RunDetail,
    )
    pieces = run_page(found, When(NOW))
    lines = ["".join(text for text, _ in line) for line in pieces if isinstance(line, list)]
    assert lines[1] == "! The app answered 500: no"
    assert "The app answered" not in "".join(lines[2:])


def test_what_fails_after_a_step_is_not_called_that_step() -> None:
    log = {"errors": [{"time": NOW, "error": "500 Internal Server Error"}]}
    url = "http://127.0.0.1:3000/api/order"
    retry = {
        "kind": "retry",
        "name": "charge",
        "until": NOW + 9_000,
        "url": url,
        "tried": 1,
        "tries": 3,
    }
    lines = lines_of(step(0, "charge", "Run", 0, 1, log=log), waits=[retry])
    assert "◷ retry 1/3 in 9s  after step charge" in lines
    assert lines[lines.index("  what follows it failed:") + 1].endswith("500 Internal Server Error")
