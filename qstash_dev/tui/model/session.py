"""What the TUI knows of the server at any moment, and which question to ask it next.

Plain Python over the client: takes in updates at once, knows no widgets and draws nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from copy import copy
from functools import partial
from typing import Any

from qstash_dev.client import Client, ClientError, Refused, ServerUnreachable
from qstash_dev.devtools.documents import Detail, Lost, Online, Row, Snapshot, Tick, Update
from qstash_dev.tui.model.alarm import Alarm
from qstash_dev.tui.model.arrangement import Arrangement
from qstash_dev.tui.model.listing import Listing
from qstash_dev.tui.model.message_list import Feed
from qstash_dev.tui.model.replays import Replays
from qstash_dev.tui.model.server_time import ServerTime
from qstash_dev.tui.model.view import View
from qstash_dev.tui.model.view_tables import Tables
from qstash_dev.tui.model.walk import Place
from qstash_dev.tui.model.whole_bodies import WholeBodies

FIRST_ROWS = 1000
MORE_ROWS = 1000
NEAR_OLDEST = 100
FRESH_MS = 1_000
REST_S = 0.3
"""A view is not asked for again so soon, however much happens."""

Job = Coroutine[Any, Any, None]


class Session:
    """`say` is told what went wrong, `complain` what is wrong with the filter (`None`: nothing).

    Unless it is `heeding`, what the server says waits on its way.
    """

    def __init__(
        self,
        client: Client,
        views: Sequence[View],
        monotonic: Callable[[], float],
        say: Callable[[str], None],
        complain: Callable[[str | None], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        desktop: str = "off",
    ) -> None:
        self.client = client
        self.feed = Feed()
        self.views = views
        self.tables = Tables(views)
        self.time = ServerTime(monotonic)
        self.alarm = Alarm(desktop, monotonic)
        self.view = views[0]
        self.filter = ""
        self.good_filter = ""
        self.lost: str | None = "connecting"
        self.detail: Detail | None = None
        self.reveal = False
        self.version = 0
        self._say = say
        self._complain = complain
        self._sleep = sleep
        self._detail_of: str | None = None
        self._bodies = WholeBodies()
        self._asking = self._fetching = self._paging = False
        self._resting: set[View] = set()
        self._stale = True
        self._told = ""
        self.trail: list[Place] = []
        self.replays = Replays()
        self._whole: tuple[View, str, Any] | None = None
        self._whole_of: tuple[View, str] | None = None
        self._asking_whole = False
        self.heeding = asyncio.Event()
        self.heeding.set()

    # What it is about

    @property
    def item(self) -> Any:
        """What is under the cursor of a view that is not live; `None` when there is nothing."""
        return self.tables.item(self.view)

    @property
    def shown_filter(self) -> str:
        """What narrows the view: the filter of the stream, or words."""
        return self.filter if self.view.is_live else self.tables.of(self.view).words

    @property
    def whole(self) -> Any:
        """The item with all that its view asks for besides; the bare item until that is there."""
        item = self.item
        if item is None or self._whole is None:
            return item
        view, key, found = self._whole
        return found if view is self.view and key == self.view.key_of(item) else item

    @property
    def message_id(self) -> str | None:
        """The message under the cursor, in whichever view."""
        if self.view.is_live:
            return self.feed.selected
        return self.view.message_of(self.item) if self.item is not None else None

    @property
    def row(self) -> Row | None:
        """The row of that message, as far as it is known."""
        id = self.message_id
        if id is None:
            return None
        if self.detail is not None and self.detail.row.id == id and not self.view.is_live:
            return self.detail.row
        known = self.feed.rows.get(id)
        return known or (self.view.row_of(self.item) if self.item is not None else None)

    @property
    def source(self) -> Listing[Any]:
        """The list of the view: the messages, or a table."""
        return self.feed if self.view.is_live else self.tables.of(self.view)

    @property
    def targets(self) -> list[str]:
        """What an action is about: the marked messages, else the one under the cursor."""
        if self.view.is_live:
            return self.feed.targets
        return [self.message_id] if self.message_id is not None else []

    @property
    def shown(self) -> Detail | None:
        """The detail to show; `None` while it is being asked for."""
        row = self.row
        if row is None:
            return None
        if self.detail is not None and self.detail.row.id == row.id:
            return self.detail
        return Detail(row=row) if not self._asking or self.lost is not None else None

    @property
    def drawn_version(self) -> int:
        """Changes with everything that may be on the screen."""
        return self.version + self.feed.version + self.tables.version

    @property
    def is_complete(self) -> bool:
        """Whether nothing is asked for or would have to be."""
        asking = (
            self._asking or self._asking_whole or self._fetching or self.tables.wants(self.view)
        )
        right = self.message_id is None or (self._detail_of == self.message_id and not self._stale)
        return self.feed.loaded and self.lost is None and not asking and right

    # What the server says

    async def listen(self, filter: str) -> None:
        """Take in what comes, for ever. A filter that is refused gives way to the last good one."""
        try:
            async for update in self.client.watch(filter or None, FIRST_ROWS):
                await self.heeding.wait()
                if isinstance(update, Snapshot) and filter == self.filter:
                    self.good_filter = filter
                    self._complain(None)
                self.take(update)
        except Refused as error:
            self._complain(str(error))
            if filter != self.good_filter:
                await self.listen(self.good_filter)

    def take(self, update: Update) -> None:
        self.version += 1
        if isinstance(update, Lost):
            self.lost = update.why
        elif isinstance(update, Online):
            if self.lost is not None:
                self.lost = None
                self.outdate()
        elif isinstance(update, Snapshot):
            self.lost = None
            self.feed.load(update)
            self.time.hear(update.now, update.server.clock)
            self.outdate()
        else:
            self._take_tick(update)

    def _take_tick(self, tick: Tick) -> None:
        before = self.feed.server
        self.feed.apply(tick)
        self.alarm.hear(tick.events)
        notice = self.feed.server.notice
        if notice.number > before.notice.number and notice.text != self._told:
            self._told = notice.text
            (self.replays.tell if notice.good else self._say)(notice.text)
        self.time.hear(tick.now, self.feed.server.clock)
        shown = self.message_id
        told = bool(tick.printed) and self._is_fresh(tick.now)
        moved = self.feed.server.app != before.app  # what is held tells what it waits for
        self._stale = self._stale or told or moved or any(row.id == shown for row in tick.rows)
        self.replays.take(tick.rows)
        self.tables.outdate(tick)

    def _is_fresh(self, now: int) -> bool:
        """Whether what the app prints now may be about the message that is shown."""
        return self.detail is not None and now - self.detail.row.updated_at < FRESH_MS

    def go_to_new(self, noun: str, name: str) -> None:
        """Put the cursor of a view of resources on one that was just made, as soon as it is there."""
        for view in self.views:
            if view.resource is not None and view.resource.noun == noun:
                is_it = partial(_is_called, view.resource.key, name)
                self.tables.of(view).wait_for(is_it)
        self.tables.forget()

    def outdate(self) -> None:
        """What was asked for may be different now."""
        self._stale = True
        self._whole_of = None
        self.tables.forget()

    # What to ask next

    def questions(self) -> list[Job]:
        """What the screen lacks, to be run side by side; one question of a kind at a time."""
        jobs: list[Job] = []
        if self.lost is not None:
            return jobs
        wanted = self.message_id
        if wanted is not None and not self._asking and (self._stale or self._detail_of != wanted):
            self._stale, self._asking, self._detail_of = False, True, wanted
            jobs.append(self._fetch_detail(wanted))
        if (item := self.item) is not None and self.view.whole is not None:
            place = self.view, self.view.key_of(item)
            if self._whole_of != place and not self._asking_whole:
                self._whole_of, self._asking_whole = place, True
                jobs.append(self._fetch_whole(self.view, item))
        waits = self._fetching or self.view in self._resting
        if self.tables.wants(self.view) and not waits:
            self._fetching = True
            self._resting.add(self.view)
            jobs += [self._fetch_view(self.view), self._rest(self.view)]
        is_near = self.view.is_live and self.feed.from_oldest < NEAR_OLDEST and not self.feed.follow
        if is_near and self.feed.cursor and not self._paging:
            self._paging = True
            jobs.append(self._fetch_older(self.feed.cursor))
        return jobs

    async def _fetch_detail(self, id: str) -> None:
        try:
            detail = await self.client.message(id, self.reveal)
            lacks = self._bodies.lacks(detail)
            self.detail = detail
            if lacks:
                self.version += 1  # what there is can be read meanwhile
                await self._bodies.fetch(self.client, detail)
                self._bodies.lacks(detail)
                self.detail = copy(detail)  # it is another one now, to be drawn again
        except Refused:
            self.detail = None  # It was deleted meanwhile; the row goes with the next tick.
        except ServerUnreachable:
            self._stale = True
        finally:
            self._asking = False
            self.version += 1

    async def _fetch_whole(self, view: View, item: Any) -> None:
        assert view.whole is not None, "only such views are asked"
        try:
            self._whole = view, view.key_of(item), await view.whole(self.client, item)
        except Refused:
            self._whole = None  # It is gone; so is its row, soon.
        except ServerUnreachable:
            self._whole_of = None
        finally:
            self._asking_whole = False
            self.version += 1

    async def _fetch_view(self, view: View) -> None:
        try:
            await self.tables.fetch(self.client, view)
            self._whole_of = None
        except ClientError as error:
            self._say(str(error))
        finally:
            self._fetching = False

    async def _rest(self, view: View) -> None:
        await self._sleep(REST_S)
        self._resting.discard(view)

    def arrange_all(self, arrangement: Arrangement) -> None:
        """Sort the rows of each view as it is arranged now."""
        for view in self.views:
            source: Listing[Any] = self.feed if view.is_live else self.tables.of(view)
            words = str(arrangement.sorting(view) or "")
            source.arrange(arrangement.key(view), words, arrangement.is_by_age(view))

    async def load_all(self, tell: Callable[[int, int], None]) -> None:
        """Ask for every message that matches; `tell` hears how many are here of how many."""
        while (cursor := self.feed.cursor) is not None:
            tell(len(self.feed), self.feed.total)
            page = await self.client.messages(self.filter or None, cursor, MORE_ROWS)
            if cursor == self.feed.cursor:
                self.feed.extend(page)

    async def _fetch_older(self, cursor: str) -> None:
        filter = self.filter
        try:
            page = await self.client.messages(filter or None, cursor, MORE_ROWS)
        except ClientError:
            return
        finally:
            self._paging = False
        if filter == self.filter and cursor == self.feed.cursor:
            self.feed.extend(page)


def _is_called(key: str, name: str, thing: dict[str, Any]) -> bool:
    return thing.get(key) == name
