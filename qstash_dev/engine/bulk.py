"""Bulk cancellation: in pieces, so that the loop stays free; in the background if asked for."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import BulkAction, Message, Query
from qstash_dev.store.store import Store

CHUNK = 100
"""So many messages are cancelled in one go."""
KEPT_MS = 7 * 86_400_000

IsMeant = Callable[[Message], bool]


def _everything(message: Message) -> bool:
    return True


class BulkCancels(Struct, eq=False):
    """Cancels what a query selects. Actions in the background have records that can be watched."""

    _store: Store
    _clock: Clock
    _new_id: Callable[[str], str]
    _cancel: Callable[[Iterable[Message]], int]
    _tasks: Tasks

    async def run(self, user: str, query: Query, is_meant: IsMeant = _everything) -> int:
        """Cancel what matches and was accepted before now; returns how many.

        The oldest first, `query.at_most` of them (the JavaScript suite: `count: 1` cancels one of two).
        """
        query = self._until_now(query)
        return await self._cancel_all(user, query, lambda cancelled: None, is_meant=is_meant)

    async def start(self, user: str, query: Query) -> BulkAction:
        """Begin in the background; the record tells how far it is."""
        query = self._until_now(query)
        total = 0
        for seqs in self._store.search.unfinished(user, query):
            total += len(seqs)
            await asyncio.sleep(0)
        action = BulkAction(
            user=user,
            id=self._new_id("bulk_"),
            query=query,
            total=total if query.at_most is None else min(total, query.at_most),
            created_at=self._clock.now(),
        )
        self._forget_old(user)
        self._put(action)
        self._spawn(action)
        return action

    def runs_cancelled(self, user: str, query: Query, count: int) -> BulkAction:
        """Workflow runs that were cancelled at once, since few are live: a record for who looks."""
        now = self._clock.now()
        action = BulkAction(user, self._new_id("bulk_"), query, count, now, count, now, True)
        self._forget_old(user)
        self._put(action)
        return action

    def resume(self) -> None:
        """Go on with what a former process began."""
        for _, _, action in self._store.bulk_actions.all():
            if action.completed_at is None:
                self._spawn(action)

    def forget(self) -> None:
        """Everything is forgotten, and so are the actions that are under way."""
        self._tasks.forget()

    def find(self, user: str, action_id: str, *, of_runs: bool = False) -> BulkAction:
        """A user's action. Raises QStashError(404)."""
        action = self._store.bulk_actions.get(user, action_id)
        if action is None or self._is_old(action) or action.of_runs != of_runs:
            raise QStashError(404, f"bulk action {action_id[:200]} not found")
        return action

    def recent(self, user: str, *, of_runs: bool = False) -> list[BulkAction]:
        """The actions of the last seven days, newest first."""
        found = self._store.bulk_actions.of(user)
        actions = [a for a in found if a.of_runs == of_runs and not self._is_old(a)]
        return sorted(actions, key=lambda action: (action.created_at, action.id), reverse=True)

    async def stop(self) -> None:
        """Leave the rest to `resume` of the next process."""
        await self._tasks.stop()

    def _until_now(self, query: Query) -> Query:
        """Without what comes later: else it would never end while an app goes on publishing."""
        return replace(query, cursor=self._store.messages.last_seq() + 1, latest_first=True)

    def _is_old(self, action: BulkAction) -> bool:
        return action.created_at < self._clock.now() - KEPT_MS

    def _forget_old(self, user: str) -> None:
        for action in self._store.bulk_actions.of(user):
            if self._is_old(action):
                self._store.bulk_actions.delete(user, action.id)

    def _spawn(self, action: BulkAction) -> None:
        self._tasks.keep(f"bulk action {action.id}", lambda: self._work(action.user, action.id))

    async def _work(self, user: str, action_id: str) -> None:
        """Go on from what is stored: a trial that failed was undone with what it had counted."""
        action = self._store.bulk_actions.get(user, action_id)
        if action is None:
            return
        before = action.processed

        def progress(cancelled: int) -> None:
            self._put(replace(action, processed=before + cancelled))

        cancelled = await self._cancel_all(action.user, action.query, progress, before)
        finished = self._clock.now()
        self._put(replace(action, processed=before + cancelled, completed_at=finished))
        await self._store.database.committed()

    async def _cancel_all(
        self,
        user: str,
        query: Query,
        progress: Callable[[int], None],
        before: int = 0,
        is_meant: IsMeant = _everything,
    ) -> int:
        """How many were cancelled now; `before`, others were for the same order."""
        cancelled = 0
        for window in self._store.search.unfinished(user, query):
            for start in range(0, len(window), CHUNK):
                left = None if query.at_most is None else query.at_most - before - cancelled
                if left is not None and left <= 0:
                    return cancelled
                seqs = window[start : start + CHUNK]
                messages = self._store.messages.load_many(seqs)
                found = (messages[seq] for seq in seqs if seq in messages)
                cancelled += self._cancel(islice(filter(is_meant, found), left))
                progress(cancelled)
                await self._store.database.committed()
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        return cancelled

    def _put(self, action: BulkAction) -> None:
        self._store.bulk_actions.put(action.user, action.id, action)
