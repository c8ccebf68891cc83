"""A setting that cannot be used: says where it stands, what it is, and what was expected."""

from collections.abc import Iterable

from qstash_dev.protocol.errors import nearest


class ConfigError(Exception):
    """`where` is the flag, the variable, or the file with its line; the message is one sentence."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.where = where
        self.problem = problem


class TryAgain(ConfigError):
    """Nothing is wrong with the setting; it could not be taken over now, and perhaps can later."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """` Did you mean "port"?` for a near miss, else the empty string."""
    near = nearest(word, known)
    return f' Did you mean "{near}"?' if near else ""
