"""What time it is on the server between two ticks: its clock may be scaled or frozen."""

from collections.abc import Callable

from qstash_dev.devtools.documents import Clock


class ServerTime:
    """Epoch ms of the server's (possibly virtual) clock, from the last it said."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard_at = 0.0
        self._said = 0
        self._rate = 1.0

    def hear(self, now: int, clock: Clock) -> None:
        """The server said what time it is."""
        self._said, self._heard_at = now, self._monotonic()
        self._rate = {"frozen": 0.0, "scaled": clock.scale}.get(clock.mode, 1.0)

    def now(self) -> int:
        """The best guess of its time now."""
        return self._said + round((self._monotonic() - self._heard_at) * 1000 * self._rate)
