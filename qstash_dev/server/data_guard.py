"""Somebody removes the data directory while the server runs (`git clean -fdx`): it is made again.

The open files still hold everything, but nobody would find them after a restart. Knows nothing of
what is in them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from qstash_dev.server import data_dir
from qstash_dev.store.database import Database
from qstash_dev.store.errors import StoreError

LOOK_S = 1.0
LONGEST_PAUSE_S = 30.0
log = logging.getLogger(__name__)


class DataGuard:
    """Looks every `LOOK_S` whether the database of `directory` is where it was.

    `moved` is called with the directory that has it after it was written anew; `tell` with a sentence
    for people, which `warning` keeps.
    """

    def __init__(
        self,
        database: Database,
        directory: Path,
        own_name: str,
        moved: Callable[[Path], None],
        tell: Callable[[str], None],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.directory = directory
        self.warning: str | None = None
        self._database = database
        self._asked_for = directory
        self._own_name = own_name
        self._moved = moved
        self._tell = tell
        self._wait = wait

    async def run(self) -> None:
        """Look until cancelled; what cannot be written is tried again, ever less often."""
        pause_s = LOOK_S
        while True:
            await self._wait(pause_s)
            if self._database.is_in_place() or self._make_again():
                pause_s = LOOK_S
            else:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _make_again(self) -> bool:
        target = self.directory
        if self._is_anothers(target):
            target = self._asked_for.with_name(f"{self._asked_for.name}-{self._own_name}")
        try:
            data_dir.make(target)
            self._database.move_to(target / data_dir.DATABASE)
            self.directory = target
            self._moved(target)
        except (OSError, StoreError) as error:
            self._warn(
                f"The data directory {self.directory} was removed, and it cannot be made again: "
                f"{error}. Everything is in this process alone and ends with it; writing is tried "
                "again."
            )
            return False
        self._warn(
            f"The data directory {self._asked_for} was removed while the server runs. "
            + self._where_it_is()
        )
        return True

    def _is_anothers(self, directory: Path) -> bool:
        """Whether a database is there that somebody else has made meanwhile."""
        path = directory / data_dir.DATABASE
        return path.exists() and not self._database.is_file(path)

    def _where_it_is(self) -> str:
        if self.directory == self._asked_for:
            return "Everything was written to it anew: nothing is lost."
        return (
            f"Another server's is in its place, so everything of this one is in {self.directory}: "
            f"start it with --data-dir {self.directory} from now on."
        )

    def _warn(self, text: str) -> None:
        if text != self.warning:
            self.warning = text
            log.warning("%s", text)
            self._tell(text)
