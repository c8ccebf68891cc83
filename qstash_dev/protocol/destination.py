"""Where a message goes: reads the destination out of a raw request path and query string.

Clients put the destination unescaped into the path (qstash-js `src/client/client.ts`), so its query
string arrives as the query of the request itself, with settings among it (QStash docs, "Use as Webhook
Receiver"). Text is kept byte for byte, nothing is normalised: it is signed and reported as it came.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, unquote_plus

from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.hosts import is_empty_variable, names_empty_variable
from qstash_dev.protocol.model import Spec
from qstash_dev.protocol.remembered import remembered
from qstash_dev.protocol.urls import site_of, split_url, undialable

NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_SCHEME = re.compile(r"https?:/", re.IGNORECASE)
_ENCODED_SCHEME = re.compile(r"https?%3a", re.IGNORECASE)
_COLLAPSED = re.compile(r"^(https?:)/(?!/)", re.IGNORECASE)
_PRINTABLE = "".join(chr(c) for c in range(0x21, 0x7F))
_AUTHORITY = re.compile(r"https?://(?:[^/?#]*@)?([^/?#]*)", re.IGNORECASE)
_BAD_SCHEME = "invalid destination url: endpoint has invalid scheme, add http:// or https://"


class Destination(Struct, frozen=True):
    """Either a URL or the name of a URL group, with the configuration found in the query string.

    `config` maps lower-case names (`upstash-retries`) to their decoded values.
    """

    url: str | None
    group: str | None
    config: dict[str, str]


@remembered
def parse_destination(remainder: str, query: str) -> Destination:
    """Read what follows `/v2/publish/` (still percent-encoded) and the raw query string.

    A slash that a proxy took out of `https://` is put back, a URL that is encoded as a whole is decoded
    (ours: seen of clients).
    Raises QStashError(400) for an empty destination, a bad scheme or a URL without a host.
    """
    config, kept = split_query(query)
    text = _repair(remainder)
    if not text:
        raise QStashError(400, "a non-empty destination must be provided")
    if _SCHEME.match(text):
        return Destination(check_url(_join(text, kept)), None, config)
    # A slash after a name is the path's; one after a URL is the URL's.
    return Destination(None, check_group_name(unquote(text.removesuffix("/"))), config)


def destination_text(text: str) -> Destination:
    """Read the `destination` of a batch item or a schedule: a URL or a group name, as it is."""
    if not text.strip():
        raise QStashError(400, "a non-empty destination must be provided")
    if _SCHEME.match(text):
        return Destination(check_url(_COLLAPSED.sub(r"\1//", text)), None, {})
    return Destination(None, check_group_name(text), {})


def urls_of(spec: Spec) -> Iterator[tuple[str, str]]:
    """All that a message calls: what each URL is, and the URL; without that of a URL group."""
    if spec.url:
        yield "destination", spec.url
    for what, callback in (
        ("callback", spec.callback),
        ("failure callback", spec.failure_callback),
    ):
        while callback is not None:
            yield what, callback.url
            what, callback = "failure callback", callback.failure_callback


def split_query(query: str) -> tuple[dict[str, str], str]:
    """Take `upstash-*` parameters and the token out of a raw query; the rest keeps its bytes."""
    if not query:
        return {}, ""
    config: dict[str, str] = {}
    kept: list[str] = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        lowered = unquote_plus(name).lower()
        if lowered.startswith("upstash-"):
            config[lowered] = unquote_plus(value)
        elif lowered != "qstash_token":
            kept.append(part)
    return config, "&".join(kept)


@remembered
def check_url(text: str, what: str = "destination") -> str:
    """Return `text`, made safe for a request line, if it is an http(s) URL with a host.

    Only characters that cannot stand in a request line (spaces, control and non-ASCII characters)
    are escaped. Raises QStashError(400) with QStash's wording (qstash-js issue 49).

    Differs: QStash looks the host up when it is published to, and refuses one that is not found or
    leads to a loopback address. Here apps are local, and a host may come up later.
    """
    if not text.lower().startswith(("http://", "https://")):
        raise QStashError(400, _BAD_SCHEME.replace("destination", what, 1))
    _check_variables(text, what)
    try:
        host = split_url(text).hostname
    except ValueError as error:
        raise QStashError(400, f"invalid {what} url: {error}: {text[:200]!r}") from error
    if not host or site_of(text) is None:
        raise QStashError(400, f"invalid {what} url: no host in {text[:200]!r}")
    if why := undialable(text):
        raise QStashError(400, f"invalid {what} url: no client can dial {host[:200]!r}: {why}")
    return escape(text)


def _check_variables(text: str, what: str) -> None:
    """A variable of the app that is not set leaves its mark where the host or the port should be.

    The cloud says of such a host that it cannot be resolved (qstash-js#226); here it is said why.
    """
    found = _AUTHORITY.match(text)
    host, _, port = found[1].partition(":") if found else ("", "", "")
    if names_empty_variable(host):
        raise QStashError(
            400,
            f"invalid {what} url: unable to resolve host: lookup {host[:200]}: no such host: "
            "a variable of the app was empty when it made this URL",
        )
    if is_empty_variable(port) or port.lower().endswith(("undefined", "null", "none", "nan")):
        raise QStashError(
            400,
            f"invalid {what} url: the port is {port[:200]!r}: a variable of the app was empty "
            "when it made this URL",
        )


def escape(text: str) -> str:
    """Percent-encode what cannot stand in a request line, and nothing else."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return quote(text.encode("utf-8", "surrogateescape"), safe=_PRINTABLE)


def check_group_name(name: str) -> str:
    """Return a URL group's name; what cannot be one is taken for a URL without a scheme."""
    if name == "api/llm":
        raise QStashError(400, "the destination api/llm is deprecated and not served locally")
    if NAME.fullmatch(name) is None:
        raise QStashError(400, _BAD_SCHEME)
    return name


def _repair(remainder: str) -> str:
    if _ENCODED_SCHEME.match(remainder):
        remainder = unquote(remainder, errors="surrogateescape")
    return _COLLAPSED.sub(r"\1//", remainder)


def _join(text: str, query: str) -> str:
    if not query:
        return text
    return f"{text}{'&' if '?' in text else '?'}{query}"
