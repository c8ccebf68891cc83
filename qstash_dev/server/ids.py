"""New ids, from the real world's randomness."""

import random
from collections.abc import Callable

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def id_maker(source: random.Random) -> Callable[[str], str]:
    """Ids as QStash makes them: a prefix and 22 characters that are not mistaken for each other."""

    def new_id(prefix: str) -> str:
        number = source.getrandbits(128)
        characters = []
        for _ in range(22):
            number, rest = divmod(number, 58)
            characters.append(ALPHABET[rest])
        return prefix + "".join(characters)

    return new_id
