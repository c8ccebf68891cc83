"""Tells of edits in a source tree, once they have settled. Watches in threads of its own.

Directories at the top that are ignored (`node_modules`, `.next`) are not watched at all.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.tree import CODE, list_files

STEP_MS = 100
SETTLED_BY_MS = 1_000
"""Edits belong together while less than a step is between them, and for this long at most."""

LOOK_S = 1.0
"""How often the tree is compared with what is watched: the end of the root is not reported, nor what
happens to a directory before its watch has begun."""

MAX_DIRECTORIES = 10_000
"""Nothing else runs while the system is asked to watch (7 to 70 us for each): so no home directory."""

Batch = frozenset[Path] | OSError
Report = Callable[[Batch], None]
Tree = dict[Path, tuple[int, int] | None]
"""What is watched, and which directory it is."""


class CannotWatch(Exception):
    """The system refuses to watch the tree; the sentence says why."""


async def edits(
    ignored: Ignored, max_directories: int = MAX_DIRECTORIES
) -> AsyncIterator[frozenset[str]]:
    """Source files that were edited, made or removed, relative with forward slashes.

    A directory that is replaced, also the root, is watched on, and all its files count as edited.
    Ends when it is closed or its task is cancelled. Raises CannotWatch.
    """
    changed: asyncio.Queue[Batch] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(batch: Batch) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested
            loop.call_soon_threadsafe(changed.put_nowait, batch)

    watched: Tree | None = None
    with contextlib.ExitStack() as watching:
        while True:
            tree = await asyncio.to_thread(_tree, ignored)
            if tree != watched:
                await asyncio.to_thread(_check_size, tree, ignored.root, max_directories)
                with contextlib.ExitStack() as fresh:
                    _watch_tree(fresh, tree, ignored.root, report)
                    watching.pop_all().close()  # only now, so that no edit falls between
                    watching.enter_context(fresh.pop_all())
                known, watched = watched, tree
                if known is not None and (files := await _replaced(ignored, tree, known)):
                    yield files
            batch = await _next(changed, ignored, tree)
            if isinstance(batch, FileNotFoundError):
                watched = {}  # something went while its watch began
                continue
            if isinstance(batch, OSError):
                raise CannotWatch(f"{ignored.root} cannot be watched: {batch}")
            # One that comes and goes may have the number of the one before.
            watched = {path: tree[path] for path in tree.keys() - batch}
            if files := await asyncio.to_thread(_sources, batch, ignored):
                yield files


async def _next(changed: asyncio.Queue[Batch], ignored: Ignored, tree: Tree) -> Batch:
    """The next report; an empty one when the tree is another and nothing tells so."""
    seen = None
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                return await changed.get()
        before, seen = seen, await asyncio.to_thread(_glance, ignored.root, tree)
        if seen != before and await asyncio.to_thread(_tree, ignored) != tree:
            return frozenset()


def _glance(root: Path, tree: Tree) -> tuple[object, ...]:
    """Is another one when `_tree` may be, which costs a hundred times as much."""
    try:
        entries = root.stat().st_mtime_ns
    except OSError:
        entries = None
    return entries, *map(_identity, tree)


async def _replaced(ignored: Ignored, tree: Tree, known: Tree) -> frozenset[str]:
    """The source files below directories that were not there before."""
    fresh = [path for path, identity in tree.items() if known.get(path) != identity]
    if not fresh:
        return frozenset()
    files = await asyncio.to_thread(list_files, ignored)
    paths = ((name, ignored.root / name) for name in files)
    return frozenset(name for name, path in paths if any(d in path.parents for d in fresh))


def _sources(batch: Iterable[Path], ignored: Ignored) -> frozenset[str]:
    ignored.forget()
    return frozenset(
        path.relative_to(ignored.root).as_posix()
        for path in batch
        if (path.suffix in CODE or path.name.startswith(".env")) and not ignored.covers(path)
    )


def _tree(ignored: Ignored) -> Tree:
    """The root and the directories in it that hold sources; empty while there is no root."""
    ignored.forget()
    try:
        found = [
            path
            for path in ignored.root.iterdir()
            if path.is_dir() and not ignored.covers(path, is_directory=True)
        ]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CannotWatch(f"{ignored.root} cannot be watched: {error}") from error
    return {path: _identity(path) for path in (ignored.root, *found)}


def _check_size(tree: Tree, root: Path, max_directories: int) -> None:
    below = (path for path in tree if path != root)
    walks = chain.from_iterable(os.walk(path, followlinks=True) for path in below)
    if next(islice(walks, max_directories, None), None) is not None:
        raise CannotWatch(
            f"{root} has more than {max_directories} directories that are not ignored: "
            "expected a smaller one as --watch"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Another one when a directory was replaced; `None` when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _watch_tree(stack: contextlib.ExitStack, tree: Tree, root: Path, report: Report) -> None:
    below = sorted(path for path in tree if path != root)
    if tree:
        stack.enter_context(_watching([root], report, recursive=False))
    if below:
        stack.enter_context(_watching(below, report, recursive=True))


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
            report(frozenset(Path(path) for _, path in batch))
    except OSError as error:
        report(error)
