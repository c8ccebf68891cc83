"""What others say, without a secret that they were given: some errors repeat what they were asked with.

Knows nothing of who says it.
"""

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote

MASK = "****"
LONG = 16
"""Of a shorter secret only the plain spelling is known: what is made of it may be anything."""


def masker(secret: str) -> Callable[[str], str]:
    """A function that puts a mask for `secret` into a text, however it is spelled there.

    Escaped as in JSON, URLs and HTML, more than once perhaps; in base64, alone or amid others; in hex;
    and what it is itself if it is base64, as tokens of QStash are. A text that is no UTF-8 has lone
    surrogates, as `surrogateescape` makes them.
    """
    if not secret:
        return lambda text: text
    core = secret.rstrip("=") or secret  # the padding may be missing
    spelled = re.compile("".join(map(_escaped, core)))
    others = tuple(dict.fromkeys(_others(core))) if len(core) >= LONG else ()

    def masked(text: str) -> str:
        text = spelled.sub(MASK, text)
        for other in others:
            text = text.replace(other, MASK)
        return text

    return masked


def _others(secret: str) -> Iterator[str]:
    """What is made of a secret. Plain texts: to look for each in any spelling would take too long."""
    for made in (*_encoded(secret.encode()), *_decoded(secret)):
        in_json = json.dumps(made)[1:-1]
        in_url = quote(made, safe="")
        yield from (made, in_json, json.dumps(in_json)[1:-1], made.replace("/", "\\/"))
        yield from (in_url, quote(in_url, safe=""))


def _encoded(content: bytes) -> Iterator[str]:
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            # Without what the neighbours of the secret share in.
            first, end = -(-8 * before // 6), 8 * (before + len(content)) // 6
            yield encode(bytes(before) + content).decode()[first:end]
    yield content.hex()
    yield content.hex().upper()


def _decoded(secret: str) -> Iterator[str]:
    try:
        text = b64decode(secret + "=" * (-len(secret) % 4), validate=True).decode()
    except ValueError:
        return
    yield text
    yield from (word for word in re.findall(r"[^\"{}\[\],:\s]+", text) if len(word) >= LONG)


def _escaped(character: str) -> str:
    """A pattern for a character as it is, or behind any of the usual escapes. No part of it goes on
    without end: no text takes long.
    """
    plain, code = re.escape(character), ord(character)
    code_hex = "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in f"{code:02x}")
    return (
        rf"(?:{plain}|\\\\{{0,7}}(?:{plain}|(?:u00|x){code_hex})|%(?:25){{0,4}}{code_hex}"
        rf"|&#(?:0{{0,5}}{code}|[xX]0{{0,5}}{code_hex});)"
    )
