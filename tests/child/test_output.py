"""Lines as they come from a pipe, whole and safe to show."""

import pytest

from qstash_dev.child.output import MOST_LINES, Output
from qstash_dev.devtools.ansi import coloured, plain, shown
from qstash_dev.devtools.documents import Printed


def output() -> tuple[Output, list[Printed]]:
    heard: list[Printed] = []
    return Output(lambda: 7, heard.append), heard


def test_lines_are_whole_however_the_bytes_arrive() -> None:
    out, heard = output()
    for piece in (b"fi", b"rst\nsec", "ön".encode()[:2], "ön".encode()[2:], b"d\n", b"rest"):
        out.take(piece)
    assert [line.text for line in heard] == ["first", "secönd"]
    out.flush()
    assert heard[-1] == Printed(3, 7, "rest")


def test_the_last_lines_are_kept_and_found_by_their_numbers() -> None:
    out, _ = output()
    out.take(b"".join(b"%d\n" % n for n in range(1, MOST_LINES + 11)))
    assert out.after(0, 2)[0].number == 11
    assert [line.text for line in out.after(MOST_LINES + 8, 9)] == ["10009", "10010"]
    assert [line.text for line in out.between(20, 22)] == ["21", "22"]
    assert out.between(MOST_LINES + 10, MOST_LINES + 10) == []


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[32mok\x1b[0m", "\x1b[32mok\x1b[0m"),
        ("\x1b[2J\x1b[Hready", "ready"),
        ("\x1b]0;title\x07ready", "ready"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10 %\r50 %\r100 %\r", "100 %"),
        ("a\tb\x00\x9b31mc", "a    bc"),
        ("half \x1b[", "half "),
    ],
)
def test_of_escape_sequences_only_colours_stay(raw: str, text: str) -> None:
    assert shown(raw) == text


def test_a_very_long_line_is_cut_and_says_so() -> None:
    assert shown("x" * 5_000).endswith("… 1,000 more characters")


def test_colours_are_parts_of_a_line() -> None:
    line = "a \x1b[1m\x1b[31mred\x1b[0m b"
    assert list(coloured(line)) == [("a ", ""), ("red", "\x1b[1;31m"), (" b", "")]
    assert plain(line) == "a red b"
