"""Tools for the time that messages live in."""

from typing import Literal

from qstash_dev.devtools.documents import Clock
from qstash_dev.mcp import short
from qstash_dev.mcp.arguments import Duration
from qstash_dev.mcp.tools import Document, Tools
from qstash_dev.protocol.timing import parse_duration


class ClockTools(Tools):
    """Whatever is about time."""

    async def show_clock(self) -> Document:
        """What time the messages live in, how fast it passes, and when something is due next; `wall` is
        the real time, where that is another one.
        """
        async with self.client() as client:
            return _shown(await client.clock())

    async def settle(self, timeout_s: float = 10) -> Document:
        """Skip time from event to event until no message waits any more: all retries, delays and
        callbacks. Fails with the reason if that never comes.
        """
        async with self.client(timeout_s) as client:
            return _shown(await client.clock({"settle": True, "wait_ms": int(timeout_s * 1000)}))

    async def change_clock(
        self,
        advance: Duration | None = None,
        mode: Literal["real", "frozen"] | None = None,
        skip: bool = False,
    ) -> Document:
        """One of: `advance` by a duration such as `2h`, set the `mode`, or `skip` to the next event.
        What becomes due is delivered before the answer.
        """
        async with self.client() as client:
            if sum((advance is not None, mode is not None, skip)) != 1:
                raise ValueError("expected one of advance, mode and skip")
            order = short.present(
                advance_ms=None if advance is None else parse_duration(advance),
                mode=mode,
                skip=skip or None,
            )
            return _shown(await client.clock(order))


def _shown(clock: Clock) -> Document:
    return short.present(
        mode=clock.mode,
        scale=clock.scale if clock.mode == "scaled" else None,
        now=short.moment(clock.now),
        wall=short.moment(clock.wall) if clock.offset_ms else None,
        next_event=short.moment(clock.next_event_at),
        notice=clock.notice,
    )
