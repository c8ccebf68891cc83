"""Functions that keep their last answers."""

import pytest

from qstash_dev.protocol.remembered import LONGEST, remembered


def test_the_answer_to_a_short_text_is_found_once_and_to_a_long_one_each_time() -> None:
    asked: list[int] = []

    @remembered
    def length(text: str, more: int = 0) -> int:
        asked.append(len(text))
        return len(text) + more

    long = "x" * (LONGEST + 1)
    answers = [length("ab"), length("ab"), length("ab", 1), length(long), length(long)]
    assert answers == [2, 2, 3, LONGEST + 1, LONGEST + 1]
    assert asked == [2, 2, LONGEST + 1, LONGEST + 1]


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
