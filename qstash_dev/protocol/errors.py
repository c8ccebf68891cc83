"""A caller's mistake, in the words QStash would use (reports of them in the SDKs' issues, their tests).

Raised in `protocol/`, turned into JSON in one place. Ours: the words where nobody has reported any.
"""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class QStashError(Exception):
    """A request that is refused: the HTTP status and the sentence of `{"error": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def there(found: T | None, what: str, name: str) -> T:
    """It, if it was found. Raises QStashError(404): there is nothing of this kind and name."""
    if found is None:
        raise QStashError(404, f"{what} {name[:200]} not found")
    return found


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word of which this one is a slip of the fingers: one letter in four may be left out, be
    one too many, another one, or have changed its place with the next. `None` if there is none.
    """
    allowed = max(1, len(word) // 4)
    near = (one for one in known if abs(len(one) - len(word)) <= allowed)
    slips, found = min(((_slips(word, one), one) for one in near), default=(allowed + 1, None))
    return found if slips <= allowed else None


def _slips(word: str, other: str) -> int:
    """How many such slips lead from one to the other (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        last, before, row = before, row, [i]
        for j, its in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and (letter, word[i - 2]) == (other[j - 2], its):
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]
