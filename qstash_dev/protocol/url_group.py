"""URL groups: how lists of endpoints change (QStash docs, `openapi.yaml`, `/v2/topics`).

Order is kept, since deliveries are listed in it.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Endpoint

Endpoints = tuple[Endpoint, ...]


def added(endpoints: Endpoints, new: Iterable[Endpoint]) -> Endpoints:
    """With the new ones at the end; one with a known URL or name updates that in place (ours: the docs
    say "upsert" and no more).

    Without a name it keeps the one that its URL has. Raises QStashError(400) if its URL is one
    endpoint's and its name another's: one of them would be lost.
    """
    result = list(endpoints)
    for endpoint in new:
        by_url = _place(result, "url", endpoint.url)
        by_name = _place(result, "name", endpoint.name) if endpoint.name else None
        if by_url is not None and by_name is not None and by_url != by_name:
            raise QStashError(
                400,
                f"endpoint {endpoint.url[:200]} cannot be named {endpoint.name!r}: that is the name "
                f"of {result[by_name].url[:200]}, remove one of the two first",
            )
        if by_url is not None:
            name = endpoint.name or result[by_url].name
            result[by_url] = replace(endpoint, name=name)
        elif by_name is not None:
            result[by_name] = endpoint
        else:
            result.append(endpoint)
    return tuple(result)


def removed(endpoints: Endpoints, gone: Iterable[tuple[str | None, str | None]]) -> Endpoints:
    """Without those whose URL or name is among the pairs."""
    pairs = list(gone)
    urls = {url for url, _ in pairs if url}
    names = {name for _, name in pairs if name}
    return tuple(e for e in endpoints if e.url not in urls and e.name not in names)


def _place(endpoints: list[Endpoint], field: str, value: str | None) -> int | None:
    values = [getattr(endpoint, field) for endpoint in endpoints]
    return values.index(value) if value in values else None
