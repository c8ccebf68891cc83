"""What a page is made of, for those who draw it: in cells of a terminal, or in elements of a browser.

Roles, links and moments stay what they are: colours, places and time zones are the reader's.
"""

from msgspec import Struct

from qstash_dev.devtools.documents import Body, Piece
from qstash_dev.devtools.states import look_of


class Fact(Struct):
    """A name that people know something by, and its value."""

    name: str
    pieces: list[Piece] = []


class Bar(Struct, omit_defaults=True):
    """A line of a time line: when it began and ended (`None`: not yet), and what more there is to say.

    `symbol` and `role` are of its state; `stem` draws what stands side by side; `to` is a message.
    """

    name: str
    began: float
    ended: float | None
    role: str = ""
    symbol: str = ""
    stem: str = ""
    to: str = ""
    lines: list[list[Piece]] = []


class Part(Struct, omit_defaults=True):
    """One of: a `title` of what follows, a `line`, `facts`, the `output` of an app with its colours, a
    `body`, a time line of `bars` from `began` to `ended` (`None`: now). Without anything a space.

    `look` is of a line: `headline` or `hint`; of a title that can be folded: `open` or `closed`.
    `media` is the type of a body, `path` where all of it is, below the address of what the page is
    about. `is_sum`: the time line says how long it is.
    """

    title: str = ""
    line: list[Piece] = []
    look: str = ""
    facts: list[Fact] = []
    output: list[str] = []
    body: Body | None = None
    media: str | None = None
    path: str = ""
    bars: list[Bar] = []
    began: float = 0.0
    ended: float | None = None
    is_sum: bool = False


BLANK = Part()


def line(*pieces: Piece, look: str = "") -> Part:
    """A line of pieces."""
    return Part(line=list(pieces), look=look)


def state_piece(state: str, width: int = 0) -> Piece:
    """A state's symbol and word, which takes `width` characters at least, in its colour."""
    look = look_of(state)
    return Piece(look.shown(width), look.role)
