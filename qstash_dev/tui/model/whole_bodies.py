"""The rest of bodies of which a detail holds the beginning alone. Draws nothing."""

from collections.abc import Iterator

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Body, Detail

MOST_BYTES = 20_000_000
"""A longer body is not fetched by itself: `o` opens it."""
_KEPT = 4


class WholeBodies:
    """Fetches the text of long bodies, and keeps the last ones: a detail is asked for often."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, int | None], str] = {}

    def lacks(self, detail: Detail) -> bool:
        """Whether something of it is to be fetched; what is here already is put in its place."""
        for attempt, body in _cut(detail):
            if (text := self._texts.get((detail.row.id, attempt))) is not None:
                body.text, body.truncated = text, False
        return any(True for _ in _cut(detail))

    async def fetch(self, client: Client, detail: Detail) -> None:
        """Fetch it, to be put in its place by `lacks`. Raises ClientError."""
        for attempt, body in list(_cut(detail)):
            raw = await client.body(detail.row.id, attempt)
            text = raw.decode("utf-8", "replace")
            if len(raw) >= body.size:
                while len(self._texts) >= _KEPT:
                    del self._texts[next(iter(self._texts))]
                self._texts[detail.row.id, attempt] = text


def _cut(detail: Detail) -> Iterator[tuple[int | None, Body]]:
    """The bodies of the pages of request and response, as far as they are text that was cut."""
    bodies: list[tuple[int | None, Body]] = []
    if not detail.spec.get("redact"):
        bodies.append((None, detail.request.body))
    if detail.attempts and (answer := detail.attempts[-1].response) is not None:
        bodies.append((detail.attempts[-1].number, answer.body))
    for attempt, body in bodies:
        if body.truncated and body.text is not None and body.size <= MOST_BYTES:
            yield attempt, body
