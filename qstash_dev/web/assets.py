"""The files of the page, each read once, with what a browser must be told about it.

Knows neither requests nor routes.
"""

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
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Asset(Struct, frozen=True):
    """One file; `headers` are all that go with it."""

    body: bytes
    etag: str
    headers: dict[str, str]


@cache
def assets() -> dict[str, Asset]:
    """All files by their names."""
    return {path.name: _read(path) for path in FILES.iterdir() if path.suffix in TYPES}


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    return Asset(body, etag, {**SAFE, "Content-Type": TYPES[path.suffix], "ETag": etag})
