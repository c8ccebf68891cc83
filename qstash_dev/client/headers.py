"""Headers as people write them, in the shape in which a publish takes them."""

from collections.abc import Iterable

_OWN = ("upstash-", "content-type")


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name; values of one name are joined, as HTTP has it."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def publish_name(name: str) -> str:
    """The name on a publish: QStash's own as it is, another for the destination (as SDKs do)."""
    return name if name.lower().startswith(_OWN) else f"Upstash-Forward-{name}"
