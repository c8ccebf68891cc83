"""The error in what an app printed: its words, and the place in the app's own code. Pure."""

import re
from collections.abc import Sequence

from qstash_dev.devtools.ansi import plain as without_colours
from qstash_dev.devtools.text import shorten

_ERROR = re.compile(
    r"^\W*(?:Uncaught |Unhandled \w+: ?)?"
    r"((?:[\w.]*(?:Error|Exception|Exit|Interrupt)\b(?:\s\[\w+\])?:?.*)"
    r"|panic: .*|fatal error: .*)"
)
_PLACES = (
    re.compile(r"^\s*at (?:.*\()?(?P<file>[^()\s]+?):(?P<line>\d+)(?::\d+)?\)?(?: \{)?$"),
    re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)'),
    re.compile(r"^\s+(?P<file>/\S+\.go):(?P<line>\d+)"),
    re.compile(r"^\s*(?:from )?(?P<file>[\w./-]+\.rb):(?P<line>\d+):in "),
)
_MARKED = re.compile(
    r"^(?:[⨯✗✖✘❌×]|(?:npm )?(?:error\b|ERR!):?)\s+(?!(?:code|syscall|path|errno) \S+$)(?P<text>\S.*)",
    re.IGNORECASE,
)
"""How tools mark what they complain of; the first is the cause, the others follow from it. The fields
that npm begins with (`code ENOENT`) are none.
"""
_FOREIGN = (
    "node_modules/",
    "node:",
    "site-packages/",
    "<frozen",
    "/lib/python",
    "/usr/",
    "webpack-internal",
)
_MAX = 240


def errors_in(lines: Sequence[str]) -> str:
    """All errors that the lines tell of, a line each: the last is seldom the first cause."""
    return "\n".join(text for _, text in _found([without_colours(line) for line in lines]))


def error_in(lines: Sequence[str], of_file: str | None = None) -> str | None:
    """The last error that the lines tell of, with `at file:line` if they have it, else `None`. Given a
    file of the project, only one whose trace goes through it counts.
    """
    plain = [without_colours(line).rstrip() for line in lines]
    found = _found(plain)
    ends = [-1, *(place for place, _ in found), len(plain)]
    for number in range(len(found), 0, -1):
        trace = _trace(plain, *ends[number - 1 : number + 2])
        if of_file is None or any(_is_in(where, of_file) for where in trace):
            where = f" (at {trace[0]})" if trace else ""
            place, text = found[number - 1]
            text = text.strip(" {")
            if text.endswith(":"):  # what it is follows
                text = " ".join([text, *plain[place + 1 : place + 2]])
            return shorten(text, _MAX) + where
    return None


def _trace(plain: Sequence[str], before: int, place: int, after: int) -> list[str]:
    """The app's own places of an error, the innermost first: a Python traceback has them above it, the
    innermost last; others have them below. It ends at the error `before` or `after`.
    """
    above = plain[before + 1 : place]
    is_traceback = any(line.lstrip().startswith('File "') for line in above[-4:])
    if is_traceback:
        heads = [at for at, line in enumerate(above) if line.lstrip().startswith("Traceback")]
        around = above[heads[-1] if heads else 0 :][::-1]
    else:
        around = plain[place + 1 : after]
    return [own for line in around if (own := _own_place(line))]


def _is_in(where: str, file: str) -> bool:
    """Of an absolute path only the last parts are shown."""
    shown = where.rpartition(":")[0].removeprefix("./")
    return f"/{file}".endswith(f"/{shown}") or f"/{shown}".endswith(f"/{file}")


def with_last_words(sentence: str, lines: Sequence[str]) -> str:
    """A sentence about a program that ended, and from the last lines that it printed why: the error,
    else what is marked as one. Else with the last line as what it is, which need not say why.
    """
    said = [text for line in lines if (text := without_colours(line).strip())]
    marked = next((match["text"] for line in said if (match := _MARKED.match(line))), None)
    cause = error_in(lines) or marked
    if cause is None and not said:
        return sentence
    words = shorten(cause or said[-1], _MAX).rstrip(".")
    return f"{sentence}: {words}" if cause else f"{sentence}; it last printed: {words}"


def _found(plain: Sequence[str]) -> list[tuple[int, str]]:
    return [(place, match[1]) for place, line in enumerate(plain) if (match := _ERROR.match(line))]


def _own_place(line: str) -> str | None:
    for pattern in _PLACES:
        match = pattern.match(line)
        if match and not any(part in match["file"] for part in _FOREIGN):
            file = match["file"].removeprefix("file://")
            # What is relative is so to the project, and editors open it as it stands.
            shown = "/".join(file.rsplit("/", 3)[-3:]) if file.startswith("/") else file
            return f"{shown}:{match['line']}"
    return None
