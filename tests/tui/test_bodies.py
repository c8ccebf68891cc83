"""Bodies as lines: laid out, located, cut, and harmless."""

import base64
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from qstash_dev.devtools.documents import Body
from qstash_dev.tui.render.block import Block, plain_text
from qstash_dev.tui.render.bodies import CHECKED, body_lines, json_problem
from qstash_dev.tui.render.fmt import safe
from qstash_dev.tui.render.page_flow import Flow


def text_of(body: Body, kind: str | None = "application/json") -> str:
    return plain_text(body_lines(body, kind))


def of(text: str) -> Body:
    return Body(size=len(text.encode()), text=text)


def test_json_is_laid_out_with_every_literal_as_it_was_written() -> None:
    shown = text_of(of('{"a":[1.0,1e5,{}],"b":"\\u00fc","a":[],"big":12345678901234567890}'))
    assert shown.split("\n") == [
        "{",
        '  "a": [',
        "    1.0,",
        "    1e5,",
        "    {}",
        "  ],",
        '  "b": "\\u00fc",',
        '  "a": [],',
        '  "big": 12345678901234567890',
        "}",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\ {}[],:é'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet='k"{'), inner),
    max_leaves=12,
)


@given(st.lists(json_values) | st.dictionaries(st.text(), json_values))
def test_laid_out_json_means_the_same(value: Any) -> None:
    raw = json.dumps(value)
    assert json.loads(text_of(of(raw))) == value


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"a": }', ["line 1, column 7"]),
        # Python 3.13 names the comma, older ones what follows it.
        ('{\n  "a": 1,\n}', ["line 3, column 1", "line 2, column 9"]),
        ("[1, 2", ["line 1, column 6"]),
    ],
)
def test_broken_json_is_located_and_shown_as_it_is(text: str, places: list[str]) -> None:
    shown = text_of(of(text))
    assert any(place in shown for place in places)
    assert "▲ here" in shown
    assert text.split("\n")[0] in shown


def test_json_whose_end_was_not_sent_is_laid_out_without_blame() -> None:
    raw = json.dumps([{"order": number, "paid": True} for number in range(5_000)])[:100_000]
    shown = plain_text(body_lines(Body(size=9_000_000, text=raw, truncated=True), "")).split("\n")
    assert shown[:4] == ["[", "  {", '    "order": 0,', '    "paid": true']
    assert shown[-1] == "… 8.6 MB in all; o opens the whole body"
    assert not any("▲" in line for line in shown)


def test_long_json_is_laid_out_to_where_it_breaks() -> None:
    shown = text_of(of('[0, "' + "x" * CHECKED + '", 1 ?? ]'))
    assert shown.startswith('[\n  0,\n  "xx')
    assert shown.endswith("▲ not JSON from here on\n??]")


def test_json_too_deep_to_check_is_shown_as_text() -> None:
    assert "[[[[" in text_of(of("[" * 30_000))
    assert json_problem("[" * 100_000) is not None


def test_text_that_does_not_claim_to_be_json_is_not_judged() -> None:
    assert text_of(of("{not json"), "text/plain") == "{not json"


@pytest.mark.parametrize(("width", "across"), [(100, 16), (43, 8), (38, 4), (10, 2)])
def test_binary_is_size_and_as_much_hex_as_fits_into_a_row(width: int, across: int) -> None:
    raw = bytes(range(256)) * 8
    head, block = body_lines(Body(size=2048, base64=base64.b64encode(raw).decode()), None)
    assert head == [("binary, 2.0 KB", "muted")]
    assert isinstance(block, Block)
    rows = block.rows(width)
    second = "".join(text for text, _ in rows.row(1))
    assert second.startswith(f"{across:06x}  {raw[across : 2 * across].hex(' ')} ")
    assert len(second) == 8 + 4 * across
    assert len(rows) == 2048 // across


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json", json.dumps([{"id": i, "tags": ["a"] * 3} for i in range(70_000)])),
        ("application/json", json.dumps({"a": "y" * 5_000_000})),
        ("text/plain", "x" * 5_000_000),
        ("text/plain", "日本語 " * 1_250_000),
    ],
)
def test_of_five_megabytes_only_what_is_looked_at_is_laid_out(kind: str, text: str) -> None:
    flow = Flow(body_lines(of(text), kind), 60)
    assert all(flow.row(index) for index in range(40))
    assert 40 <= flow.known < 100
    assert flow.height > 1_000
    assert not flow.is_done


def test_an_empty_body_says_so() -> None:
    assert text_of(Body()) == "(empty)"


HOSTILE = [
    ("\x1b[31mred", "␛[31mred"),
    ("\x1b]0;title\x07", "␛]0;title␇"),
    ("a\rb", "a␍b"),
    ("a\x9b31mb", "a·31mb"),
    ("user\u202egnp.exe", "user·gnp.exe"),
    ("zero\u200bwidth", "zero·width"),
    ("[bold]x[/bold]", "[bold]x[/bold]"),
    ("\ufeffx", "·x"),
    ("⚠\ufe0f!", "⚠!"),
    ("👍🏽 🇩🇪", "👍 DE"),
    ("👩\u200d💻", "👩·💻"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_text_from_outside_cannot_play_with_the_screen(text: str, shown: str) -> None:
    assert safe(text) == shown
    assert shown in text_of(of(text), "text/plain")


@given(st.text())
def test_safe_text_has_nothing_that_moves_hides_or_reorders(text: str) -> None:
    shown = safe(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert safe(shown) == shown


def texts(rows: Any) -> list[str]:
    rows.reach(1_000)
    return ["".join(text for text, _ in rows.row(index)) for index in range(len(rows))]


def test_objects_are_folded_by_levels_and_one_by_one() -> None:
    block = Block('{"a":{"b":[1,2],"c":{}},"d":[3]}', is_json=True)
    whole = texts(block.rows(40))
    assert len(whole) == 12
    assert block.fold(-1)
    assert texts(block.rows(40)) == [
        *("{", '  "a": {', '    "b": [ ▸ 2 lines ],', '    "c": {}', "  },"),
        *('  "d": [', "    3", "  ]", "}"),
    ]
    assert block.toggle(2)
    assert texts(block.rows(40)) == whole
    assert block.fold(-1)
    assert texts(block.rows(40)) == ["{", '  "a": { ▸ 5 lines },', '  "d": [ ▸ 1 lines ]', "}"]
    assert block.row_at(block.content.index("2"), 40) == 4  # type: ignore[arg-type]
    assert texts(block.rows(40)) == whole
    assert not block.toggle(3)


@given(st.text(alphabet='ab "\\{}[],:日\t', max_size=300), st.integers(8, 30), st.booleans())
def test_rows_are_never_wider_and_lose_only_spaces(text: str, width: int, is_json: bool) -> None:
    shown = texts(Block(text, is_json).rows(width))
    assert all(cell_len(row) <= width for row in shown)
    if not is_json:
        assert "".join("".join(shown).split()) == "".join(safe(text).split())
