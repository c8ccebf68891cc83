"""Pure functions that are asked the same thing again and again keep their last answers.

Ours, for speed alone. Knows nothing of what they compute.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Pure = TypeVar("Pure", bound=Callable[..., Any])
KEPT = 256
ROOM = 500_000
"""Characters of the arguments of all that is kept, with those in headers."""


def remembered(call: Pure) -> Pure:
    """Like `lru_cache`, but what is kept of long texts has no more room than what is kept of short
    ones: all is forgotten when they fill it.
    """
    left = ROOM

    @wraps(call)
    def learn(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        length = _characters(args)
        left -= length
        if left < 0:
            kept.cache_clear()
            left = ROOM - length
        return call(*args, **kwargs)

    # What is found costs no call of ours: a message asks a dozen times on its way.
    kept = lru_cache(maxsize=KEPT)(learn)
    return cast(Pure, kept)


def _characters(values: tuple[Any, ...]) -> int:
    length = 0
    for value in values:
        if isinstance(value, str):
            length += len(value)
        elif isinstance(value, tuple):
            length += _characters(value)
    return length
