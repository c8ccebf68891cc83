"""The items of all views but the live one: fetched when a view is looked at and something changed.

Plain Python apart from asking the client; knows no widgets and no view by its name.
"""

from collections.abc import Sequence
from typing import Any

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Counts, Tick
from qstash_dev.tui.model.table import Table
from qstash_dev.tui.model.view import View

KEPT_EVENTS = 5000


class Tables:
    """A table for each view, and which of them are out of date."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = [view for view in views if not view.is_live]
        self._tables: dict[View, Table[Any]] = {view: Table(view.key_of) for view in self._views}
        self.version = 0
        self._outdated = set(self._views)
        self._counts = Counts()
        self._revisions: dict[str, int] = {}
        self._meanwhile: dict[View, list[Any]] = {}
        """What came since a view was asked for last: the answer may be older."""

    def of(self, view: View) -> Table[Any]:
        return self._tables[view]

    def item(self, view: View) -> Any:
        """What is under the cursor of a view."""
        return None if view.is_live else self._tables[view].row

    def wants(self, view: View) -> bool:
        """Whether the view must be fetched before it is right."""
        return view in self._outdated

    def forget(self) -> None:
        """Everything may be different."""
        self._outdated = set(self._views)

    def outdate(self, tick: Tick) -> None:
        """Note which views a tick makes wrong; what it brings itself goes straight into them."""
        for view in self._views:
            if view.is_outdated(tick, self._counts) or self._is_revised(view, tick):
                self._outdated.add(view)
            if view.news is not None and view not in self._outdated:
                news = view.news(tick)
                self._append(view, news)
                self._meanwhile.get(view, []).extend(news)
        self._revisions = tick.resources
        self._counts = tick.counts or self._counts

    async def fetch(self, client: Client, view: View) -> None:
        """Ask for what the view shows."""
        self._outdated.discard(view)
        self._meanwhile[view] = []
        items = await view.fetch(client, view.most)
        table = self._tables[view]
        first = not table.loaded
        table.load(items)
        table.is_whole = len(items) < view.most
        self._append(view, self._meanwhile.pop(view))
        if view.follows and first and table.by_age:
            table.resume()
        self.version += 1

    def _is_revised(self, view: View, tick: Tick) -> bool:
        if view.resource is None:
            return False
        noun = view.resource.noun
        return tick.resources.get(noun) != self._revisions.get(noun)

    def _append(self, view: View, items: Sequence[Any]) -> None:
        if not items:
            return
        table = self._tables[view]
        last = int(table.key_of(table.every[-1])) if table.every else 0
        table.append([item for item in items if int(table.key_of(item)) > last], KEPT_EVENTS)
