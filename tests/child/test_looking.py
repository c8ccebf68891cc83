"""What is read off the output of an app: where it listens, and why it ended."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from qstash_dev.child.app import MOST_LOOKED_FOR, Around, ChildApp
from qstash_dev.devtools.documents import Printed

PRINTS = "for port in range(20000, 21000): print(f'GET http://localhost:{port}/')"


def around(
    accepts: Callable[[str], Awaitable[bool]], on_end: Callable[[], None], found: Callable[[], None]
) -> Around:
    return Around(
        environment=lambda: os.environ,
        accepts=accepts,
        now=lambda: 0,
        steady=lambda: 0,
        on_line=lambda line: None,
        on_change=lambda: None,
        on_end=lambda why: on_end(),
        on_address=lambda origin, before, is_taken: found(),
        app_url=lambda: "http://localhost:3000",
        is_given=lambda: False,
    )


async def test_few_of_a_thousand_addresses_are_looked_for_at_a_time() -> None:
    looked_for: set[str] = set()
    ended = asyncio.Event()

    async def accepts(origin: str) -> bool:
        looked_for.add(origin)
        return False

    app = ChildApp([sys.executable, "-S", "-c", PRINTS], around(accepts, ended.set, ended.clear))
    await app.restart()
    await ended.wait()
    assert app.output.count == 1000
    assert 0 < len(looked_for) <= MOST_LOOKED_FOR
    await app.stop()


async def test_where_it_is_expected_is_connected_to_once_when_it_is_found_elsewhere() -> None:
    asked: list[str] = []
    found = asyncio.Event()

    async def accepts(origin: str) -> bool:
        asked.append(origin)
        return origin == "http://localhost:1"

    command = [sys.executable, "-S", "-c", "print('on http://localhost:1', flush=True); input()"]
    app = ChildApp(command, around(accepts, found.clear, found.set))
    await app.restart()
    await found.wait()
    await app.stop()
    assert asked == ["http://localhost:1", "http://localhost:3000"]


async def test_its_last_words_are_why_it_ended_however_much_was_printed_before() -> None:
    """A child of it holds its output open, so that nobody tells when all of it is heard."""
    printed = (
        "print('y\\n' * 30_000, 'Error: the end', sep='', flush=True)"  # as much as a pipe holds
    )
    code = f"import subprocess; subprocess.Popen(['sleep', '60']); {printed}; raise SystemExit(1)"
    ended = asyncio.Event()

    def heard(_line: Printed) -> None:
        sum(range(2_000))  # all of it takes longer than an app is heard that says nothing

    world = replace(around(never, ended.set, ended.clear), on_line=heard)
    app = ChildApp([sys.executable, "-S", "-c", code], world)
    await app.restart()
    await ended.wait()
    trouble = app.trouble
    await app.stop()
    assert trouble == "your app exited with code 1: Error: the end"


async def never(origin: str) -> bool:
    return False
