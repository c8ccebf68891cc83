"""Messages, attempts, log events and dead letters in SQLite: `apply` writes, the rest reads.

Decides nothing. A `Change` is written whole; its events get their sequence numbers here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from qstash_dev.protocol.delivery import host_and_path
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import (
    Attempt,
    Change,
    DeadLetter,
    Event,
    FlowControl,
    Message,
    Spec,
    State,
)
from qstash_dev.protocol.redact import redact_headers
from qstash_dev.protocol.workflow.model import RunChange
from qstash_dev.store.attempts import Attempts, in_lists
from qstash_dev.store.bodies import BODY, Bodies
from qstash_dev.store.database import Database
from qstash_dev.store.due import Due, Ticket
from qstash_dev.store.lists.candidates import as_json
from qstash_dev.store.sequence import Sequence
from qstash_dev.store.workflows import Workflows

_encode = msgspec.msgpack.encode
_decode_spec = msgspec.msgpack.Decoder(Spec).decode

_COLUMNS = (
    "m.seq, m.id, m.user, m.state, m.due_at, m.created_at, m.not_before, m.finished_at, m.retried, "
    f"m.attempts, m.cancel_requested, m.held, m.line, m.line_queue, c.spec, {BODY}"
)
_SELECT = f"SELECT {_COLUMNS} FROM messages m JOIN contents c ON c.message = m.seq"
_PLAIN = """seq, id, user, state, due_at, created_at, not_before, updated_at, retried, attempts, kind,
    method, url, host, path, caller_ip, max_retries, body_size, content_type, claimed"""
_SPECIAL = """, parent_id, line, line_queue, queue, topic, endpoint, schedule_id, flow_key,
    finished_at, held, lints, run, call_type, step, intake"""
_NOT_SPECIAL = (None,) * 15
# `OR FAIL`: one row is nothing to undo. Else SQLite keeps each page as it was, as triggers count it.
_INSERT_PLAIN = f"INSERT OR FAIL INTO messages ({_PLAIN}) VALUES ({','.join('?' * 20)})"
_INSERT = f"INSERT OR FAIL INTO messages ({_PLAIN}{_SPECIAL}) VALUES ({','.join('?' * 35)})"
# While an attempt runs nothing else of a message changes: indexes of what is not named stay untouched.
_ACTIVATE = """
    UPDATE OR FAIL messages SET state = 'ACTIVE', claimed = 1, updated_at = ?, attempts = ?,
        cancel_requested = ? WHERE seq = ?"""
_CHANGED = """
    UPDATE OR FAIL messages SET state = ?, claimed = 0, updated_at = ?, attempts = ?,
        cancel_requested = ?, due_at = ?, finished_at = ?, retried = ?, held = ?"""
_UPDATE = f"{_CHANGED} WHERE seq = ?"
_SETTLE = f"{_CHANGED}, last_status = ?, last_error = ?, last_ms = ?, hint = ? WHERE seq = ?"
_PLACES = """
    SELECT user, queue, id FROM messages
    WHERE queue IS NOT NULL AND finished_at IS NULL AND (attempts > 0 OR held IS NOT NULL)
    UNION ALL
    SELECT user, line_queue, line FROM messages
    WHERE line IS NOT NULL AND line_queue IS NOT NULL AND finished_at IS NULL"""
_EVENT = """INSERT INTO events (seq, time, user, message, state, error, next_at, attempt, status)
    VALUES (?,?,?,?,?,?,?,?,?)"""
_NOT_TOLD = (None,) * 4
_PLAIN_EVENT = "INSERT INTO events (seq, time, user, message, state) VALUES (?,?,?,?,?)"
_SURPLUS = """
    SELECT seq FROM (
        SELECT seq FROM messages WHERE finished_at < ? AND run IS NULL
            ORDER BY finished_at LIMIT ?)
    UNION
    SELECT seq FROM (
        SELECT seq FROM messages WHERE finished_at IS NOT NULL AND run IS NULL
            AND seq NOT IN (SELECT message FROM dlq) ORDER BY finished_at LIMIT ?)"""
# By their numbers: SQLite takes the index of all that is finished for the shorter way.
FORGET = """
    DELETE FROM messages NOT INDEXED WHERE seq IN (SELECT value FROM json_each(?))
        AND finished_at IS NOT NULL AND run IS NULL RETURNING id"""

# What was just accepted or is due next is tried soon: so many are not read again, if they are small.
FRESH = 500
FRESH_BODY = 65_536


class Messages:
    """The tables of messages and of what happened to them."""

    def __init__(
        self,
        database: Database,
        numbers: Sequence,
        event_numbers: Sequence,
        workflows: Workflows,
        bodies: Bodies,
        due: Due,
    ) -> None:
        self._db = database
        self._due = due
        self._workflows = workflows
        self._numbers = numbers
        self._event_numbers = event_numbers
        self._attempts = Attempts(database)
        self._bodies = bodies
        self._fresh: dict[int, Message] = database.cache()

    def apply(self, change: Change, intake: int | None = None) -> tuple[Message, ...]:
        """Write a change in one piece; with `intake` what it creates is not due before `let_in`.

        Returns what it created, numbered.
        """
        now, seqs = change.at, {message.id: message.seq for message in change.changed}
        created: list[Message] = []
        with self._db:
            if isinstance(change, RunChange):
                self._workflows.put_runs(change)
            for message in change.created:
                message = self._insert(message, now, intake)
                seqs[message.id] = message.seq
                created.append(message)
            if change.changed:
                self._change(change)
            for attempt in change.attempts:
                self._attempts.add(attempt, seqs[attempt.message_id])
            for letter in change.dead:
                self._bury(letter, seqs[letter.message_id])
            if change.is_untold:
                self._event_numbers.keep()
            for dlq_id in change.revived:
                self._db.write("DELETE FROM dlq WHERE id = ?", (dlq_id,))
            if intake is None and change.events:  # else it is told by `let_in`
                self._log(change.events, seqs)
            if isinstance(change, RunChange):
                self._workflows.put_rest(change)
        return tuple(created)

    def get(self, user: str | None, message_id: str) -> Message | None:
        """A message with its contents, if it is that user's; `None` is any user."""
        row = self._db.read_one(f"{_SELECT} WHERE m.id = ?", (message_id,))
        return _message(row) if row and user in (None, row[2]) else None

    def new_number(self) -> int:
        """A number that no message has or ever had."""
        return self._numbers.next()

    def last_seq(self) -> int:
        """The number of the newest message that was ever written, 0 before the first."""
        return self._numbers.last

    def load(self, seq: int) -> Message:
        """The message with this sequence number. Raises KeyError if it is not there."""
        return self._load([seq])[0]

    def load_all(self, tickets: Iterable[Ticket]) -> list[Message]:
        """Those of the tickets, in their order. Raises KeyError for one that is not there."""
        return self._load([ticket.seq for ticket in tickets])

    def _load(self, seqs: list[int]) -> list[Message]:
        fresh = {seq: self._fresh[seq] for seq in seqs if seq in self._fresh}
        missing = [seq for seq in seqs if seq not in fresh]
        found = fresh | self.load_many(missing) if missing else fresh
        return [found[seq] for seq in seqs]

    def load_many(self, seqs: Iterable[int]) -> dict[int, Message]:
        """Messages by sequence number; those that are gone are left out."""
        numbers = as_json(sorted(set(seqs)))
        rows = self._db.read(
            f"{_SELECT} WHERE m.seq IN (SELECT value FROM json_each(?)) ORDER BY m.seq", (numbers,)
        )
        return {row[0]: _message(row) for row in rows}

    def read_ahead(self) -> None:
        """Have at hand what is due next, so that it leaves at its time."""
        numbers = self._due.next_ones(FRESH, FRESH_BODY).difference(self._fresh)
        for message in self.load_many(numbers).values():
            self._keep_fresh(message)

    def are_open(self) -> bool:
        """Whether any message is not finished."""
        row = self._db.read_one(
            "SELECT 1 FROM messages INDEXED BY messages_state "
            "WHERE state <> 'DELIVERED' AND finished_at IS NULL LIMIT 1"
        )
        return row is not None

    def arm(self, seq: int, armed: bool) -> None:
        """Mark a message as one that is delivered again when the app's source changes."""
        with self._db:
            self._db.write("UPDATE messages SET armed = ? WHERE seq = ?", (armed, seq))

    def armed(self) -> list[tuple[str, int]]:
        """Ids and sequence numbers of all armed messages, the oldest first."""
        return self._db.read("SELECT id, seq FROM messages WHERE armed ORDER BY seq")

    def latest_copy(self, message_id: str) -> Message | None:
        """The newest replay of a message or retry out of the DLQ, if there is one."""
        return self._newest_child(message_id, "m.kind IN ('replay', 'dlq-retry')")

    def resumed(self, message_id: str) -> Message | None:
        """The message that delivers a failed step again, in the run that goes on."""
        return self._newest_child(message_id, "m.run IS NOT NULL AND m.kind <> 'replay'")

    def _newest_child(self, message_id: str, condition: str) -> Message | None:
        rest = f"WHERE m.parent_id = ? AND {condition} ORDER BY m.seq DESC LIMIT 1"
        found = self._select(rest, message_id)
        return found[0] if found else None

    def waiting_of_run(self, run: int) -> list[Message]:
        """Messages of a run that are neither finished nor under way."""
        return self._select(
            "WHERE m.run = ? AND m.finished_at IS NULL AND m.state <> 'ACTIVE' ORDER BY m.seq", run
        )

    def entries_of_run(self, run: int, first: int) -> list[Message]:
        """The messages that a run's entries are, in their order; those of a resumed run may be another
        run's.
        """
        return self._select(
            "JOIN run_entries e ON e.message = m.seq WHERE e.run = ? AND e.idx >= ? ORDER BY e.idx",
            run,
            first,
        )

    def left_of_ended_runs(self) -> list[Message]:
        """Unfinished messages of runs that are over, but for the calls of failure functions."""
        return self._select(
            "JOIN runs r ON r.seq = m.run WHERE m.run IS NOT NULL "
            "AND m.finished_at IS NULL AND r.state <> 'RUN_STARTED' "
            "AND m.call_type <> 'failureCall' AND m.kind <> 'replay'"
        )

    def active(self) -> list[Message]:
        """Messages that are under way."""
        return self._select("WHERE m.state = 'ACTIVE'")

    def to_cancel(self) -> list[Message]:
        """Messages whose cancellation was requested and that are not finished."""
        return self._select("WHERE m.cancel_requested AND m.finished_at IS NULL")

    def _select(self, rest: str, *values: object) -> list[Message]:
        return [_message(row) for row in self._db.read(f"{_SELECT} {rest}", values)]

    def lag(self, user: str, queue: str) -> int:
        """How many messages of a queue are not finished."""
        row = self._db.read_one(
            "SELECT count(*) FROM messages INDEXED BY messages_lag "
            "WHERE queue = ? AND user = ? AND finished_at IS NULL AND intake IS NULL",
            (queue, user),
        )
        return int(row[0])

    def waiting_in_queue(
        self, user: str, queue: str, after: int, last: int, limit: int
    ) -> list[int]:
        """The first messages of a queue, of those from `after` to `last`, that are neither finished
        nor under way.
        """
        rows = self._db.read(
            "SELECT seq FROM messages INDEXED BY messages_lag WHERE queue = ? AND user = ? "
            "AND finished_at IS NULL AND intake IS NULL AND state <> 'ACTIVE' AND seq > ? AND seq <= ? "
            "ORDER BY seq LIMIT ?",
            (queue, user, after, last, limit),
        )
        return [seq for (seq,) in rows]

    def fired(self, user: str, schedule_id: str, created_at: int) -> list[tuple[str, State]]:
        """Id and state of the messages that a schedule made at a time."""
        rows = self._db.read(
            "SELECT id, state FROM messages WHERE schedule_id = ? AND user = ? AND created_at = ?",
            (schedule_id, user, created_at),
        )
        return [(id_, State(state)) for id_, state in rows]

    def places_in_queues(self) -> list[tuple[str, str, str]]:
        """User, queue and message of all that keeps a place: messages begun and open callbacks."""
        return self._db.read(_PLACES)

    def open_flows(self) -> list[tuple[str, FlowControl]]:
        """User and limits of each unfinished message with flow control."""
        rows = self._db.read(
            "SELECT m.user, c.spec FROM messages m JOIN contents c ON c.message = m.seq "
            "WHERE m.flow_key IS NOT NULL AND m.finished_at IS NULL"
        )
        specs = ((user, _decode_spec(spec)) for user, spec in rows)
        return [(user, spec.flow) for user, spec in specs if spec.flow is not None]

    def surplus(self, now: int, max_messages: int, max_age_ms: int, limit: int = 50) -> list[int]:
        """Up to `limit` finished messages that are too old, or too many, the oldest first.

        Among too many, those with a dead letter stay: they wait for their developer.
        """
        count = self._db.read_one(
            "SELECT count(*) FROM messages WHERE finished_at IS NOT NULL AND run IS NULL"
        )[0]
        excess = max(0, min(limit, count - max_messages))
        return [seq for (seq,) in self._db.read(_SURPLUS, (now - max_age_ms, limit, excess))]

    def delete(self, seqs: Iterable[int]) -> list[str]:
        """Remove finished messages with all that belongs to them; returns their ids.

        Those of workflow runs stay: they go with their run.
        """
        with self._db:
            self._numbers.keep()
            self._event_numbers.keep()
            return [id_ for (id_,) in self._db.write(FORGET, (as_json(list(seqs)),)).fetchall()]

    def _insert(self, message: Message, now: int, intake: int | None) -> Message:
        spec, seq = message.spec, self._numbers.next()
        # Python's sqlite3 takes three times as long for what is no plain number or text.
        claimed = int(message.state == State.ACTIVE or intake is not None)
        if not claimed:
            self._due.expect()
        host, path = host_and_path(spec.url)
        shown = redact_headers(spec.headers, spec.redact) if spec.redact else spec.headers
        plain = (
            seq, message.id, message.user, str(message.state), message.due_at,
            message.created_at, message.not_before, now, message.retried, message.attempts,
            str(spec.kind), spec.method, spec.url, host, path, spec.caller_ip, spec.max_retries,
            len(message.body), first(shown, "content-type"), claimed,
        )  # fmt: skip
        special = (
            spec.parent_id, message.line, message.line_queue, spec.queue, spec.topic, spec.endpoint,
            spec.schedule_id, spec.flow.key if spec.flow else None, message.finished_at,
            message.held, "\n".join(spec.notices) or None, *self._workflows.columns(message),
            intake,
        )  # fmt: skip
        if special == _NOT_SPECIAL:
            self._db.write(_INSERT_PLAIN, plain)
        else:
            self._db.write(_INSERT, plain + special)
        shared = self._bodies.share(message.body) if spec.topic is not None else None
        body = message.body if shared is None else b""
        contents = (seq, _encode(spec), body, int(bool(spec.redact)), shared)
        self._db.write("INSERT INTO contents VALUES (?,?,?,?,?)", contents)
        for label in spec.labels:
            self._db.write("INSERT OR IGNORE INTO labels VALUES (?,?)", (label, seq))
        if spec.place is not None:
            self._workflows.add_entry(message, seq)
        message = msgspec.structs.replace(message, seq=seq)
        if message.due_at <= now and message.state != State.ACTIVE and message.held is None:
            self._keep_fresh(message)
        return message

    def _keep_fresh(self, message: Message) -> None:
        if len(message.body) <= FRESH_BODY:
            if len(self._fresh) >= FRESH:
                del self._fresh[next(iter(self._fresh))]
            self._fresh[message.seq] = message

    def _change(self, change: Change) -> None:
        tried, begun = {attempt.message_id: attempt for attempt in change.attempts}, []
        for message in change.changed:
            self._fresh.pop(message.seq, None)
            if message.state == State.ACTIVE:
                counted = message.attempts, int(message.cancel_requested)
                begun.append((change.at, *counted, message.seq))
            else:
                self._update(message, change.at, tried.get(message.id))
        if begun:
            self._db.write_many(_ACTIVATE, begun)

    def _update(self, message: Message, now: int, attempt: Attempt | None) -> None:
        if message.finished_at is None:
            self._due.expect()
        values = (
            str(message.state), now, message.attempts, int(message.cancel_requested),
            message.due_at, message.finished_at, message.retried, message.held,
        )  # fmt: skip
        if attempt is None:
            self._db.write(_UPDATE, (*values, message.seq))
        else:
            self._db.write(_SETTLE, (*values, *in_lists(attempt), message.seq))

    def _bury(self, letter: DeadLetter, seq: int) -> None:
        self._db.write(
            "INSERT INTO dlq (id, user, message, time) VALUES (?,?,?,?)",
            (letter.id, letter.user, seq, letter.time),
        )

    def _log(self, events: tuple[Event, ...], seqs: dict[str, int]) -> None:
        number = self._event_numbers.skip(len(events))
        plain: list[tuple[Any, ...]] = []
        for event in events:
            number += 1
            row = number, event.time, event.user, seqs[event.message_id], str(event.state)
            more = event.error, event.next_at, event.attempt, event.status
            if more == _NOT_TOLD:
                plain.append(row)
            else:
                self._db.write(_EVENT, row + more)
        if plain:
            self._db.write_many(_PLAIN_EVENT, plain)


def _message(row: Any) -> Message:
    (seq, id_, user, state, due_at, created_at, not_before, finished_at, retried, attempts,
     cancel_requested, held, line, line_queue, spec, body) = row  # fmt: skip
    return Message(
        id=id_,
        user=user,
        spec=_decode_spec(spec),
        body=body,
        created_at=created_at,
        not_before=not_before,
        state=State(state),
        due_at=due_at,
        retried=retried,
        seq=seq,
        attempts=attempts,
        held=held,
        cancel_requested=bool(cancel_requested),
        finished_at=finished_at,
        line=line,
        line_queue=line_queue,
    )
