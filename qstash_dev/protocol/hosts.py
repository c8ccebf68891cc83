"""What is wrong with a host before anybody looks it up: no client can dial it, or it is what an empty
variable leaves behind. Ours: QStash's look-up finds no such host, and says no more. Knows no network.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote

LOOPBACK = ("127.0.0.1", "::1")
"""What `localhost` is."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\ufffd#%/:<>?@\[\\\]^|]")  # WHATWG URL, 3.2
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_EMPTY_VARIABLE = (  # compiled by `re` when first used: most starts do not use it
    r"undefined|null|none|nil|nan|\[?object object\]?"
    r"|\$?\{.*\}|\$\(.*\)|<.*>|process\.env\..*|import\.meta\.env\..*|\$[a-z_]\w*"
)


def is_empty_variable(text: str) -> bool:
    """Whether a text is what languages write for a value that is not there, or a name in its place."""
    plain = unquote(text).strip()
    return re.fullmatch(_EMPTY_VARIABLE, plain, re.IGNORECASE | re.DOTALL) is not None


def names_empty_variable(host: str) -> bool:
    """Whether the host, or the first part of it that is to tell tenants apart, is such a text."""
    first = unquote(host).partition(".")[0]
    return is_empty_variable(host) or first.lower() == "undefined" or "${" in unquote(host)


def why_undialable(host: str, is_address: bool) -> str | None:
    """Why no client can call a decoded host; `is_address`: whether it is a valid IPv4 address.

    As browsers, Node and curl read it (WHATWG URL, 3.5), and as DNS limits it (RFC 1035, 2.3.4).
    """
    if ":" in host:
        return _why_no_ipv6(host)
    if found := _FORBIDDEN.search(host):
        return f"no name has {found[0]!a} in it"
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and not is_address:
        return "it ends in a number, but is no IPv4 address"
    labels = host.split(".")
    if "" in labels:
        return "a part between its dots is empty"
    try:
        written = [label.encode("idna") for label in labels]
    except UnicodeError:
        return "a part of it is longer than 63 characters, or none that a name may have"
    return "it is longer than 253 characters" if len(b".".join(written)) > 253 else None


def _why_no_ipv6(host: str) -> str | None:
    try:
        IPv6Address(host)
    except AddressValueError:
        return "it is no IPv6 address"
    return None
