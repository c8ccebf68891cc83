"""What time it is. Everything that waits or stamps asks a `Clock`; signatures ask for wall time.

A virtual clock is `wall * scale + offset` or stands still; jumps only move its anchor.
"""

import time
from typing import Literal, Protocol

from msgspec import Struct

END_OF_TIME = 253_402_300_799_000
"""The last second of the year 9999, as far as dates can be written."""
ONLY_FORWARD = "the clock only moves forward; `real` returns to the wall clock"
Mode = Literal["real", "scaled", "frozen"]


class ClockState(Struct, frozen=True):
    """How the clock runs. `offset_ms` is how far it is ahead of the wall clock right now."""

    mode: Mode
    scale: float
    offset_ms: int


class Clock(Protocol):
    """The engine's view of time, in epoch milliseconds."""

    def now(self) -> int:
        """The time that messages live in."""

    def wall(self) -> int:
        """Real time, for signatures and durations of HTTP exchanges."""

    def seconds_until(self, at: int) -> float | None:
        """Real seconds until the clock shows `at` (0 when it is past); `None`: never by itself."""


class SystemClock:
    """The wall clock."""

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    wall = now

    def seconds_until(self, at: int) -> float | None:
        """Real seconds until `at`, never early."""
        return max(0.0, at / 1000 - time.time())


class VirtualClock:
    """A clock over another one that can be frozen, scaled and moved forward.

    `start` is the virtual time to begin with, the base's if it is `None`.
    """

    def __init__(
        self, base: Clock, mode: Mode = "real", scale: float = 1.0, start: int | None = None
    ) -> None:
        self._base = base
        self._anchor_wall = self._anchor = base.now()
        self._mode: Mode = "real"
        self._scale = self._speed = 1.0
        self.set(mode, scale)
        if start is not None:
            self._anchor = start

    def now(self) -> int:
        """Virtual epoch milliseconds; never goes back except by `reset`."""
        passed = self._base.now() - self._anchor_wall
        return self._anchor + int(passed * self._speed)

    def wall(self) -> int:
        """Epoch milliseconds of the clock beneath."""
        return self._base.wall()

    def seconds_until(self, at: int) -> float | None:
        """Real seconds until the virtual time `at`."""
        left = at - self.now()
        if left <= 0:
            return 0.0
        return left / 1000 / self._speed if self._speed else None

    def set(self, mode: Mode, scale: float = 1.0) -> None:
        """Run on from the present virtual time as `mode` says; `real` returns to the wall clock.

        Raises ValueError for a scale that is not between 0 and 1,000,000.
        """
        if not 0 < scale <= 1_000_000:
            raise ValueError(f"scale must be above 0 and at most 1000000, not {scale:g}")
        now = self._base.now() if mode == "real" else self.now()
        self._anchor_wall, self._anchor = self._base.now(), now
        self._mode, self._scale = mode, scale if mode == "scaled" else 1.0
        self._speed = 0.0 if mode == "frozen" else self._scale

    def advance(self, ms: int) -> None:
        """Jump `ms` ahead. In the mode `real` the clock runs ahead of the wall from then on."""
        self.check_advance(ms)
        self._anchor += ms

    def check_advance(self, ms: int) -> None:
        """Raises ValueError when the clock cannot jump that far."""
        if ms < 0:
            raise ValueError(ONLY_FORWARD)
        if self.now() + ms > END_OF_TIME:
            raise ValueError(f"{ms} ms are too many: the clock ends with the year 9999")

    @property
    def is_frozen(self) -> bool:
        """Whether time passes only by `advance`."""
        return self._mode == "frozen"

    def state(self) -> ClockState:
        """How the clock runs now."""
        return ClockState(self._mode, self._scale, self.now() - self._base.now())
