"""Pure functions that are asked the same thing again and again keep their last answers.

Ours, for speed alone. Knows nothing of what they compute.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Pure = TypeVar("Pure", bound=Callable[..., Any])
KEPT = 256
LONGEST = 2_000


def remembered(call: Pure) -> Pure:
    """Like `lru_cache`, but if the first argument is a long text, the answer is not kept: a few of
    those would need more memory than all the rest.
    """
    kept = lru_cache(maxsize=KEPT)(call)

    @wraps(call)
    def answer(text: str, *args: Any, **kwargs: Any) -> Any:
        return (kept if len(text) <= LONGEST else call)(text, *args, **kwargs)

    return cast(Pure, answer)
