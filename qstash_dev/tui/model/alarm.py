"""What the terminal is to tell of failures while nobody looks at it: at most a signal every few
seconds. Knows the signals of terminals, and no terminal.
"""

from collections.abc import Callable, Sequence

from qstash_dev.devtools.documents import Event
from qstash_dev.tui.render import fmt

QUIET_S = 3.0
BELL = "\a"
SHOWN = 200
"""Characters of a notification; terminals cut them sooner or later."""


class Alarm:
    """`kind` is `off`, `bell`, or `osc9`: the notification of the desktop that iTerm2, Windows
    Terminal, WezTerm, Ghostty, Kitty and others show (OSC 9).
    """

    def __init__(self, kind: str, monotonic: Callable[[], float]) -> None:
        self._kind = kind
        self._monotonic = monotonic
        self._waiting: list[Event] = []
        self._quiet_until = float("-inf")

    def hear(self, events: Sequence[Event]) -> None:
        """Failures among what happened."""
        if self._kind != "off":
            self._waiting += [event for event in events if event.state == "FAILED"]

    def signal(self) -> str:
        """What to write to the terminal now; empty for nothing."""
        if not self._waiting or self._monotonic() < self._quiet_until:
            return ""
        failed, self._waiting = self._waiting, []
        self._quiet_until = self._monotonic() + QUIET_S
        return BELL if self._kind == "bell" else f"\x1b]9;{_text(failed)}{BELL}"


def _text(failed: list[Event]) -> str:
    if len(failed) > 1:
        return f"qstash-dev: {len(failed)} messages failed"
    (event,) = failed
    return fmt.safe(f"qstash-dev: {event.method} {event.url} failed: {event.error}")[:SHOWN]
