"""Bodies and headers as people give them on a command line."""

import sys
from collections.abc import Sequence

from qstash_dev import given_files
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.devtools.written import body_document, publish_name
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import check_header, joined


def read_body(text: str) -> bytes:
    """The text itself, `@FILE`, or `-` for stdin, as curl's `-d` without its changes."""
    if text != "-" and not text.startswith("@"):
        return text.encode()
    try:
        if text == "-":
            return given_files.at_most(sys.stdin.buffer.read(given_files.CONTENT + 1))
        return given_files.read(text[1:])
    except OSError as error:
        name = "of stdin" if text == "-" else f'"{text[1:]}"'
        raise Failure(
            f"The body {name} cannot be read: {error.strerror or error}.", USAGE
        ) from None


def body_of(text: str) -> str | dict[str, str]:
    """The same in the words of the control API."""
    return body_document(read_body(text))


def headers_of(texts: Sequence[str]) -> dict[str, str]:
    """`Name: value` lines as a mapping; values of one name are joined, as HTTP has it."""
    return joined(header_pair(text) for text in texts)


def header_pair(text: str) -> tuple[str, str]:
    """`Name: value`. Raises ValueError with a sentence."""
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not colon or not name:
        raise ValueError(f'"{text}" is not a header; expected NAME:VALUE.')
    try:
        return check_header(name, value)
    except QStashError as error:
        raise ValueError(error.message) from None


def forwarded(headers: dict[str, str]) -> dict[str, str]:
    """Headers of a publish: QStash's own as they are, others for the destination (as SDKs do)."""
    return {publish_name(name): value for name, value in headers.items()}
