"""Filters that a person gave a name, kept from one start to the next."""

from qstash_dev.tui.model.memory import Memory

_MEMORY = "saved filters"


class SavedFilters:
    """Filters by their names, in the order in which they were saved."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        found = memory.get(_MEMORY, {})
        self._texts = {str(name): str(text) for name, text in found.items()}

    @property
    def texts(self) -> dict[str, str]:
        """All of them."""
        return dict(self._texts)

    def save(self, name: str, text: str) -> None:
        """Keep a filter under a name, instead of the one that had it."""
        self._put({**self._texts, name: text})

    def forget(self, name: str) -> None:
        """Keep it no longer."""
        self._put({other: text for other, text in self._texts.items() if other != name})

    def _put(self, texts: dict[str, str]) -> None:
        self._texts = texts
        self._memory.put(_MEMORY, texts)
