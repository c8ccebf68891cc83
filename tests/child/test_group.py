"""Who is left of the group of a program that has ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from qstash_dev.child import group

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no groups")
LAUNCHER = """
import os, signal
if os.fork():
    pass
elif left := os.fork():
    os.setsid()
    print(left, flush=True)
    os.read(0, 1)
else:
    signal.sigwait([signal.SIGINT])
"""
"""It leaves one of its group, whose parent is none of it and takes no note of its end."""


async def test_nobody_waits_for_those_that_have_ended_though_none_took_note_of_it() -> None:
    printed: asyncio.Queue[bytes] = asyncio.Queue()
    words = [sys.executable, "-S", "-c", LAUNCHER]
    process = await group.start(words, os.environ, printed.put_nowait)
    left = psutil.Process(int(await printed.get()))
    await process.wait()
    assert await group.left_by(process) == [left]
    group.tell(process, signal.SIGINT)
    await group.gone(process)
    assert left.status() == psutil.STATUS_ZOMBIE
    process.close()
    await process.silent.wait()


LINES = 30_000  # as many as a pipe holds when their program has ended
LOOPS = [asyncio.new_event_loop, pytest.importorskip("uvloop").new_event_loop]


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="nobody can wait here and leave it to others")
@pytest.mark.parametrize("loop", LOOPS)
def test_much_is_heard_in_pieces_and_to_its_end_though_its_program_has_ended(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def hear() -> list[bytes]:
        printed: list[bytes] = []

        def take(data: bytes) -> None:
            if not printed:
                with suppress(ChildProcessError):  # the loop has heard of its end
                    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            printed.append(data)

        words = [sys.executable, "-S", "-c", f"print('y\\n' * {LINES}, end='')"]
        process = await group.start(words, os.environ, take)
        await process.silent.wait()
        process.close()
        return printed

    with asyncio.Runner(loop_factory=loop) as runner:
        printed = runner.run(hear())
    assert b"".join(printed) == b"y\n" * LINES
    assert max(map(len, printed)) <= group.PIECE
    assert max(data.count(b"\n") for data in printed) <= group.PIECE_LINES
