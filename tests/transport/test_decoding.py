"""Bodies in a coding that nobody asked for: what they mean, and never more of it than the limit."""

import gzip
import zlib
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from qstash_dev.transport.decoding import decoded
from qstash_dev.transport.delivery import Sender
from tests.raw_server import RawServer
from tests.transport.sending import MAX_BODY, answered

TEXT = b"plain text " * 1_000


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def brotli(body: bytes) -> bytes:
    library = pytest.importorskip("brotli")
    return bytes(library.compress(body, quality=4))


def zstd(body: bytes) -> bytes:
    name = "compression.zstd" if find_spec("compression") else "backports.zstd"
    return bytes(pytest.importorskip(name).compress(body))


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("X-Gzip ", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
]


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_a_coded_body_is_decoded(coding: str, encode: Callable[[bytes], bytes]) -> None:
    assert decoded(coding, encode(TEXT), len(TEXT), True) == (TEXT, False)


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
@pytest.mark.parametrize("limit", [0, 1, 100_000, len(TEXT) - 1])
def test_no_more_is_made_than_the_limit(
    coding: str, encode: Callable[[bytes], bytes], limit: int
) -> None:
    bomb = encode(TEXT if limit < len(TEXT) else b"\0" * 10_000_000)
    made, truncated = decoded(coding, bomb, limit, True)
    assert (len(made), truncated) == (limit, True)


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_the_beginning_of_a_body_that_was_too_long_is_decoded(
    coding: str, encode: Callable[[bytes], bytes]
) -> None:
    coded = encode(bytes(range(256)) * 1_000)
    made, truncated = decoded(coding, coded[: len(coded) // 2], 1_000_000, False)
    assert truncated
    assert (bytes(range(256)) * 1_000).startswith(made)


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_a_body_that_ends_too_early_is_no_body(
    coding: str, encode: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ValueError, match="too early"):
        decoded(coding, encode(TEXT)[:-5], len(TEXT), True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_in_another_coding_than_it_says_is_no_body(coding: str) -> None:
    pytest.importorskip("brotli")
    with pytest.raises(ValueError):
        decoded(coding, b"\xff" + TEXT, len(TEXT), True)


@pytest.mark.parametrize("encode", [gzip.compress, zstd])
def test_parts_that_follow_one_another_are_one_body(encode: Callable[[bytes], bytes]) -> None:
    coding = "gzip" if encode is gzip.compress else "zstd"
    coded = encode(b"one ") + encode(b"two")
    assert decoded(coding, coded, 100, True) == (b"one two", False)
    assert decoded(coding, coded, 5, True) == (b"one t", True)
    assert decoded(coding, encode(b"one ") + b"\0\0", 100, True) == (b"one ", False)


@pytest.mark.parametrize("coding", ["identity", "compress", "gzip, br", "aes128gcm", ""])
def test_a_body_in_an_unknown_coding_stays_as_it_is(coding: str) -> None:
    assert decoded(coding, b"\x00coded", 100, True) == (b"\x00coded", False)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_no_body_needs_no_decoding(coding: str) -> None:
    assert decoded(coding, b"", 100, True) == (b"", False)


def compressed(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_an_answer_is_decoded_and_keeps_its_headers(
    server: RawServer, sender: Sender
) -> None:
    found = await answered(sender, server, compressed(gzip.compress(b"plain text")))
    assert (found.body, found.headers[0]) == (b"plain text", ("Content-Encoding", "gzip"))


async def test_of_a_decompression_bomb_only_the_beginning_is_kept(
    server: RawServer, sender: Sender
) -> None:
    found = await answered(sender, server, compressed(gzip.compress(b"\0" * 100_000_000)))
    assert (len(found.body), found.truncated) == (MAX_BODY, True)
