"""Parameters of the control API's queries: each once, for who reads it and for its description."""

from msgspec import Struct


class Param(Struct, frozen=True):
    """A query parameter. One with a `default` is a whole number from `least` to `most`."""

    name: str
    about: str
    default: int | None = None
    least: int = 0
    most: int = 10_000_000_000_000
    is_number: bool = False


def whole(
    name: str, about: str, default: int, least: int = 0, most: int = 10_000_000_000_000
) -> Param:
    """A whole number; one out of range counts as the nearest that is in it."""
    return Param(name, about, default, least, most, is_number=True)


FILTER = Param("filter", "Terms of the filter language, such as `state:failed dest:/api/orders`.")
LIMIT = whole("limit", "How many at most.", 200, 1, 2_000)
LINES = whole("limit", "How many at most.", 500, 1, 5_000)
CURSOR = Param("cursor", "Where to go on: the `cursor` of the page before.")
ORDER = Param("order", "`earliest` begins with the oldest.")
OUTPUT = whole("limit", "How many at most.", 1_000, 1, 10_000)
LINE = Param("after", "The number of the last line that is known.", is_number=True)
PRINTED = Param("printed", "The `line` of what was heard last.", is_number=True)
COUNT = whole("count", "How many messages have to match.", 1, 1, 2_000)
TIMEOUT = whole("timeout_ms", "How long to wait, in real time.", 5_000, 0, 600_000)
REVEAL = Param("reveal", "`1` shows secrets in headers.")
OLD = Param("old", "The id of the message that is compared with.")
AFTER = whole("after", "The number of the last event that is known.", 0)
BEFORE = whole("before", "The number of an event: only older ones.", 0)
PAGE = Param("page", "Its name, of a message: `Overview` if none is given.")
USER = Param("user", "Whose it is; the first user's, if not given.")
STATES = Param("state", "Some of `live`, `success`, `failed`, `canceled`, with commas between.")
RUN = Param("run", "How the id begins.")
URL = Param("url", "A part of the URL.")
LABEL = Param("label", "A label of it.")
CREATED_AT = whole("created_at", "Of several runs with this id the one that was created then.", 0)
