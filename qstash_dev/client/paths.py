"""Paths of the control API and of QStash's own: a name is a part of its own, whatever it holds."""

from urllib.parse import quote

from qstash_dev.client.errors import Refused


def path_of(noun: str, name: str, *rest: object) -> str:
    """`/_dev/NOUN/NAME/REST`. Raises Refused without a name: that would be the path of all of them."""
    return _path("/_dev", noun, name, *rest)


def qstash_path(noun: str, name: str, *rest: object) -> str:
    """The same under `/v2`."""
    return _path("/v2", noun, name, *rest)


def _path(root: str, noun: str, name: str, *rest: object) -> str:
    if not name:
        raise Refused(400, "an id or a name is missing: the text is empty")
    return "/".join((root, noun, quote(name, safe=""), *map(str, rest)))
