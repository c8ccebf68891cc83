"""URL groups: how lists of endpoints change. Order is kept, since deliveries are listed in it."""

from collections.abc import Iterable

from qstash_dev.protocol.model import Endpoint

Endpoints = tuple[Endpoint, ...]


def added(endpoints: Endpoints, new: Iterable[Endpoint]) -> Endpoints:
    """With the new ones at the end; one with a known URL or name replaces that in place."""
    result = list(endpoints)
    for endpoint in new:
        places = [i for i, old in enumerate(result) if _same(old, endpoint)]
        if not places:
            result.append(endpoint)
            continue
        result[places[0]] = endpoint
        for place in reversed(places[1:]):
            del result[place]
    return tuple(result)


def removed(endpoints: Endpoints, gone: Iterable[tuple[str | None, str | None]]) -> Endpoints:
    """Without those whose URL or name is among the pairs."""
    pairs = list(gone)
    urls = {url for url, _ in pairs if url}
    names = {name for _, name in pairs if name}
    return tuple(e for e in endpoints if e.url not in urls and e.name not in names)


def _same(old: Endpoint, new: Endpoint) -> bool:
    return old.url == new.url or (new.name is not None and old.name == new.name)
