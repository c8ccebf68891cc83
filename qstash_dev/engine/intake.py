"""What is published becomes messages. Many together come in pieces, and yet all of them or none.

Between the pieces others are served; what came in by halves (an error, a crash) is removed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.devtools.lints import lints
from qstash_dev.engine.attempts import NewId
from qstash_dev.engine.clock import Clock
from qstash_dev.engine.duplicates import Duplicates
from qstash_dev.engine.policy import Policy
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol import creation, deduplication
from qstash_dev.protocol.model import Group, Message, Spec
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.store.store import Store


class Accepted(Struct, frozen=True):
    """What a publish made of one destination: a new message, or the id of its original."""

    message_id: str
    url: str
    deduplicated: bool = False


class Create(Protocol):
    """Writes new messages, within the change that is being written."""

    def __call__(
        self, messages: list[Message], now: int, intake: int | None, *, is_part: bool
    ) -> None:
        """`is_part`: that change is larger than this publish."""


class Intake:
    """Makes messages of what is published, and hands them to `create`; `remove` forgets messages of
    which nobody was told, with what they hold.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: NewId,
        policy: Callable[[], Policy],
        duplicates: Duplicates,
        create: Create,
        remove: Callable[[Iterable[Message]], None],
        wake: Callable[[], None],
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._policy = policy
        self._duplicates = duplicates
        self._create = create
        self._remove = remove
        self._wake = wake
        self._tasks = tasks
        self._open: set[int] = set()
        self._decided = asyncio.Event()

    def accept(
        self,
        user: str,
        draft: Draft,
        body: bytes,
        group: Group | None = None,
        intake: int | None = None,
    ) -> list[Accepted]:
        """Make the messages of a publish: one, or one for each endpoint of a group.

        With the mark of an `intake` they count when all of it is there.
        """
        now, policy = self._clock.now(), self._policy()
        due_at = creation.due_at(draft, policy.limits, now)
        accepted: list[Accepted] = []
        fresh: list[Message] = []
        is_part = self._store.database.is_changing
        specs = self.check(draft, group)  # before the change begins: it may be a part of a batch
        with self._store.database:
            for spec in specs:
                keys = deduplication.of_message(draft, spec, body)
                original = self._duplicates.original(user, keys)
                if original is not None:
                    accepted.append(Accepted(original, spec.url, deduplicated=True))
                    continue
                if policy.plan is not None:
                    found = lints(
                        *(spec, body, policy.plan), delay_ms=due_at - now, nearby=policy.nearby
                    )
                    if found := (*found, *self._duplicates.lint(user, keys)):
                        spec = replace(spec, notices=(*spec.notices, *found))
                message = creation.new_message(spec, user, body, now, due_at, self._new_id("msg_"))
                fresh.append(message)
                accepted.append(Accepted(message.id, spec.url))
                self._duplicates.remember(user, keys, message.id)
            self._create(fresh, now, intake, is_part=is_part)
        return accepted

    def check(self, draft: Draft, group: Group | None) -> tuple[Spec, ...]:
        """What a publish would make. Raises QStashError for what is never accepted."""
        specs, policy = creation.expand_group(draft.spec, group), self._policy()
        for spec in specs:
            policy.check(spec)
        return specs

    @contextlib.asynccontextmanager
    async def open(self, at_the_end: Callable[[], object] = lambda: None) -> AsyncIterator[int]:
        """Inside, accept messages with this mark; they count when the block has ended well.

        What `at_the_end` writes counts with them. Raises StoreError and what that raises; then none of
        it counts.
        """
        number = self._store.messages.new_number()
        self._open.add(number)
        self._decided.clear()
        try:
            yield number
            with self._store.database:
                self._store.intakes.let_in(number)
                at_the_end()
            await self._store.database.committed()
        except BaseException:
            self._tasks.keep("removing half of a batch", lambda: self._take_back(number))
            raise
        self._close(number)
        self._wake()

    async def decided(self) -> None:
        """Wait until nothing is there by halves: it may have originals, and yet be removed. Whoever was
        told meanwhile that theirs is a duplicate would have nothing.
        """
        while self._open:
            await self._decided.wait()

    def forget_leftovers(self) -> None:
        """After a start: what came in by halves never counted."""
        for number in set(self._store.intakes.numbers()) - self._open:
            while self._remove_some(number):
                pass

    async def _take_back(self, number: int) -> None:
        while self._remove_some(number):
            await self._store.database.committed()
            await asyncio.sleep(0)
        self._close(number)

    def _close(self, number: int) -> None:
        self._open.discard(number)
        if not self._open:
            self._decided.set()

    def _remove_some(self, number: int) -> bool:
        seqs = self._store.intakes.some(number)
        self._remove(self._store.messages.load_many(seqs).values())
        return bool(seqs)
