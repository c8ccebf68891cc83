"""An app that names addresses without end is not a reason to connect to all of them."""

import asyncio
import os
import sys

from qstash_dev.child.app import MOST_LOOKED_FOR, Around, ChildApp

PRINTS = "for port in range(20000, 21000): print(f'GET http://localhost:{port}/')"


async def test_few_of_a_thousand_addresses_are_looked_for_at_a_time() -> None:
    looked_for: set[str] = set()
    ended = asyncio.Event()

    async def accepts(origin: str) -> bool:
        looked_for.add(origin)
        return False

    around = Around(
        environment=lambda: os.environ,
        accepts=accepts,
        now=lambda: 0,
        steady=lambda: 0,
        on_line=lambda line: None,
        on_change=lambda: None,
        on_end=lambda why: ended.set(),
        on_address=lambda origin, before, is_taken: None,
        app_url=lambda: "http://localhost:3000",
        is_given=lambda: False,
    )
    app = ChildApp([sys.executable, "-S", "-c", PRINTS], around)
    await app.restart()
    await ended.wait()
    assert app.output.count == 1000
    assert 0 < len(looked_for) <= MOST_LOOKED_FOR
    await app.stop()
