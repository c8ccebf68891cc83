"""Somebody removes the data directory while the server runs (`git clean -fdx`), or writes to the
database: it is made again.

Removed files that are open still hold everything, but nobody would find them after a restart. Knows
nothing of what is in them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from itertools import count, filterfalse
from pathlib import Path

from qstash_dev.server import data_dir
from qstash_dev.store.database import Database
from qstash_dev.store.errors import StoreError, StoreGone

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
    ) -> None:
        self.directory = directory
        self.warning: str | None = None
        self._database = database
        self._asked_for = directory
        self._own_name = own_name
        self._moved = moved
        self._tell = tell

    async def run(self) -> None:
        """Look until cancelled; what cannot be written is tried again, ever less often."""
        pause_s = LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = LOOK_S if self.look() else min(2 * pause_s, LONGEST_PAUSE_S)

    def look(self) -> bool:
        """Whether all is where it should be, perhaps made anew."""
        is_whole = self._database.is_whole()
        if not (is_whole and self._database.is_in_place()):
            return self._make_again(is_whole)
        if not (self.directory / data_dir.RECORD).exists():
            with contextlib.suppress(StoreError):  # the next look tries again
                self._moved(self.directory)
        return True

    def _make_again(self, is_whole: bool) -> bool:
        happened = self._what_happened(is_whole)
        target = next(filterfalse(self._is_anothers, self._places()))
        try:
            data_dir.make(target)
            found = self._database.move_to(target / data_dir.DATABASE)
            self.directory = target
            self._moved(target)
        except StoreGone as error:
            self._warn(f"{happened}. {error}.")
            return False
        except (OSError, StoreError) as error:
            self._warn(
                f"{happened}, and it cannot be made again: {error}. Everything is in this process "
                "alone and ends with it; writing is tried again."
            )
            return False
        self._warn(f"{happened} while the server runs. {self._where_it_is(is_whole, found)}")
        return True

    def _what_happened(self, is_whole: bool) -> str:
        path = self.directory / data_dir.DATABASE
        if not is_whole:
            return f"The database {path} was written to by another program"
        if self.directory.exists():
            return f"The database {path} was removed or replaced"
        return f"The data directory {self._asked_for} was removed"

    def _places(self) -> Iterator[Path]:
        own = f"{self._asked_for.name}-{self._own_name}"
        yield self.directory
        yield self._asked_for.with_name(own)
        yield from (self._asked_for.with_name(f"{own}-{number}") for number in count(2))

    def _is_anothers(self, directory: Path) -> bool:
        """Whether a database is there that somebody else has made meanwhile."""
        path = directory / data_dir.DATABASE
        return path.exists() and not self._database.is_file(path)

    def _where_it_is(self, is_whole: bool, found: Path | None) -> str:
        if not is_whole:
            kept = f" What was found is {found.name}." if found else ""
            return (
                "What could still be read of it was written to a new file; the rest is lost." + kept
            )
        if self.directory == self._asked_for:
            return "Everything was written to it anew: nothing is lost."
        return (
            f"Another database is in its place, so everything of this one is in {self.directory}: "
            f"start it with --data-dir {self.directory} from now on."
        )

    def _warn(self, text: str) -> None:
        if text != self.warning:
            self.warning = text
            log.warning("%s", text)
            self._tell(text)
