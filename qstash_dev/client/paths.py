"""Paths of the control API: a name is a part of its own, whatever it holds."""

from urllib.parse import quote

from qstash_dev.client.errors import Refused


def path_of(noun: str, name: str, *rest: object) -> str:
    """`/_dev/NOUN/NAME/REST`. Raises Refused without a name: that would be the path of all of them."""
    if not name:
        raise Refused(400, "an id or a name is missing: the text is empty")
    return "/".join(("/_dev", noun, quote(name, safe=""), *map(str, rest)))
