"""What time it is. Everything that waits or stamps asks a `Clock`; signatures ask for wall time.

A virtual clock is `wall * scale + offset` or stands still; jumps only move its anchor.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

END_OF_TIME = 253_402_300_799_000
"""The last second of the year 9999, as far as dates can be written."""
SET_BACK_NS = 2_000_000_000
"""Less is a correction that nobody notices."""
ONLY_FORWARD = "the clock only moves forward; `real` returns to the wall clock"
BELIEVED_AHEAD_MS = 26 * 3_600_000
"""How far the time that was last seen may be ahead of a clock that was set back: a day and a change of
summer time. More was a wrong clock then, not a wrong one now.
"""
log = logging.getLogger(__name__)
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
    """The wall clock, but it never goes back: then it goes on by the time that really passes.

    Else all that waits would wait longer by as much as somebody has set the wall clock back. It
    follows a wall clock that is ahead: a computer that slept, or a time that was corrected.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        passing_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._passing_ns = passing_ns
        self._ahead_ns = wall_ns() - passing_ns()
        self._is_behind = False

    def go_on_from(self, seen: int) -> None:
        """Begin no earlier than `seen`, what a former process last saw of its own clock: else a wall
        clock that was set back meanwhile would have all that waits wait longer.
        """
        ahead = seen - self.now()
        if ahead > BELIEVED_AHEAD_MS:
            log.warning(
                "the system's clock is %d days behind what it showed when this was last open: it is "
                "believed now, so what was accepted then waits for the time that was meant",
                ahead // 86_400_000,
            )
        elif ahead > 0:
            self._ahead_ns += ahead * 1_000_000

    def now(self) -> int:
        """Epoch milliseconds."""
        # In this order: what passes between the two must not put this ahead of the wall.
        wall = self._wall_ns()
        now = self._passing_ns() + self._ahead_ns
        if wall > now:
            self._ahead_ns += wall - now
            now = wall
        if (now - wall > SET_BACK_NS) != self._is_behind:
            self._tell(now - wall)
        return now // 1_000_000

    def wall(self) -> int:
        """What the wall clock shows, in epoch milliseconds."""
        return self._wall_ns() // 1_000_000

    def seconds_until(self, at: int) -> float | None:
        """Real seconds until `at`, never early."""
        return max(0.0, (at - self.now()) / 1000)

    def _tell(self, lag_ns: int) -> None:
        self._is_behind = not self._is_behind
        if self._is_behind:
            log.warning(
                "the system's clock was set back by %d s: messages and schedules go on by the time "
                "that passes, as if it had not been",
                lag_ns // 1_000_000_000,
            )


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
        return self._at(self._base.now())

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
        base = self._base.now()
        self._anchor_wall, self._anchor = base, base if mode == "real" else self._at(base)
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
        base = self._base.now()
        return ClockState(self._mode, self._scale, self._at(base) - base)

    def _at(self, base: int) -> int:
        """What it shows when the clock beneath shows `base`."""
        return self._anchor + int((base - self._anchor_wall) * self._speed)
