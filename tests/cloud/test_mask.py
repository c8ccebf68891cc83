"""A secret is masked in whatever spelling it is repeated. A new spelling is a new row."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from qstash_dev.cloud.mask import MASK, masker

TOKEN = b64encode(b'{"UserID":"ab?>","Password":"0123456789abcdef~~"}').decode()
assert {*"/+="} & {*TOKEN}


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def all_escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def json_string(text: str) -> str:
    return json.dumps(text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "without its padding": lambda text: text.rstrip("="),
    "slashes escaped": lambda text: text.replace("/", "\\/"),
    "padding escaped": lambda text: text.replace("=", "\\u003d"),
    "padding escaped in capitals": lambda text: text.replace("=", "\\u003D"),
    "all escaped": all_escaped,
    "JSON in JSON": lambda text: json_string(json_string(text.replace("/", "\\/"))),
    "in a URL": lambda text: quote(text, safe=""),
    "twice in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "all as in a URL": percent,
    "all as in a URL in small letters": lambda text: percent(text).lower(),
    "in HTML": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "in HTML as hex": lambda text: "".join(f"&#x{ord(character):X};" for character in text),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 amid others": lambda text: b64encode(f"Bearer {text}, too".encode()).decode(),
    "base64 behind one": lambda text: b64encode(f"x{text}".encode()).decode(),
    "base64 behind two": lambda text: b64encode(f"xy{text}".encode()).decode(),
    "base64 for URLs": lambda text: urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(b64encode(text.encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
    "what it says": lambda text: '{"UserID":"ab?>","Password":"0123456789abcdef~~"}',
    "what it says, in JSON": lambda text: json_string(SPELLINGS["what it says"](text)),
    "what it says, in part": lambda text: "wrong password 0123456789abcdef~~",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_secret_is_masked_however_it_is_spelled(name: str) -> None:
    said = masker(TOKEN)(f"<{SPELLINGS[name](TOKEN)}>")
    assert MASK in said
    assert len(said.replace(MASK, "")) < 40
    assert said[0] + said[-1] == "<>"


@pytest.mark.parametrize("text", ["", "nothing of it", "\udcff\n", TOKEN[:12], "%2F\\/&#61;"])
def test_all_else_stays(text: str) -> None:
    assert masker(TOKEN)(text) == text
    assert masker("")(text) == text
