"""New ids, from the real world's time and randomness."""

import random
from collections.abc import Callable

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]


def id_maker(source: random.Random, wall: Callable[[], int]) -> Callable[[str], str]:
    """Ids as QStash makes them: a prefix and 22 characters that are not mistaken for each other.

    They begin with the time, `wall` in epoch milliseconds: what is made together lies together in
    the store's index, which halves what a commit writes.
    """
    latest, beginning = -1, ""

    def new_id(prefix: str) -> str:
        nonlocal latest, beginning
        if (now := wall()) != latest:
            latest, beginning = now, _base58(now, 8)
        return f"{prefix}{beginning}{_base58(source.getrandbits(82), 14)}"

    return new_id


def _base58(number: int, length: int) -> str:
    """The last digits of a number; an even count of them."""
    digits = []
    for _ in range(length // 2):
        number, rest = divmod(number, 3364)
        digits.append(_PAIRS[rest])
    return "".join(reversed(digits))
