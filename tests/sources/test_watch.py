import asyncio
import contextlib

from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.watch import edits

PATIENCE_S = 20


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
