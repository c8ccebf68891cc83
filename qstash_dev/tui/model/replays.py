"""How the replays that were asked for here ended, in a sentence each. Pure."""

from collections.abc import Iterable

from qstash_dev.devtools.documents import Row
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt

ENDED = frozenset({"delivered", "failed", "retry", "held", "canceled"})


class Replays:
    """Replays under way, by their ids, each with its original as it was."""

    def __init__(self) -> None:
        self._awaited: dict[str, Row | None] = {}
        self._seen: dict[str, Row] = {}
        self._news: list[tuple[str, str]] = []

    def expect(self, id: str, original: Row | None) -> None:
        """Somebody wants to know how this one ends; it may have ended already."""
        self._awaited[id] = original
        if id in self._seen:
            self.take([self._seen[id]])

    def take(self, rows: Iterable[Row]) -> None:
        """Rows that changed."""
        for row in rows:
            if row.kind not in ("replay", "dlq-retry") or row.state not in ENDED:
                continue
            if row.id not in self._awaited:
                self._seen = {**dict(list(self._seen.items())[-50:]), row.id: row}
                continue
            self._news.append(_told(row, self._awaited.pop(row.id)))

    def tell(self, text: str) -> None:
        """Good news of others."""
        self._news.append((text, "information"))

    def news(self) -> list[tuple[str, str]]:
        """Sentences with their severity, each once."""
        news, self._news = self._news, []
        return news


def _told(row: Row, original: Row | None) -> tuple[str, str]:
    if row.state == "delivered":
        took = f" in {format_duration(row.duration_ms)}" if row.duration_ms is not None else ""
        return f"Replayed: {row.status}{took}.", "information"
    if row.state in ("held", "canceled"):
        why = row.hint or row.error
        return f"The replay is {row.state}" + (f": {fmt.safe(why)}" if why else "."), "warning"
    same = original is not None and (original.status, original.error) == (row.status, row.error)
    answer = "the same answer" if same else "another answer"
    why = fmt.safe(row.error or str(row.status or "no answer"))
    known = f" ({answer})" if original is not None and original.status else ""
    return f"The replay failed again{known}: {why}" if original else f"Failed: {why}", "error"
