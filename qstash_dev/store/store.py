"""The store: the source of truth, opened in one place and handed to the engine and the API."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qstash_dev.protocol.model import BulkAction, FlowState, Group, Queue
from qstash_dev.store.attempts import Attempts
from qstash_dev.store.bin import Bin
from qstash_dev.store.bodies import Bodies
from qstash_dev.store.database import Database, Later
from qstash_dev.store.due import Due
from qstash_dev.store.feed import Feed
from qstash_dev.store.intakes import Intakes
from qstash_dev.store.last_time import LastTime
from qstash_dev.store.lists.condition import Leaves
from qstash_dev.store.lists.rows import Rows
from qstash_dev.store.lists.search import Search
from qstash_dev.store.lists.selection import Selector
from qstash_dev.store.messages import Messages
from qstash_dev.store.originals import Deduplication
from qstash_dev.store.resources import Keys, Named, Schedules
from qstash_dev.store.sequence import Sequence
from qstash_dev.store.tally import Tally
from qstash_dev.store.used_signatures import UsedSignatures
from qstash_dev.store.waits import Waits
from qstash_dev.store.workflows import Workflows

if TYPE_CHECKING:
    from qstash_dev.store.lists.run_logs import RunLogs
    from qstash_dev.store.lists.run_rows import RunRows

_KEPT = ("users", "sequences", "used_signatures")


class Store:
    """All tables over one database. `database` has the transactions and who waits for them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = Sequence(database, "messages")
        self._event_numbers = Sequence(database, "events", "run_events")
        self.waits = Waits(database)
        self.workflows = Workflows(database, self._numbers, self._event_numbers, self.waits)
        self._bodies = Bodies(database)
        self.due = Due(database, self._event_numbers)
        self.messages = Messages(
            *(database, self._numbers, self._event_numbers),
            *(self.workflows, self._bodies, self.due),
        )
        self.intakes = Intakes(database, self._event_numbers, self.due.expect)
        self.attempts = Attempts(database)
        self.bin = Bin(database, self._event_numbers)
        self.leaves = Leaves()
        selector = Selector(database, self.leaves)
        self.tally = Tally(database)
        self.rows = Rows(database, selector, self.tally)
        self.feed = Feed(database, self._event_numbers, selector)
        self.search = Search(database, selector)
        self.keys = Keys(database)
        self.last_time = LastTime(database)
        self.used_signatures = UsedSignatures(database)
        self.schedules = Schedules(database)
        self.queues = Named(database, "queues", Queue)
        self.groups = Named(database, "groups", Group)
        self.flows = Named(database, "flow_keys", FlowState)
        self.bulk_actions = Named(database, "bulk_actions", BulkAction)
        self.deduplication = Deduplication(database)

    @classmethod
    def open(
        cls,
        path: Path | str,
        later: Later | None = None,
        on_commit: Callable[[], None] = lambda: None,
        on_rollback: Callable[[], None] = lambda: None,
    ) -> "Store":
        """Open or create the database at `path`; `:memory:` forgets. The others are those of
        `Database`. Raises StoreError.
        """
        database = Database(path, later, on_commit, on_rollback)
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    @cached_property
    def run_logs(self) -> "RunLogs":
        """What happened in workflow runs."""
        from qstash_dev.store.lists.run_logs import RunLogs  # read in after the start

        return RunLogs(self.database, self.messages, self.attempts, self.workflows)

    @cached_property
    def run_rows(self) -> "RunRows":
        """Workflow runs as people see them."""
        from qstash_dev.store.lists.run_rows import RunRows  # read in after the start

        return RunRows(self.database, self.workflows, self.run_logs, self.waits)

    def anything_waits(self) -> bool:
        """Whether a message or schedule has yet to come."""
        return self.messages.are_open() or self.schedules.next_time() is not None

    def reset(self) -> None:
        """Forget everything but the users' signing keys. Sequence numbers go on."""
        with self.database:
            self._numbers.keep()
            self._event_numbers.keep()
        self.database.forget_all_but(_KEPT)
        self.intakes.forget(self._numbers.last)

    def sweep(self) -> None:
        """Delete bodies that are nobody's any more."""
        if self._bodies.are_any():
            self._bodies.sweep(self.bin.shared_bodies())

    def close(self) -> None:
        """Commit and close."""
        self.database.close()
