"""What happens while this process has no file descriptors left: nothing is started for a moment.

That is no app's fault, so an attempt that failed for it does not count. Real time, also on a frozen
clock.
"""

import logging
from collections.abc import Callable

from qstash_dev.protocol.model import Outcome, Reason, SendFailure

PAUSE_S = 1.0
log = logging.getLogger(__name__)

CallLater = Callable[[float, Callable[[], None]], object]


class Shortage:
    """`is_on` while it is waited for descriptors to become free; `over` is called after that."""

    def __init__(self, call_later: CallLater, over: Callable[[], None]) -> None:
        self._call_later = call_later
        self._over = over
        self.is_on = False

    def is_why(self, outcome: Outcome) -> bool:
        """Whether a request could not be made for want of descriptors; then a pause begins."""
        if not isinstance(outcome, SendFailure) or outcome.reason != Reason.NO_DESCRIPTORS:
            return False
        if not self.is_on:
            log.warning(
                "qstash-dev has too many open files: deliveries wait for %g s; raise `ulimit -n`",
                PAUSE_S,
            )
            self.is_on = True
            self._call_later(PAUSE_S, self._end)
        return True

    def _end(self) -> None:
        self.is_on = False
        self._over()
