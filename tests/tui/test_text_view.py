"""Wrapping: nothing too wide, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qstash_dev.tui.render.wrapping import wrap


def texts(rows: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("exactly10!", 10, ["exactly10!"]),
        ("break after a word", 10, ["break ", "after a ", "word"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
        ("ab日", 3, ["ab", "日"]),
        ("👍👍", 3, ["👍", "👍"]),
        (" 日日", 2, [" ", "日", "日"]),
        ("日日", 1, ["日", "日"]),
        ("日" + "\u200b" * 20, 2, ["日" + "\u200b" * 20]),
    ],
)
def test_wrapping(text: str, width: int, rows: list[str]) -> None:
    assert texts(wrap([(text, "")], width)) == rows


spans = st.lists(st.tuples(st.text(alphabet="ab 日é👍", max_size=30), st.sampled_from(["", "x"])))


@given(spans, st.integers(2, 20))
def test_no_line_is_wider_than_asked_and_only_spaces_are_lost(
    line: list[tuple[str, str]], width: int
) -> None:
    rows = texts(wrap(line, width))
    assert all(cell_len(row) <= width for row in rows)
    whole = "".join(text for text, _ in line)
    assert "".join(rows).replace(" ", "") == whole.replace(" ", "")


@pytest.mark.parametrize(
    ("line", "width", "rows"),
    [
        ([("  plain text here", "")], 10, ["  plain ", "  text ", "  here"]),
        ([("kind  ", "muted"), ("one two three", "")], 18, ["kind  one two ", "      three"]),
        ([("A: ", "json-key"), ("one two three", "")], 10, ["A: one two", "   three"]),
        ([("  ", ""), ('"k"', "json-key"), (": ", "muted"), ("one two", "")], 10, None),
    ],
)
def test_what_follows_a_break_hangs_below_what_the_line_says(line, width, rows) -> None:
    wanted = rows or ['  "k": one ', "    two"]
    assert [row.rstrip() for row in texts(wrap(line, width))] == [row.rstrip() for row in wanted]
