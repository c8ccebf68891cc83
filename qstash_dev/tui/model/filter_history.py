"""The filter line as an editor: what was typed before. Knows no widgets."""

from qstash_dev.tui.model.memory import Memory

KEPT = 50

_MEMORY = "filters"


class History:
    """Filters that were used, the newest last; kept from one start to the next."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._texts: list[str] = [str(text) for text in memory.get(_MEMORY, [])]
        self._place = len(self._texts)
        self._typed = ""

    def add(self, text: str) -> None:
        """This one was used; whoever looks back begins with it."""
        if text:
            self._texts = [*(other for other in self._texts if other != text), text][-KEPT:]
            self._memory.put(_MEMORY, self._texts)
        self._place = len(self._texts)

    def older(self, typed: str) -> str:
        """The one before; what was typed comes back after the newest."""
        if self._place == len(self._texts):
            self._typed = typed
        self._place = max(0, self._place - 1)
        return self._texts[self._place] if self._texts else typed

    def newer(self) -> str | None:
        """The one after; `None` when nothing is older than what is typed now."""
        if self._place >= len(self._texts):
            return None
        self._place += 1
        return self._texts[self._place] if self._place < len(self._texts) else self._typed
