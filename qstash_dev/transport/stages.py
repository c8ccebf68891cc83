"""How far a request has come, and until when it may go on. Knows nothing of connections."""

from time import perf_counter


class Stages:
    """Moments of one request, in seconds of `perf_counter`; `None` is not reached.

    `connected`: it has a connection (maybe one that was idle). `written`: the kernel has taken its
    last byte. `first_byte`: something of the answer is here. `done`: all of it, or it has failed.
    """

    __slots__ = ("connected", "deadline", "done", "first_byte", "start", "timeout_s", "written")

    def __init__(self, timeout_s: float) -> None:
        self.start = perf_counter()
        self.timeout_s = timeout_s
        self.deadline = self.start + timeout_s
        self.connected: float | None = None
        self.written: float | None = None
        self.first_byte: float | None = None
        self.done: float | None = None

    def in_ms(self) -> tuple[float | None, float | None, float, float | None]:
        """Milliseconds from the start to `connected`, `first_byte`, `done` (or now), `written`."""
        total_ms = self._ms(perf_counter() if self.done is None else self.done) or 0.0
        return self._ms(self.connected), self._ms(self.first_byte), total_ms, self._ms(self.written)

    def _ms(self, moment: float | None) -> float | None:
        """In hundredths. To have whole numbers rounded takes Python a quarter of the time."""
        return None if moment is None else round((moment - self.start) * 100_000) / 100
