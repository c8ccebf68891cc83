"""A caller's mistake, in the words QStash would use.

Raised in `protocol/`, turned into JSON in one place.
"""


class QStashError(Exception):
    """A request that is refused: the HTTP status and the sentence of `{"error": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
