"""What views 2 to 7 show: fetched when a view is looked at and something changed since.

Plain Python apart from asking the client; knows no widgets.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qstash_dev.client import Client, Counts, DlqEntry, Event, Tick
from qstash_dev.tui.model import views
from qstash_dev.tui.model.table import Column, Table

SCHEDULES, QUEUES, GROUPS, DLQ, LOGS, FLOW = 1, 2, 3, 4, 5, 6
NOUNS = {SCHEDULES: "schedules", QUEUES: "queues", GROUPS: "groups", FLOW: "flow"}
KEPT_EVENTS = 5000


class Shown(NamedTuple):
    """A table and how its items are written."""

    table: Table[Any]
    columns: Sequence[Column[Any]]


class Lists:
    """The tables by number of the view, and which of them are out of date."""

    def __init__(self) -> None:
        self.tables: dict[int, Shown] = {
            SCHEDULES: Shown(Table[Any](_named("scheduleId")), views.SCHEDULES),
            QUEUES: Shown(Table[Any](_named("name")), views.QUEUES),
            GROUPS: Shown(Table[Any](_named("name")), views.GROUPS),
            DLQ: Shown(Table[DlqEntry](lambda entry: entry.dlq_id), views.DLQ),
            LOGS: Shown(Table[Event](lambda event: str(event.seq)), views.LOGS),
            FLOW: Shown(Table[Any](_named("flowControlKey")), views.FLOW),
        }
        self.version = 0
        self._outdated = set(self.tables)
        self._counts = Counts()
        self._revisions: dict[str, int] = {}

    def item(self, view: int) -> Any:
        """What is under the cursor of a view."""
        return self.tables[view].table.item if view in self.tables else None

    def message_id(self, view: int) -> str | None:
        """The message that the row under the cursor is about."""
        item = self.item(view)
        if isinstance(item, DlqEntry):
            return item.row.id
        return item.id if isinstance(item, Event) else None

    def wants(self, view: int) -> bool:
        """Whether the view must be fetched before it is right."""
        return view in self._outdated

    def forget(self) -> None:
        """Everything may be different."""
        self._outdated = set(self.tables)

    def outdate(self, tick: Tick) -> None:
        """Note which views a tick makes wrong; events go straight into the logs."""
        # How many wait, how many are under way, and how the last run ended: messages tell.
        if tick.events or tick.rows or tick.removed:
            self._outdated |= {SCHEDULES, QUEUES, FLOW}
        for view, noun in NOUNS.items():
            if tick.resources.get(noun) != self._revisions.get(noun):
                self._outdated.add(view)
        self._revisions = tick.resources
        counts = tick.counts or self._counts
        if counts.dlq != self._counts.dlq or any(row.dlq_id for row in tick.rows):
            self._outdated.add(DLQ)
        self._counts = counts
        self._log(tick.events)

    async def fetch(self, client: Client, view: int) -> None:
        """Ask for what the view shows."""
        self._outdated.discard(view)
        if view == DLQ:
            items: Sequence[Any] = await client.dlq()
        elif view == LOGS:
            items = (await client.logs()).events
        else:
            items = await client.resources(NOUNS[view])
        first = not self.tables[view].table.loaded
        self.tables[view].table.load(items)
        if view == LOGS and first:
            self.tables[view].table.resume()
        self.version += 1

    def _log(self, events: Sequence[Event]) -> None:
        """Append events; the cursor stays at the end if it was there."""
        table: Table[Event] = self.tables[LOGS].table
        if LOGS in self._outdated or not events:
            return
        last = table.items[-1].seq if table.items else 0
        table.append([event for event in events if event.seq > last], KEPT_EVENTS)


def _named(key: str) -> Any:
    return lambda thing: f"{thing.get('user', '')}/{thing.get(key, '')}"
