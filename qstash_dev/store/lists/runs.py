"""Lists of workflow runs, by the filters of QStash's API and the newest first."""

from typing import Any

from qstash_dev.protocol.workflow.model import Run
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.store.database import Database
from qstash_dev.store.workflows import SELECT_RUN, Workflows

_COLUMNS = {
    "id": "r.id",
    "url": "r.url",
    "created_at": "r.created_at",
    "flow_key": "r.flow_key",
    "caller_ip": "r.caller_ip",
    "dlq_id": "r.dlq_id",
    "failure_state": "r.failure_state",
}
_OTHERS = {
    "label": "EXISTS (SELECT 1 FROM run_labels l WHERE l.run = r.seq AND l.label IN ({}))",
    "message_id": "r.seq IN (SELECT run FROM messages WHERE id IN ({}))",
    "status": "EXISTS (SELECT 1 FROM dlq d JOIN messages m ON m.seq = d.message "
    "WHERE d.id = r.dlq_id AND m.last_status IN ({}))",
}
_STEP_STATES = {
    "STEP_SUCCESS": "m.state = 'DELIVERED'",
    "STEP_FAILED": "m.state = 'FAILED'",
    "STEP_CANCELED": "m.state = 'CANCELED'",
    "STEP_RETRY": "m.state = 'RETRY'",
    "STEP_PROGRESS": "m.state IN ('CREATED', 'ACTIVE')",
}


class Runs:
    """Queries over runs of one user."""

    def __init__(self, database: Database, workflows: Workflows) -> None:
        self._db = database
        self._workflows = workflows

    def select(
        self, user: str | None, query: RunQuery, *, live: bool = False, dead: bool = False
    ) -> list[Run]:
        """The runs of a page, of all users or one, in all one more than `count` if there are more.
        `live` are those that have not ended, `dead` those with an entry in the DLQ.
        """
        where, values = conditions(query)
        if user is not None:
            # In the order of time, not by the index of ids: with it all runs would be sorted.
            where.append("+r.user = ?")
            values.append(user)
        if live:
            where.append("r.state = 'RUN_STARTED'")
        if dead:
            where.append("r.dlq_id IN (SELECT id FROM dlq)")
        if query.cursor is not None:
            where.append("r.seq < ?")
            values.append(query.cursor)
        limit = -1 if query.count is None else query.count + 1
        rows = self._db.read(
            f"{SELECT_RUN} WHERE {' AND '.join(where) or 'TRUE'} ORDER BY r.seq DESC LIMIT ?",
            (*values, limit),
        )
        return [self._workflows.read(row) for row in rows]


def conditions(query: RunQuery) -> tuple[list[str], list[Any]]:
    """SQL for what a query asks of the runs `r`, all of which must hold, and its values."""
    where: list[str] = []
    values: list[Any] = []
    for field, texts in query.conditions.items():
        if field == "state":
            sql, more = _state(texts)
        elif (column := _COLUMNS.get(field)) is not None:
            sql, more = f"{column} IN ({_marks(texts)})", list(texts)
        else:
            sql, more = _OTHERS[field].format(_marks(texts)), list(texts)
        where.append(sql)
        values += more
    if query.url_prefix:
        where.append("(" + " OR ".join("substr(r.url, 1, ?) = ?" for _ in query.url_prefix) + ")")
        values += [value for text in query.url_prefix for value in (len(text), text)]
    if query.id_prefix:
        where.append("substr(r.id, 1, ?) = ?")
        values += [len(query.id_prefix), query.id_prefix]
    if query.url_part:
        where.append("instr(r.url, ?)")
        values.append(query.url_part)
    if query.among:
        pairs = " OR ".join("(r.id = ? AND r.created_at = ?)" for _ in query.among)
        where.append(f"({pairs})")
        values += [value for pair in query.among for value in pair]
    for sql, date in (("r.created_at >= ?", query.from_date), ("r.created_at <= ?", query.to_date)):
        if date is not None:
            where.append(sql)
            values.append(date)
    return where, values


def _state(states: tuple[str, ...]) -> tuple[str, list[Any]]:
    """A run by its own state, or by that of one of its steps."""
    of_run = [state for state in states if state not in _STEP_STATES]
    alternatives = [f"r.state IN ({_marks(of_run)})"] if of_run else []
    steps = [_STEP_STATES[state] for state in states if state in _STEP_STATES]
    if steps:
        alternatives.append(
            "EXISTS (SELECT 1 FROM messages m WHERE m.run = r.seq "
            f"AND m.call_type <> 'failureCall' AND ({' OR '.join(steps)}))"
        )
    return f"({' OR '.join(alternatives)})", list(of_run)


def _marks(values: tuple[str, ...] | list[str]) -> str:
    return ",".join("?" * len(values))
