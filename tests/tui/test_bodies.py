"""Bodies as lines: laid out, located, cut, and harmless."""

import base64
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.client import Body
from qstash_dev.tui.render.bodies import SHOWN, SHOWN_LINES, body_lines, json_problem
from qstash_dev.tui.render.fmt import safe


def text_of(body: Body, kind: str | None = "application/json") -> str:
    return "\n".join("".join(text for text, _ in line) for line in body_lines(body, kind))


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


def test_of_long_json_the_beginning_is_laid_out_also_when_its_end_was_not_sent() -> None:
    raw = json.dumps([{"order": number, "paid": True} for number in range(5_000)])[:100_000]
    for truncated in (True, False):
        text = raw if truncated else raw[: raw.rindex("{") - 2] + "]"
        lines = body_lines(Body(size=9_000_000, text=text, truncated=truncated), "")
        shown = ["".join(text for text, _ in line) for line in lines]
        assert shown[:4] == ["[", "  {", '    "order": 0,', '    "paid": true']
        assert len(lines) == SHOWN_LINES + 1
        assert shown[-1] == "… 8.6 MB in all; o opens the whole body"


def test_json_too_deep_to_check_is_shown_as_text() -> None:
    assert "[[[[" in text_of(of("[" * 30_000))
    assert json_problem("[" * 100_000) is not None


def test_text_that_does_not_claim_to_be_json_is_not_judged() -> None:
    assert text_of(of("{not json"), "text/plain") == "{not json"


def test_binary_is_size_and_hex_head() -> None:
    raw = bytes(range(256)) * 8
    shown = text_of(Body(size=2048, base64=base64.b64encode(raw).decode()), None)
    assert "binary, 2.0 KB" in shown
    assert "000010  10 11 12" in shown
    assert shown.count("\n") <= 34


def test_a_long_body_is_cut_with_a_way_to_see_it_whole() -> None:
    shown = text_of(of("x" * (SHOWN + 5000)), "text/plain")
    assert len(shown) < SHOWN + 200
    assert "o opens the whole body" in shown


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
