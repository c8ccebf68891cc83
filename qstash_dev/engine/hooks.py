"""What the engine asks and whom it tells, beside its own parts: all of it is there when it is made."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from msgspec import Struct

from qstash_dev.devtools import hold
from qstash_dev.protocol.model import Attempt, Message

Watching = Callable[[str, int, str], AbstractContextManager[None]]
"""What an attempt is made in: the message's id, the number of the attempt, its target."""

Explain = Callable[[Message, Attempt], Awaitable[str | None]]
"""Why an attempt failed, in one line for people."""


_UNWATCHED = nullcontext()


async def _unexplained(message: Message, attempt: Attempt) -> str | None:
    return None


class Hooks(Struct, frozen=True):
    """Each may be left out.

    `on_wake` is called when there may be something to do, `on_settled` with every outcome of an
    attempt, `on_hold` with what a message begins to wait for, `on_dropped` with a sentence for each
    publish and event that leaves no message, `on_touched` with the numbers of messages that look
    different now although the log says nothing: it has a gap there. While `one_by_one` says so, the
    next delivery starts when the last one has ended or taken a second, so that the order is always
    the same.
    `is_elsewhere` says whether the app of an origin listens at another address of it, `why_down` how
    an app ended that is not up, if that is known.
    """

    on_wake: Callable[[], None] = lambda: None
    on_settled: Callable[[Message, Attempt], None] = lambda message, attempt: None
    on_hold: Callable[[str], None] = lambda awaited: None
    on_dropped: Callable[[str], None] = lambda text: None
    on_touched: Callable[[Iterable[int]], None] = lambda seqs: None
    one_by_one: Callable[[], bool] = lambda: False
    explain: Explain = _unexplained
    is_elsewhere: Callable[[str], Awaitable[bool]] = hold.never
    why_down: Callable[[str], str | None] = lambda origin: None
    watching: Watching = lambda message_id, attempt, target: _UNWATCHED


NO_HOOKS = Hooks()
