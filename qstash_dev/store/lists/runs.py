"""Lists of workflow runs, by the filters of QStash's API and the newest first."""

from qstash_dev.protocol.workflow.model import Run
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.store.database import Database
from qstash_dev.store.lists.columns import RUNS
from qstash_dev.store.lists.condition import condition
from qstash_dev.store.lists.queries import of_runs
from qstash_dev.store.workflows import SELECT_RUN, Workflows


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
        words = [word for word, is_asked in (("live", live), ("dead", dead)) if is_asked]
        where, values = condition(of_runs(query, user, *words), RUNS)
        limit = -1 if query.count is None else query.count + 1
        rows = self._db.read(
            f"{SELECT_RUN} WHERE {where} ORDER BY r.seq DESC LIMIT :limit",
            {**values, "limit": limit},
        )
        return [self._workflows.read(row) for row in rows]
