"""What helps somebody who writes a message: fields for its options, names of headers, laid-out JSON.

Pure: texts in, texts out. The options are those of `protocol/publish/options`; knows no widgets.
"""

from typing import NamedTuple

from qstash_dev.devtools.filter_words import common_start
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.publish.options import OF_CALLBACK, OPTIONS
from qstash_dev.tui.render.block import Block, plain_text

OFFERED = 6


class Field(NamedTuple):
    """An option that has a field of its own: its header, the word beside it, what is typed there."""

    header: str
    word: str
    example: str
    width: int


FIELDS = (
    Field("Upstash-Delay", "delay", "10s", 8),
    Field("Upstash-Retries", "retries", "3", 5),
    Field("Upstash-Queue-Name", "queue", "name", 0),
    Field("Upstash-Cron", "cron", "*/5 * * * *", 18),
    Field("Upstash-Callback", "callback", "/api/done", 0),
    Field("Upstash-Flow-Control-Key", "flow key", "name", 18),
    Field("Upstash-Flow-Control-Value", "flow limits", "parallelism=2,rate=3,period=1m", 0),
)
ROWS = (FIELDS[:3], FIELDS[3:5], FIELDS[5:])


class Completion(NamedTuple):
    """What is to be inserted at the cursor, the names there are, and a line of help on one of them."""

    inserted: str = ""
    names: tuple[str, ...] = ()
    help: str = ""


def taken_apart(headers: str) -> tuple[dict[str, str], str]:
    """The values of the fields by their headers, and the other lines."""
    found: dict[str, str] = {}
    rest = []
    known = {field.header.lower(): field.header for field in FIELDS}
    for line in headers.split("\n"):
        name, colon, value = line.partition(":")
        header = known.get(name.strip().lower())
        if colon and header is not None and header not in found:
            found[header] = value.strip()
        else:
            rest.append(line)
    return found, "\n".join(rest)


def put_together(values: dict[str, str], rest: str) -> str:
    """All as header lines; empty fields say nothing."""
    lines = [f"{field.header}: {v}" for field in FIELDS if (v := values.get(field.header, ""))]
    return "\n".join([*lines, *([rest] if rest or not lines else [])])


def complete_header(line: str, place: int) -> Completion:
    """The name of the header at the cursor, as far as that is certain."""
    name, colon, _ = line.partition(":")
    if colon:
        return Completion(help=HELP.get(name.strip().lower(), ""))
    begun = line[:place].strip().lower()
    names = [known for known in NAMES if known.lower().startswith(begun)]
    if not begun or not names or place < len(line.rstrip()):
        return Completion()
    common = common_start([known.lower() for known in names])
    inserted = names[0][len(begun) : len(common)]
    if len(names) > 1:
        more = ("…",) if len(names) > OFFERED else ()
        return Completion(inserted, (*names[:OFFERED], *more))
    end = "" if names[0].endswith("-") else ": "
    return Completion(inserted + end, (names[0],), HELP.get(names[0].lower(), ""))


def laid_out_json(text: str) -> str | None:
    """JSON with one value a line, every literal as it was written; `None` for what is none."""
    try:
        value = loads(text)
        shown = plain_text([Block(text, is_json=True)])
        return shown if loads(shown) == value else None
    except (ValueError, RecursionError):
        return None


def _names() -> dict[str, str]:
    """Every header that configures a message, with a line of help."""
    found = {row.header: row.help for row in OPTIONS}
    for what in ("Upstash-Callback", "Upstash-Failure-Callback"):
        for row in OF_CALLBACK.values():
            end = row.header.removeprefix("Upstash-")
            found[f"{what}-{end}"] = f"Of the {what[8:].lower().replace('-', ' ')}: {row.help}"
        found[f"{what}-Forward-"] = "A header of the callback, under the rest of this name."
    found["Upstash-Forward-"] = "A header for the destination, under the rest of this name."
    found["Content-Type"] = "What the body is, such as application/json."
    return found


_HELP = _names()
NAMES = tuple(sorted(_HELP))
HELP = {name.lower(): help for name, help in _HELP.items()}
