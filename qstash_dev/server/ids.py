"""New ids, from the real world's time and randomness."""

import random
from collections.abc import Callable, Iterator
from functools import lru_cache

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_OF_BYTE = "".join(ALPHABET[byte % 58] for byte in range(256)).encode()
RANDOM_LETTERS = 14
DRAWN = 256


def id_maker(source: random.Random, wall: Callable[[], int]) -> Callable[[str], str]:
    """Ids as QStash makes them: a prefix and 22 characters that are not mistaken for each other.

    They begin with the time, `wall` in epoch milliseconds: what is made together lies together in
    the store's index, which halves what a commit writes.
    """
    endings = _endings(source)

    def new_id(prefix: str) -> str:
        high, low = divmod(wall(), len(_PAIRS))
        return prefix + _beginning(high) + _PAIRS[low] + next(endings)

    return new_id


def _endings(source: random.Random) -> Iterator[str]:
    """Drawn for many ids at once: each draw is a call of the system."""
    while True:
        drawn = source.randbytes(RANDOM_LETTERS * DRAWN).translate(_OF_BYTE).decode("ascii")
        for at in range(0, len(drawn), RANDOM_LETTERS):
            yield drawn[at : at + RANDOM_LETTERS]


@lru_cache(maxsize=1)  # it is the same for three seconds
def _beginning(number: int) -> str:
    """The last six digits, which with two more repeat after four thousand years of milliseconds."""
    digits = ""
    for _ in range(3):
        number, pair = divmod(number, len(_PAIRS))
        digits = _PAIRS[pair] + digits
    return digits
