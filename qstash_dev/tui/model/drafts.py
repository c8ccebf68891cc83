"""A message as it is written, what is wrong with it, and where. Knows no widgets and no server."""

from typing import NamedTuple

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Draft(NamedTuple):
    """A message as it is written; `body` is `None` when it stays as it is."""

    url: str
    method: str
    headers: str
    body: bytes | None


class Problem(NamedTuple):
    """What is wrong; `field` is one of `Draft` or empty, `line` counts from 0 in that field."""

    text: str
    field: str = ""
    line: int = 0


def problem_of(draft: Draft) -> Problem | None:
    """What keeps a draft from being sent at all."""
    if not draft.url:
        return Problem("The destination is missing: a URL, or the name of a URL group.", "url")
    if draft.method not in METHODS:
        wanted = ", ".join(METHODS)
        return Problem(f'The method is one of {wanted}, not "{draft.method}".', "method")
    for place, line in enumerate(draft.headers.split("\n")):
        try:
            header_pairs(line)
        except ValueError as error:
            return Problem(str(error), "headers", place)
    return None


def refusal_at(said: str, draft: Draft) -> Problem:
    """What a server refused, at the header it names, else at the destination if it speaks of it."""
    words = said.lower()
    for place, line in enumerate(draft.headers.split("\n")):
        name = line.partition(":")[0].strip().lower()
        if name.startswith("upstash-") and name in words:
            return Problem(said, "headers", place)
    is_url = any(word in words for word in ("destination", "url", "endpoint", "scheme"))
    return Problem(said, "url" if is_url else "")


def header_pairs(text: str) -> list[tuple[str, str]]:
    """`Name: value` lines as pairs. Raises ValueError with the line that is not one."""
    pairs = []
    for line in text.split("\n"):  # other separators of lines are a part of a value
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise ValueError(f'A header is "Name: value", not "{line.strip()}".')
        if colon:
            pairs.append((name.strip(), value.strip(" \t\r")))
    return pairs
