"""The files of the page, each read once, with what a browser must be told about it.

Knows neither requests nor routes.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

INDEX = "index.html"
FILES = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types body",
    )
)
"""Nothing from elsewhere, no code but ours, no frame around us, and no text that becomes HTML."""
SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""No opener policy: a browser starts a second process for it, a quarter of the time to the first list.
What it is for cannot happen, since no page of another origin may open this one (`api.guard`), and this
one listens to no messages and opens nothing.
"""
KEPT = {"Cache-Control": "max-age=31536000, immutable"}
"""For a file under the address of its version, which a browser need not ask for again."""


class Asset(Struct, frozen=True):
    """One file; `headers` are all that go with it."""

    body: bytes
    etag: str
    headers: dict[str, str]


@cache
def assets() -> dict[str, Asset]:
    """All files by their names. The first one leads to the others under the address of this version."""
    files = dict(_files())
    files[INDEX] = files[INDEX].replace(b'"/_dev/page/', b'"/_dev/page/%b/' % version().encode())
    return {name: _asset(name, body) for name, body in files.items()}


@cache
def version() -> str:
    """What all files are together: with another byte in one it is another."""
    return sha256(b"".join(body for _, body in sorted(_files()))).hexdigest()[:16]


def _files() -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in FILES.iterdir() if path.suffix in TYPES)


def _asset(name: str, body: bytes) -> Asset:
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    return Asset(body, etag, {**SAFE, "Content-Type": TYPES[Path(name).suffix], "ETag": etag})
