"""Schedules: created, paused, fired. A firing makes messages and moves the next time in one change."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.duplicates import Duplicates
from qstash_dev.engine.policy import Policy
from qstash_dev.protocol import creation, deduplication
from qstash_dev.protocol.cron import next_after, parse_cron
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Change, Group, Kind, Message, Schedule, State
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store

log = logging.getLogger(__name__)
MISSED_MS = 60_000
"""A firing that is later than this is skipped, not made up for."""
BATCH = 100
_OUTCOMES = {State.DELIVERED: "SUCCESS", State.FAILED: "FAIL", State.CANCELED: "FAIL"}


class Planned(Struct, frozen=True):
    """What was made of the request for a schedule: a new one, or the id of its original."""

    schedule_id: str
    deduplicated: bool = False


class Scheduler(Struct, eq=False):
    """The schedules of all users. `policy` tells the present one, `add` writes the messages of a
    firing, `wake` asks for a step.
    """

    _store: Store
    _clock: Clock
    _new_id: Callable[[str], str]
    _policy: Callable[[], Policy]
    _add: Callable[[Change], None]
    _wake: Callable[[], None]
    _duplicates: Duplicates

    def create(self, user: str, draft: Draft, destination: str, body: bytes) -> Planned:
        """Create a schedule, or replace the one with the same id but for its pause.

        A duplicate changes nothing, even if the original was deleted since (reported by users of the
        cloud). Raises QStashError(400) for a bad cron expression or a URL that leads to this server.
        """
        self._policy().check(draft.spec)
        now = self._clock.now()
        try:
            cron = parse_cron(draft.cron or "")
        except ValueError as error:
            raise QStashError(400, f"invalid cron: {error}") from error
        keys = deduplication.of_schedule(draft, destination, body)
        original = self._duplicates.original(user, keys)
        if original is not None:
            return Planned(original, deduplicated=True)
        schedule_id = draft.schedule_id or self._new_id("scd_")
        former = self._store.schedules.get(user, schedule_id)
        schedule = Schedule(
            user=user,
            id=schedule_id,
            cron=cron.text,
            destination=destination,
            spec=replace(draft.spec, kind=Kind.SCHEDULE, schedule_id=schedule_id),
            body=body,
            created_at=former.created_at if former else now,
            next_at=next_after(cron, now),
            delay_ms=draft.delay_ms,
            paused=former.paused if former else False,
            last_at=former.last_at if former else None,
            asked=draft.asked,
        )
        with self._store.database:
            self._put(schedule)
            self._duplicates.remember(user, keys, schedule_id)
        self._wake()
        return Planned(schedule_id)

    def find(self, user: str, schedule_id: str) -> Schedule:
        """A user's schedule. Raises QStashError(404)."""
        return there(self._store.schedules.get(user, schedule_id), "schedule", schedule_id)

    def pause(self, schedule: Schedule, paused: bool) -> None:
        """Skip firings, or fire again from the next time on."""
        self._put(replace(schedule, paused=paused))

    def delete(self, schedule: Schedule) -> None:
        """No more firings; messages that were made stay."""
        self._store.schedules.delete(schedule.user, schedule.id)

    def put(self, schedule: Schedule) -> None:
        """Have a schedule as it is here."""
        self._put(schedule)
        self._wake()

    def run(self, schedule: Schedule) -> list[str]:
        """Fire now, beside the plan; returns the ids of the messages."""
        now = self._clock.now()
        messages = self._messages(schedule, now)
        with self._store.database:
            self._put(replace(schedule, last_at=now, error=None))
            self._add(creation.created(messages, now))
        return [message.id for message in messages]

    def step(self, now: int) -> bool:
        """Fire what is due; whether there is more."""
        due = self._store.schedules.due(now, BATCH)
        for schedule in due:
            try:
                with self._store.database:
                    self._fire(schedule, now)
            except StoreError:
                raise
            except Exception as error:
                log.exception("schedule %s could not fire by a fault of qstash-dev", schedule.id)
                self._skip(schedule, now, f"a fault of qstash-dev, see its log: {error!r}")
        return len(due) == BATCH

    def follow_time_back(self) -> None:
        """Where the clock shows an earlier time than it did, the next firing is the first after now.

        Else a schedule would be silent until the time comes again that the clock has shown.
        """
        now = self._clock.now()
        with self._store.database:
            for _, _, schedule in self._store.schedules.all():
                if schedule.next_at is None or schedule.next_at <= now:
                    continue
                soonest = self._next_after(schedule, now)
                if soonest is not None and soonest < schedule.next_at:
                    self._put(replace(schedule, next_at=soonest))

    def next_time(self) -> int | None:
        """When the next schedule is due."""
        return self._store.schedules.next_time()

    def as_of_now(self, schedule: Schedule) -> Schedule:
        """The schedule as it would fire now, with the defaults of its group if it can be known."""
        try:
            return self._with_defaults(schedule, self._group(schedule))
        except QStashError:
            return schedule

    def states(self, schedule: Schedule) -> dict[str, str]:
        """How the messages of the last firing fare."""
        if schedule.last_at is None:
            return {}
        found = self._store.messages.fired(schedule.user, schedule.id, schedule.last_at)
        return {id_: _OUTCOMES.get(state, "IN_PROGRESS") for id_, state in found}

    def _fire(self, schedule: Schedule, now: int) -> None:
        at = schedule.next_at
        assert at is not None
        cron = parse_cron(schedule.cron)
        if schedule.paused:
            self._put(replace(schedule, next_at=next_after(cron, now)))
        elif now - at > MISSED_MS:
            since = datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "seconds")
            log.warning("schedule %s: what was missed since %s is skipped", schedule.id, since)
            self._put(replace(schedule, next_at=next_after(cron, now - MISSED_MS - 1)))
        else:
            self._fire_at(replace(schedule, next_at=next_after(cron, at)), at, now)

    def _skip(self, schedule: Schedule, now: int, error: str) -> None:
        """The others go on; this one with its next time, if that can be told."""
        self._put(replace(schedule, next_at=self._next_after(schedule, now), error=error))

    def _next_after(self, schedule: Schedule, now: int) -> int | None:
        try:
            return next_after(parse_cron(schedule.cron), now)
        except ValueError:
            return None

    def _fire_at(self, schedule: Schedule, at: int, now: int) -> None:
        try:
            messages = self._messages(schedule, at)
        except QStashError as error:
            log.warning("schedule %s could not fire: %s", schedule.id, error.message)
            self._put(replace(schedule, last_at=at, error=error.message))
            return
        self._put(replace(schedule, last_at=at, error=None))
        self._add(creation.created(messages, now))

    def _messages(self, schedule: Schedule, at: int) -> list[Message]:
        group = self._group(schedule)
        schedule = self._with_defaults(schedule, group)
        specs = creation.expand_group(schedule.spec, group)
        for spec in specs:
            self._policy().check(spec)
        return [
            creation.new_message(
                spec, schedule.user, schedule.body, at, at + schedule.delay_ms, self._new_id("msg_")
            )
            for spec in specs
        ]

    def _group(self, schedule: Schedule) -> Group | None:
        if schedule.spec.url:
            return None
        name = schedule.destination
        return there(self._store.groups.get(schedule.user, name), "topic", name)

    def _with_defaults(self, schedule: Schedule, group: Group | None) -> Schedule:
        """A firing is a publish to its group: what was not asked for is as the group says now. Only
        whether it goes to a queue was decided when it was created.
        """
        if group is None or not schedule.asked:
            return schedule
        draft = parse_draft(
            "",
            schedule.asked,
            self._policy().limits,
            defaults=group.headers,
            caller_ip=schedule.spec.caller_ip,
            authorized_by_header=False,
        )
        spec = replace(
            draft.spec, kind=Kind.SCHEDULE, schedule_id=schedule.id, queue=schedule.spec.queue
        )
        return replace(schedule, spec=spec, delay_ms=draft.delay_ms)

    def _put(self, schedule: Schedule) -> None:
        self._store.schedules.put(schedule.user, schedule.id, schedule)
