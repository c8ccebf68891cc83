"""Bodies that an app compressed although nobody asked for it, decoded within a limit.

gzip and deflate come with Python. Brotli and zstd are decoded where a library is installed; else the
body is kept as it came, as one in any other coding is.
"""

import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

Decode = Callable[[bytes, int, bool], tuple[bytes, bool]]


def decoded(coding: str, body: bytes, limit: int, whole: bool) -> tuple[bytes, bool]:
    """What `body` means, at most `limit` bytes of it, and whether that is less than all.

    Raises ValueError for what is not in that coding, or ends too early although it is `whole`.
    """
    decode = _decoder(coding.strip().lower())
    if decode is None or not body:
        return body, not whole
    return decode(body, limit, whole)


@cache
def _decoder(coding: str) -> Decode | None:
    if coding in ("gzip", "x-gzip"):
        return _parts(lambda _: zlib.decompressobj(16 + zlib.MAX_WBITS), b"\x1f\x8b", zlib.error)
    if coding == "deflate":
        return _parts(_inflater, None, zlib.error)
    if coding == "zstd" and (zstd := _library("compression.zstd", "backports.zstd")):
        return _parts(lambda _: zstd.ZstdDecompressor(), b"\x28\xb5\x2f\xfd", zstd.ZstdError)
    if coding == "br" and (brotli := _library("brotli")):
        # Older ones cannot be told how much to make of a body.
        return _brotli(brotli) if hasattr(brotli.Decompressor, "can_accept_more_data") else None
    return None


def _library(*names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _inflater(body: bytes) -> Any:
    """With the wrapper of zlib, as the standard has it, or without, as some servers do."""
    is_wrapped = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS)


def _parts(
    decompressor_of: Callable[[bytes], Any], magic: bytes | None, error_type: type[Exception]
) -> Decode:
    """Of codings whose parts may follow one another, each with `magic`; other bytes end them."""

    def decode(body: bytes, limit: int, whole: bool) -> tuple[bytes, bool]:
        made = b""
        while True:
            decompressor = decompressor_of(body)
            try:
                made += decompressor.decompress(body, limit + 1 - len(made))
            except error_type as error:
                raise ValueError(str(error)) from error
            if len(made) > limit or not decompressor.eof:
                return _cut(made, limit, False, whole)
            body = decompressor.unused_data
            if magic is None or not body.startswith(magic):
                return made, not whole

    return decode


def _brotli(brotli: Any) -> Decode:
    def decode(body: bytes, limit: int, whole: bool) -> tuple[bytes, bool]:
        decompressor = brotli.Decompressor()
        made = b""
        try:
            while len(made) <= limit and not decompressor.is_finished():
                made += decompressor.process(body, output_buffer_limit=limit + 1 - len(made))
                body = b""
                if decompressor.can_accept_more_data():
                    break
        except brotli.error as error:
            raise ValueError(str(error)) from error
        return _cut(made, limit, decompressor.is_finished(), whole)

    return decode


def _cut(made: bytes, limit: int, is_finished: bool, whole: bool) -> tuple[bytes, bool]:
    if len(made) > limit:
        return made[:limit], True
    if whole and not is_finished:
        raise ValueError("it ends too early")
    return made, not whole
