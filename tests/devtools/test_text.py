"""How values are written for people, by tables."""

import pytest

from qstash_dev.devtools.text import counted, shorten, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KB"), (10 * 2**20, "10.0 MB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_one_is_not_many() -> None:
    assert [counted(n, "message") for n in (0, 1, 2)] == ["0 messages", "1 message", "2 messages"]
    assert counted(2, "message waits", "messages wait") == "2 messages wait"


@pytest.mark.parametrize(
    ("text", "shown"), [("four", "four"), (" a\n\tb ", "a b"), ("a  bcde", "a b…"), ("", "")]
)
def test_a_long_text_is_cut_and_stays_on_one_line(text: str, shown: str) -> None:
    assert shorten(text, 4) == shown
