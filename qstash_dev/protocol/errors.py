"""A caller's mistake, in the words QStash would use (reports of them in the SDKs' issues, their tests).

Raised in `protocol/`, turned into JSON in one place. Ours: the words where nobody has reported any.
"""

from collections.abc import Iterable


class QStashError(Exception):
    """A request that is refused: the HTTP status and the sentence of `{"error": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant; `None` if none is alike, with 1 only the same one."""
    from difflib import get_close_matches  # needed only for a mistake

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)
