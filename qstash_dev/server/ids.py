"""New ids, from the real world's time and randomness."""

import random
from collections.abc import Callable

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_OF_BYTE = "".join(ALPHABET[byte % 58] for byte in range(256)).encode()


def id_maker(source: random.Random, wall: Callable[[], int]) -> Callable[[str], str]:
    """Ids as QStash makes them: a prefix and 22 characters that are not mistaken for each other.

    They begin with the time, `wall` in epoch milliseconds: what is made together lies together in
    the store's index, which halves what a commit writes.
    """
    latest, beginning = -1, ""

    def new_id(prefix: str) -> str:
        nonlocal latest, beginning
        if (now := wall()) != latest:
            latest, beginning = now, _base58(now)
        return prefix + beginning + source.randbytes(14).translate(_OF_BYTE).decode("ascii")

    return new_id


def _base58(number: int) -> str:
    """The last eight digits, which repeat after four thousand years of milliseconds."""
    number, low = divmod(number, 58**4)
    return _four_digits(number % 58**4) + _four_digits(low)


def _four_digits(number: int) -> str:
    high, low = divmod(number, 58**2)
    return _PAIRS[high] + _PAIRS[low]
