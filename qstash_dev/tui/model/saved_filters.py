"""Filters that a person gave a name, kept from one start to the next."""

from typing import NamedTuple

from qstash_dev.tui.model.memory import Memory

_MEMORY = "saved filters"
_FIRST = "Messages"


class Saved(NamedTuple):
    """A filter with its name, and the view whose rows it is for: each has fields of its own."""

    name: str
    text: str
    view: str = _FIRST


class SavedFilters:
    """All of them, in the order in which they were saved; a name stands for one in each view."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        found = memory.get(_MEMORY, [])
        if isinstance(found, dict):  # of the time when only messages had them
            found = list(found.items())
        self._all = [Saved(*map(str, one)) for one in found if len(one) in (2, 3)]

    def of(self, view: str) -> list[Saved]:
        """Those of a view, and then all others."""
        return sorted(self._all, key=lambda one: one.view != view)

    def save(self, saved: Saved) -> None:
        """Keep a filter, instead of the one that had its name in that view."""
        others = [one for one in self._all if (one.name, one.view) != (saved.name, saved.view)]
        self._put([*others, saved])

    def forget(self, saved: Saved) -> None:
        """Keep it no longer."""
        self._put([one for one in self._all if one != saved])

    def _put(self, every: list[Saved]) -> None:
        self._all = every
        self._memory.put(_MEMORY, every)
