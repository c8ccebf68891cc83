"""What bodies of the API mean, and that whatever is none of them is a sentence."""

import json
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """A document of a type."""

    destination: str
    mode: Literal["real", "frozen"] = "real"
    times: Annotated[int, msgspec.Meta(ge=1)] = 1


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDE00x"', "\ufffdx"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\uD83D\uDE00"', "\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\\ud83d"', "\\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\ud83d\n"', "\ufffd\n"),
        (rb'"\ud83dude00"', "\ufffdude00"),
        ('"é\U0001f600"'.encode(), "é\U0001f600"),
    ],
)
def test_half_a_surrogate_pair_is_a_replacement_character(body: bytes, text: str) -> None:
    assert read_json(body) == text
    assert read_json(b'{"' + body[1:-1] + b'": [' + body + b"]}", dict) == {text: [text]}


@given(st.text())
def test_what_is_whole_is_left_alone(text: str) -> None:
    assert read_json(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b'{"a": "\xff"}', dict, "invalid JSON body: it is not UTF-8"),
        (b'{"\xff": 1}', object, "invalid JSON body: it is not UTF-8"),
        (b"[" * 100_000, object, "invalid JSON body: "),
        (b"NaN", object, "invalid JSON body: "),
        (b"1e999", object, "invalid JSON body: "),
        (b'{"a": 1}', list, "invalid JSON body: expected an array, got an object"),
        (
            b'{"a": {}}',
            dict[str, str | None],
            "invalid JSON body: [...]: expected a string or null, got an object",
        ),
        (b"{}", Row, "invalid JSON body: the field 'destination' is missing"),
        (
            b'[{"destination": 1}]',
            list[Row],
            "invalid JSON body: [0].destination: expected a string, got a whole",
        ),
        (
            b'{"destination": "", "mode": "reel"}',
            Row,
            "invalid JSON body: mode: 'reel' is none of frozen, real",
        ),
        (
            b'{"a": [{"destination": "", "mode": "reel"}]}',
            dict[str, list[Row] | None],
            "invalid JSON body: [...][0].mode: 'reel' is none of frozen, real",
        ),
        (
            b'{"destination": "", "times": 0}',
            Row,
            "invalid JSON body: times: expected a whole number >= 1",
        ),
        (b'{"dest": 1}', Row, "invalid JSON body: there is no field 'dest'"),
        (b"[" * 50_000, object, "invalid JSON body: it is nested too deeply"),
        (b"", object, "invalid JSON body: "),
        (rb'"\ud83', str, "invalid JSON body: "),
    ],
)
def test_what_cannot_be_read_is_400_with_a_sentence(body: bytes, kind: type, sentence: str) -> None:
    with pytest.raises(QStashError) as refused:
        read_json(body, kind)
    assert refused.value.status == 400
    assert refused.value.message.startswith(sentence)


def test_a_part_of_a_document_is_called_what_it_is() -> None:
    with pytest.raises(QStashError, match="invalid batch item: it is not UTF-8"):
        read_json(msgspec.Raw(b'"\xff"'), str, "batch item")


@given(st.binary(max_size=40))
def test_any_bytes_are_a_document_or_a_sentence(body: bytes) -> None:
    with suppress(QStashError):
        read_json(body)
