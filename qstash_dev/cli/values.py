"""What arguments and options may hold. A value that cannot be meant ends the command with 2, and click
names the option, before any server is asked. Knows no command.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import click
from click.shell_completion import CompletionItem

from qstash_dev.cli.bodies import header_pair
from qstash_dev.cli.server_url import with_scheme
from qstash_dev.config import parsing
from qstash_dev.devtools.filters import parse_filter
from qstash_dev.devtools.written import absolute
from qstash_dev.protocol.destination import check_url, destination_text
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.publish.readers import METHODS
from qstash_dev.protocol.timing import format_duration

T = TypeVar("T")

ANY_APP = "http://localhost:3000"
"""Stands for the app where only the form of a URL is looked at."""


class Value(click.ParamType, Generic[T]):  # type: ignore[type-arg]  # generic since click 8.3
    """What `parse` makes of the text; its ValueError or QStashError is the sentence about it."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """What a shell offers: files, where one is meant."""
        return [CompletionItem(incomplete, type="file")] if self.name == "file" else []

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Text is parsed; a default is a value already."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except (ValueError, QStashError) as error:
            return self.fail(str(error), param, ctx)


def as_given(check: Callable[[str], object]) -> Callable[[str], str]:
    """The text itself, once it is checked."""

    def parse(text: str) -> str:
        parsing.text(text)
        check(text)
        return text

    return parse


def whole(low: int, high: int | None = None) -> Value[int]:
    """A whole number in a range, both ends included."""
    return Value("number", parsing.integer(low, high))


def duration(most_ms: int | None = None, least_ms: int = 0) -> Value[int]:
    """A duration in milliseconds, in a range."""

    def parse(text: str) -> int:
        found = parsing.duration_ms(text)
        if most_ms is not None and found > most_ms:
            raise ValueError(f'"{text}" is too long; expected at most {format_duration(most_ms)}.')
        if found < least_ms:
            raise ValueError(f'"{text}" is too short; expected more than 0.')
        return found

    return Value("duration", parse)


def method(text: str) -> str:
    """In capitals."""
    if text.upper() not in METHODS:
        raise ValueError(f'"{text}" is none of {", ".join(METHODS)}.')
    return text.upper()


def call_of(text: str) -> object:
    """A path of the app is a URL, too."""
    return check_url(absolute(text, ANY_APP))


def destination(text: str) -> object:
    """A URL, a path of the app or the name of a URL group."""
    try:
        return destination_text(absolute(text, ANY_APP))
    except QStashError as error:
        if "scheme" in str(error) and "://" not in text and "/" in text:
            raise ValueError(f"{error}; a path of your app begins with /: /{text}") from None
        raise


DURATION = duration()
TEXT = Value("text", as_given(lambda text: text))
FILTER = Value("filter", lambda text: (parse_filter(text), text)[1])
HEADER = Value("header", lambda text: (header_pair(text), text)[1])
METHOD = Value("method", method)
CALL = Value("url", as_given(call_of))
DESTINATION = Value("destination", as_given(destination))
SERVER = Value("url", as_given(lambda text: parsing.url(with_scheme(text))))
FILE = Value("file", parsing.path)
FILE_NAME = Value("file", as_given(parsing.path))
