"""A URL as a client needs it: where to connect, and what the request line says, byte for byte."""

from base64 import b64encode
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from qstash_dev.protocol.urls import DEFAULT_PORTS, is_local_name, is_loopback, site_of, split_url

Origin = tuple[bool, str, int]
"""What connections are kept for: whether it is TLS, host, port."""


class Target(Struct, frozen=True):
    """`authority` goes into `Host`, `path` into the request
    line, both as they are written. `credentials` is the `Authorization` that the URL asks for.
    """

    host: str
    port: int
    authority: str
    path: str
    is_tls: bool
    is_local: bool
    is_loopback: bool
    credentials: str | None = None

    @property
    def origin(self) -> Origin:
        """What its connections are kept for."""
        return self.is_tls, self.host, self.port


@lru_cache(maxsize=1_000)
def target_of(url: str) -> Target:
    """Read an http(s) URL that `protocol.destination` has let pass. Raises ValueError for others."""
    parts = split_url(url)
    host, site = parts.hostname, site_of(url)
    if site is None or not host:
        raise ValueError(f"not an http or https URL with a host: {url[:200]!r}")
    user, _, authority = parts.netloc.rpartition("@")
    return Target(
        host=site.host if "%" in host and ":" not in host else host,
        port=DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port,
        authority=authority,
        path=_path(url),
        is_tls=parts.scheme == "https",
        is_local=is_local_name(host),
        is_loopback=is_loopback(url),
        credentials=_basic(user) if user else None,
    )


def _path(url: str) -> str:
    """What follows the authority, without the fragment, which is never sent."""
    rest = url.partition("#")[0].partition("://")[2]
    starts = [at for at in map(rest.find, "/?") if at >= 0]
    path = rest[min(starts) :] if starts else ""
    return path if path.startswith("/") else f"/{path}"


def _basic(user: str) -> str:
    name, _, password = user.partition(":")
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return f"Basic {b64encode(pair).decode()}"
