"""Which columns of a view are hidden, and by which it is sorted; kept from one start to the next.

Plain Python; knows no widgets.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from qstash_dev.tui.model.memory import Memory
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import View

_MEMORY = "columns"


class Sorting(NamedTuple):
    """A column by its title, and whether its largest value comes first."""

    title: str
    is_down: bool

    @property
    def arrow(self) -> str:
        """Which way it goes."""
        return "↓" if self.is_down else "↑"

    def __str__(self) -> str:
        return f"by {self.title} {self.arrow}"


class Arrangement:
    """Of all views, by their names."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        found = memory.get(_MEMORY, {})
        self._of = {name: value for name, value in found.items() if isinstance(value, dict)}

    def hidden(self, view: View) -> frozenset[str]:
        """The titles of the columns that are not shown."""
        return frozenset(map(str, self._of.get(view.name, {}).get("hidden", ())))

    def sorting(self, view: View) -> Sorting | None:
        """What it is sorted by, if not by its own order."""
        found = self._of.get(view.name, {}).get("sort")
        if not isinstance(found, list) or len(found) != 2:
            return None
        return Sorting(str(found[0]), bool(found[1]))

    def columns(self, view: View) -> Sequence[Column[Any]]:
        """The columns that are shown."""
        hidden = self.hidden(view)
        return [column for column in view.columns if column.title not in hidden]

    def key(self, view: View) -> Callable[[Any], Any] | None:
        """By which the items of a view are sorted, the first one the least."""
        sorting, column = self.sorting(view), self._column(view)
        if sorting is None or column is None or column.sort is None:
            return None
        if column.is_age and not sorting.is_down:
            return None  # as it is
        value, turn = column.sort, Turned if sorting.is_down else lambda value: value
        return lambda item: turn(((found := value(item)) is not None, found))

    def is_by_age(self, view: View) -> bool:
        """Whether the newest item is the first or the last one."""
        column = self._column(view)
        return column is None or column.sort is None or column.is_age

    def _column(self, view: View) -> Column[Any] | None:
        sorting = self.sorting(view)
        return next((c for c in view.columns if sorting and c.title == sorting.title), None)

    def toggle(self, view: View, title: str) -> None:
        """Hide a column, or show it again."""
        self._put(view, hidden=sorted(self.hidden(view) ^ {title}))

    def sort(self, view: View, sorting: Sorting) -> None:
        self._put(view, sort=list(sorting))

    def forget(self, view: View) -> None:
        """As it was."""
        self._of = {name: value for name, value in self._of.items() if name != view.name}
        self._memory.put(_MEMORY, self._of)

    def _put(self, view: View, **changed: Any) -> None:
        self._of = {**self._of, view.name: {**self._of.get(view.name, {}), **changed}}
        self._memory.put(_MEMORY, self._of)


class Turned:
    """A value that is less where the other is greater."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turned) and bool(self.value == other.value)

    def __lt__(self, other: "Turned") -> bool:
        return bool(other.value < self.value)

    def __hash__(self) -> int:
        return hash(self.value)
