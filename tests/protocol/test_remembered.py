"""Functions that keep their last answers."""

import pytest

from qstash_dev.protocol.remembered import ROOM, remembered


def test_the_same_question_is_answered_once() -> None:
    asked: list[str] = []

    @remembered
    def length(text: str, more: int = 0) -> int:
        asked.append(text)
        return len(text) + more

    assert [length("ab"), length("ab"), length("ab", 1), length("ab", 1)] == [2, 2, 3, 3]
    assert asked == ["ab", "ab"]


def test_texts_are_forgotten_when_they_have_filled_the_room() -> None:
    asked: list[int] = []

    @remembered
    def length(text: str) -> int:
        asked.append(len(text))
        return len(text)

    fills = "x" * ROOM
    for text in ("ab", fills, "ab", "ab", fills + "x", "ab"):
        assert length(text) == len(text)
    assert asked == [2, ROOM, 2, ROOM + 1, 2]


def test_long_headers_fill_the_room_as_long_texts_do() -> None:
    asked: list[str] = []

    @remembered
    def count(url: str, headers: tuple[tuple[str, str], ...]) -> int:
        asked.append(url)
        return len(headers)

    long = (("a", "x" * (ROOM // 2)),)
    for url in ("/1", "/2", "/1"):
        assert count(url, long) == 1
    assert asked == ["/1", "/2", "/1"]


def test_an_error_is_not_kept() -> None:
    asked: list[str] = []

    @remembered
    def refuse(text: str) -> None:
        asked.append(text)
        raise ValueError(text)

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            refuse("no")
    assert asked == ["no", "no"]
