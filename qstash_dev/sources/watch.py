"""Tells of edits in a source tree, once they have settled. Watches in threads of its own.

Directories at the top that are ignored (`node_modules`, `.next`) are not watched at all.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.tree import CODE

STEP_MS = 100
SETTLED_BY_MS = 1_000
"""Edits belong together while less than a step is between them, and for this long at most."""

Report = Callable[[Iterable[Path] | OSError], None]


class CannotWatch(Exception):
    """The system refuses to watch the tree; the sentence says why."""


async def edits(ignored: Ignored) -> AsyncIterator[frozenset[str]]:
    """Source files that were edited, made or removed, relative with forward slashes.

    Ends when it is closed or its task is cancelled. Raises CannotWatch.
    """
    changed: asyncio.Queue[Iterable[Path] | OSError] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(batch: Iterable[Path] | OSError) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested
            loop.call_soon_threadsafe(changed.put_nowait, batch)

    with contextlib.ExitStack() as stack:
        stack.enter_context(_watching([ignored.root], report, recursive=False))
        watched: frozenset[Path] = frozenset()
        while True:
            directories = await asyncio.to_thread(_directories, ignored)
            if added := directories - watched:
                stack.enter_context(_watching(sorted(added), report, recursive=True))
            watched = directories
            batch = await changed.get()
            if isinstance(batch, OSError):
                raise CannotWatch(f"{ignored.root} cannot be watched: {batch}")
            ignored.forget()
            if files := _sources(batch, ignored):
                yield files


def _sources(batch: Iterable[Path], ignored: Ignored) -> frozenset[str]:
    return frozenset(
        path.relative_to(ignored.root).as_posix()
        for path in batch
        if (path.suffix in CODE or path.name.startswith(".env")) and not ignored.covers(path)
    )


def _directories(ignored: Ignored) -> frozenset[Path]:
    """The directories at the top that hold sources."""
    return frozenset(
        path
        for path in ignored.root.iterdir()
        if path.is_dir() and not ignored.covers(path, is_directory=True)
    )


@contextlib.contextmanager
def _watching(paths: list[Path], report: Report, *, recursive: bool) -> Iterator[None]:
    """A thread that reports changes below `paths`. It ends a step after the context."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(paths, report, recursive, stop), name="watch", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()


def _watch(paths: list[Path], report: Report, recursive: bool, stop: threading.Event) -> None:
    # Imported here: it costs tens of milliseconds, which start-up does not have.
    from watchfiles import watch

    batches = watch(
        *paths,
        watch_filter=None,
        debounce=SETTLED_BY_MS,
        step=STEP_MS,
        stop_event=stop,
        recursive=recursive,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    try:
        for batch in batches:
            report([Path(path) for _, path in batch])
    except OSError as error:
        report(error)
