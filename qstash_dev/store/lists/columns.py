"""What the rows of each table can be asked: for every key of a filter SQL with a place for the test.

A new key is a line here. Knows no filter; `condition` puts a filter and these together.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from qstash_dev.devtools import states
from qstash_dev.protocol.model import Kind
from qstash_dev.protocol.workflow.model import RunState
from qstash_dev.store.bodies import BODY

STATE = """
    CASE WHEN m.finished_at IS NULL AND m.held IS NOT NULL AND m.kind <> 'cloud' THEN 'held'
         WHEN m.state <> 'CREATED' THEN lower(m.state)
         WHEN m.due_at > :now THEN 'delayed'
         WHEN m.claimed THEN 'queued'
         ELSE 'created' END"""
"""Where a message is, in the words of the filter language."""
_COMING = "SELECT 1 FROM messages INDEXED BY messages_intake WHERE intake IS NOT NULL"
ACCEPTED = f"(NOT EXISTS ({_COMING}) OR m.intake IS NULL)"
"""What came in by halves is no message yet. Mostly there is none, which is asked once: the column is
the last one of long rows.
"""
IS_TROUBLE = "state <> 'CREATED' AND state <> 'ACTIVE' AND state <> 'DELIVERED'"


class Columns(Struct, frozen=True):
    """A table, the letter it has in SQL, and what its rows can be asked: `tests` have a place for
    `= :value` and the like, `words` are whole. `message` is the number of a row's message.
    """

    table: str
    letter: str
    message: str
    tests: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    always: tuple[str, ...] = ()


def stored_states(names: Iterable[str]) -> list[str]:
    """The stored states of messages that are where these words say (but not held)."""
    return sorted({"CREATED" if name in ("delayed", "queued") else name.upper() for name in names})


def _in_state(name: str) -> str:
    if name == "held":
        return _HELD
    # The column is compared first: few rows need the long expression.
    return f"(m.state = '{stored_states([name])[0]}' AND {STATE} = '{name}')"


_HELD = "(m.held IS NOT NULL AND m.finished_at IS NULL AND m.kind <> 'cloud')"
# What is redacted is found as it is shown: a search must not tell what is hidden.
_BODY = f"CAST(iif(c.redacted, shown_body(c.spec, {BODY}), {BODY}) AS TEXT)"
_OF_MESSAGES = {
    "dest": "m.url {}",
    "queue": "m.queue {}",
    "schedule": "m.schedule_id {}",
    "group": "m.topic {}",
    "flow": "m.flow_key {}",
    "step": "m.step {}",
    "label": "EXISTS (SELECT 1 FROM labels l WHERE l.message = m.seq AND l.label {})",
    "id": "m.id {}",
    "run": "m.run IN (SELECT r.seq FROM runs r WHERE r.id {})",
    "word": f"m.id {{0}} OR m.url {{0}} OR {_BODY} {{0}}",
    "body": f"{_BODY} {{}}",
    "code": "m.last_status {}",
    "try": "m.attempts {}",
    "age": "(:now - m.created_at) {}",
    "host": "m.host {}",
    "path": "m.path {}",
    "caller_ip": "m.caller_ip {}",
    # No message was made for an API of QStash's own.
    "api": "NULL {}",
}
_WORDS = {
    "state": {name: _in_state(name) for name in states.STATES},
    "source": {kind.value: f"m.kind = '{kind.value}'" for kind in Kind}
    | {"workflow": "m.run IS NOT NULL"},
    "code": {"none": "m.last_status IS NULL AND m.last_error IS NOT NULL"},
    "is": {
        "held": _HELD,
        "replay": "m.kind = 'replay'",
        "external": "is_external(m.url)",
        # Marks live in the terminal UI, which knows them by itself.
        "marked": "0",
    },
}


def _own(letter: str, time: str, **more: str) -> dict[str, str]:
    own = {
        "user": f"{letter}.user {{}}",
        "number": f"{letter}.seq {{}}",
        "time": f"{letter}.{time} {{}}",
    }
    return own | more


MESSAGES = Columns(
    "messages", "m", "m.seq", _OF_MESSAGES | _own("m", "created_at"), _WORDS, (ACCEPTED,)
)
SUMMARY = Columns(
    "messages",
    "m",
    "m.seq",
    {key: _OF_MESSAGES[key] for key in ("code", "try", "age")},
    {"source": _WORDS["source"], "is": {"replay": _WORDS["is"]["replay"]}},
)
"""What two indexes know of each message: a part of `MESSAGES`."""
EVENTS = Columns(
    "events", "e", "e.message", _OF_MESSAGES | _own("e", "time", event="e.state {}"), _WORDS
)
LETTERS = Columns(
    "dlq", "d", "d.message", _OF_MESSAGES | _own("d", "time", dlq_id="d.id {}"), _WORDS
)

_STEP_STATES = {
    "STEP_SUCCESS": "m.state = 'DELIVERED'",
    "STEP_FAILED": "m.state = 'FAILED'",
    "STEP_CANCELED": "m.state = 'CANCELED'",
    "STEP_RETRY": "m.state = 'RETRY'",
    "STEP_PROGRESS": "m.state IN ('CREATED', 'ACTIVE')",
}
_STEP = (
    "EXISTS (SELECT 1 FROM messages m WHERE m.run = r.seq AND m.call_type <> 'failureCall' AND {})"
)
_OF_RUNS = {
    "id": "r.id {}",
    "dest": "r.url {}",
    # In the order of time: by the index of URLs or of users all runs would be sorted.
    "begin": "+r.url {}",
    "user": "+r.user {}",
    "created_at": "r.created_at {}",
    "run": "(r.id, r.created_at) {}",
    "flow": "r.flow_key {}",
    "caller_ip": "r.caller_ip {}",
    "dlq_id": "r.dlq_id {}",
    "failure_state": "r.failure_state {}",
    "label": "EXISTS (SELECT 1 FROM run_labels l WHERE l.run = r.seq AND l.label {})",
    "message_id": "r.seq IN (SELECT run FROM messages WHERE id {})",
    "code": "EXISTS (SELECT 1 FROM dlq d JOIN messages m ON m.seq = d.message "
    "WHERE d.id = r.dlq_id AND m.last_status {})",
    "time": "r.created_at {}",
}
_WORDS_OF_RUNS = {
    # A run has its own state, and those of its steps.
    "state": {state.value: f"r.state = '{state.value}'" for state in RunState}
    | {state: _STEP.format(test) for state, test in _STEP_STATES.items()},
    "is": {
        "live": "r.state = 'RUN_STARTED'",
        "dead": "r.dlq_id IN (SELECT id FROM dlq)",
    },
}
RUNS = Columns("runs", "r", "", _OF_RUNS | {"number": "r.seq {}"}, _WORDS_OF_RUNS)
_OF_LINES = {
    "number": "e.seq {}",
    "event": "e.state {}",
    "message_id": f"{_OF_RUNS['message_id'].replace('{}', '{0}')} AND m.id {{0}}",
}
LINES = Columns("run_events", "e", "", _OF_RUNS | _OF_LINES, _WORDS_OF_RUNS)
"""What happened in runs, asked about the runs."""
