import asyncio
import contextlib
import shutil

import pytest

from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.watch import CannotWatch, edits

PATIENCE_S = 60


class Watched:
    """A tree whose edits are collected."""

    def __init__(self, root):
        self.root = root
        self.seen = []
        self._seen = asyncio.Condition()
        self._task = asyncio.ensure_future(self._collect())

    async def _collect(self):
        async for files in edits(Ignored(self.root, [self.root / ".qstash-dev"])):
            async with self._seen:
                self.seen.append(files)
                self._seen.notify_all()

    async def after(self, *names):
        """Edit files until an edit of the last one is seen: watching takes a moment to begin."""
        last = names[-1]
        async with asyncio.timeout(PATIENCE_S):
            while not any(last in files for files in self.seen):
                for name in names:
                    write(self.root / name)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5), self._seen:
                        await self._seen.wait()
        return {name for files in self.seen for name in files}

    async def seen_once(self, name):
        """Until an edit is seen that is made once only."""
        async with asyncio.timeout(PATIENCE_S), self._seen:
            await self._seen.wait_for(lambda: any(name in files for files in self.seen))

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


async def test_edits_of_source_are_told_and_nothing_else(tmp_path):
    (tmp_path / ".gitignore").write_text("generated/\n")
    watched = Watched(tmp_path)
    seen = await watched.after(
        "app/generated/client.ts",
        "app/notes.txt",
        "node_modules/m/index.js",
        ".next/server/app.js",
        ".qstash-dev/messages.py",
        "app/api/x/route.ts",
    )
    await watched.stop()
    assert seen == {"app/api/x/route.ts"}


async def test_a_directory_that_is_made_later_is_watched_too(tmp_path):
    watched = Watched(tmp_path)
    await watched.after("main.py")
    await watched.after("later/deep/handler.py")
    await watched.stop()


async def test_an_edit_of_an_env_file_counts(tmp_path):
    (tmp_path / ".gitignore").write_text(".env*\n")
    watched = Watched(tmp_path)
    assert await watched.after(".env.local") == {".env.local"}
    await watched.stop()


def replace(directory, *names):
    """Another directory in its place, made beside it as a checkout or a build does."""
    fresh = directory.with_name("fresh")
    for name in names:
        write(fresh / name)
    directory.rename(directory.with_name("old"))
    fresh.rename(directory)


@pytest.mark.parametrize("replaced", ["app", "."], ids=["a directory in it", "the root"])
async def test_a_directory_that_is_replaced_is_watched_on(tmp_path, replaced):
    root = tmp_path / "root"
    watched = Watched(root)
    await watched.after("app/x/a.py")
    await asyncio.to_thread(replace, root / replaced, "app/x/b.py" if replaced == "." else "x/b.py")
    await watched.seen_once("app/x/b.py")
    await watched.after("app/x/c.py")
    await watched.stop()


async def test_a_directory_that_is_replaced_while_its_watch_begins_is_watched_on(tmp_path):
    watched = Watched(tmp_path)
    await watched.after("app/a.py")
    for number in range(6):
        await asyncio.to_thread(replace, tmp_path / "app", f"{number}.py")
        await watched.seen_once(f"app/{number}.py")
        shutil.rmtree(tmp_path / "old")
    await watched.stop()


async def test_a_root_that_comes_back_is_watched_again(tmp_path):
    root = tmp_path / "root"
    watched = Watched(root)
    await watched.after("a.py")
    shutil.rmtree(root)
    await watched.after("b.py")
    await watched.stop()


async def test_a_tree_that_is_too_large_is_not_watched_and_the_sentence_says_what_to_do(tmp_path):
    for number in range(4):
        (tmp_path / "app" / str(number)).mkdir(parents=True)
    with pytest.raises(CannotWatch, match=r"more than 4 directories .* smaller one as --watch"):
        async for _ in edits(Ignored(tmp_path), max_directories=4):
            pass
