"""Where a URL leads, judged by its target: what is really called once routes are applied.

Ours: QStash knows no routes, and nothing nearer than the public network. Reads a URL once, by its
parts. Pure: it looks no name up, so a name that only DNS or a hosts file leads to this machine is not
known here.
"""

import re
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from unicodedata import normalize
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from qstash_dev.protocol.hosts import why_undialable
from qstash_dev.protocol.remembered import remembered

Routes = tuple[tuple[str, str], ...]
"""Pairs of a URL prefix and the URL that takes its place."""

_BRACKETED = re.compile(r"([^\[\]]*@)?\[[^\[\]]*\](:[^\[\]]*)?")
_URL = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_HOST_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*))(?::([0-9]{0,5}))?")
_NUMBER = re.compile(r"0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*")
DEFAULT_PORTS = {"http": 80, "https": 443}
_ALIASES = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})
_BOUNDARIES = ("", "/", "?", "#")


class Place(StrEnum):
    """How far away a target is. OURS is a listener of this very server, NEAR one of `Nearby`."""

    OURS = "ours"
    LOOPBACK = "loopback"
    NEAR = "near"
    PRIVATE = "private"
    OUTSIDE = "outside"


class Nearby(Struct, frozen=True):
    """Other hosts that are as good as this machine: those of private networks if `is_private`, and
    `names`, where `*.x` is every name under `x`. Inside a container the app has another address.
    """

    is_private: bool = False
    names: tuple[str, ...] = ()

    def has(self, host: str) -> bool:
        """Whether a host counts as this machine. No link-local one: clouds keep secrets there."""
        name = _plain(host)
        if self.names_it(name):
            return True
        address = _address(name)
        is_link = address is not None and address.is_link_local
        is_known = self.is_private and bool(name) and not is_link
        return is_known and _place(name) is Place.PRIVATE

    def names_it(self, name: str) -> bool:
        """Whether it is one of `names`, or under one of them."""
        return any(
            name == one or (one[:2] == "*." and name.endswith(one[1:])) for one in self.names
        )


ALONE = Nearby()


class Way(Struct, frozen=True):
    """Where a URL leads: `target` is what is called, by the route for `prefix` if there is one."""

    target: str
    place: Place
    prefix: str | None = None

    @property
    def is_routed(self) -> bool:
        """Whether a route has decided, though perhaps nothing is changed by it."""
        return self.prefix is not None

    @property
    def is_here(self) -> bool:
        """Whether it is for this machine: an address of it, or what the developer has routed."""
        here = self.place in (Place.LOOPBACK, Place.NEAR)
        return here or (self.is_routed and self.place is not Place.OURS)

    @property
    def leaves(self) -> bool:
        """Whether it leaves the machine. A private address that a route names is the developer's."""
        return self.place is Place.OUTSIDE or (self.place is Place.PRIVATE and not self.is_routed)

    @property
    def is_barred(self) -> bool:
        """Whether no message may go there: this very server, where `/v2/` alone asks for a token."""
        return self.place is Place.OURS and _rest(self.target)[:4].lower() != "/v2/"


class KeptHosts(Struct, frozen=True):
    """Which routes leave `Host` as the URL has it: those for `prefixes`, or `every` one.

    Every one, that is also what the tunnel brings.
    """

    every: bool = False
    prefixes: tuple[str, ...] = ()

    def keeps(self, leads: Way) -> bool:
        """Whether the app is to be called by the host of the URL, not by its own address."""
        return leads.is_routed and (self.every or leads.prefix in self.prefixes)


class Site(Struct, frozen=True):
    """Scheme, host and port as they are compared: in lower case, decoded, with the default port."""

    scheme: str
    host: str
    port: int
    has_user: bool = False


@remembered
def way(
    url: str,
    routes: Routes = (),
    own_ports: frozenset[int] = frozenset(),
    nearby: Nearby = ALONE,
) -> Way:
    """Where a URL leads. `own_ports` are those that this server listens on."""
    prefix, target = _routed(url, routes)
    place = place_of(target, nearby)
    if place is Place.LOOPBACK and (site := site_of(target)) and site.port in own_ports:
        place = Place.OURS
    return Way(target, place, prefix)


@remembered
def place_of(url: str, nearby: Nearby = ALONE) -> Place:
    """How far a URL reaches by itself. What cannot be read is outside.

    A name without a dot is one of a private network (Docker, mDNS). Ours: QStash's own servers know
    only "public" and "endpoint resolves to a loopback address".
    """
    site = site_of(url)
    if site is None:
        return Place.OUTSIDE
    place = _place(site.host)
    return Place.NEAR if place is not Place.LOOPBACK and nearby.has(site.host) else place


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine: `localhost`, `*.localhost` or a loopback address."""
    return place_of(url) is Place.LOOPBACK


def is_local_name(host: str) -> bool:
    """Whether a host name always means this machine (RFC 6761, 6.3)."""
    name = _plain(host)
    return name == "localhost" or name.endswith(".localhost")


def route(url: str, routes: Routes) -> str:
    """Where a destination is really sent: of the routes that fit, the one with the longest path.

    Scheme, host and port must be the same, whatever their spelling, and the path must begin with the
    route's, up to the end of a part. A URL with credentials fits no route.
    """
    return _routed(url, routes)[1]


def is_under(url: str, prefix: str) -> bool:
    """Whether a URL is one of those that a route for `prefix` would lead elsewhere."""
    return _routed(url, ((prefix, prefix),))[0] is not None


def below(url: str, base: str) -> str | None:
    """What a URL has after `base`, if that is a place of this site; `None` if not.

    The usual names of this machine are one site.
    """
    site, own = site_of(url), site_of(base)
    if site is None or own is None or site.has_user:
        return None
    is_here = {site.host, own.host} <= _ALIASES
    path = _rest(base).rstrip("/")
    rest = _rest(url)[len(path) :]
    is_same = (site.scheme, site.port) == (own.scheme, own.port)
    if not is_same or not (is_here or site.host == own.host) or rest[:1] not in ("/", "?"):
        return None
    return rest if _rest(url).startswith(path) else None


def same_port(url: str, other: str) -> bool:
    """Whether two URLs lead to one port, of whichever hosts."""
    one, two = site_of(url), site_of(other)
    return one is not None and two is not None and one.port == two.port


def same_listener(url: str, other: str) -> bool:
    """Whether one app serves two URLs, whatever their paths: port and host are the same, where the
    names of this machine that are served alike are one host. `127.0.0.2` is none of them.
    """
    if not same_port(url, other):
        return False
    hosts = {site.host for site in map(site_of, (url, other)) if site is not None}
    alike = _ALIASES | _EVERY_ADDRESS
    return len(hosts) == 1 or all(host in alike or is_local_name(host) for host in hosts)


def split_url(url: str) -> SplitResult:
    """The parts of a URL as they are written. Raises ValueError for a host or port that cannot be."""
    parts = urlsplit(url)
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc):
        raise ValueError("Invalid IPv6 URL")  # some releases of Python say so, others take it
    _ = parts.port  # only when it is asked for, it is looked at
    return parts


def parts_of(url: str) -> SplitResult | None:
    """The parts of a URL as they are written; `None` for one that cannot be read."""
    try:
        return split_url(url)
    except ValueError:
        return None


def site_of(url: str) -> Site | None:
    """The site of a URL; `None` for what is no http or https URL with a host."""
    found = _URL.match(url)
    return _site(found[1].lower(), found[2]) if found else None


def undialable(url: str) -> str | None:
    """Why no client can call a URL, although it has the form of one; `None` if one can."""
    site = site_of(url)
    if site is None:
        return "it has no host"
    if site.port == 0:
        return "nothing can listen on port 0"
    return why_undialable(site.host, _address(site.host) is not None)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as they are written, without credentials."""
    found = _URL.match(url)
    return f"{found[1].lower()}://{found[2].rpartition('@')[2]}" if found else ""


@remembered
def dialled(url: str, routes: Routes = ()) -> str:
    """Host and port that a delivery connects to, in one spelling: what listens on a port of this
    machine is one app, however the machine is named and whatever is spoken there.
    """
    site = site_of(_routed(url, routes)[1])
    if site is None:
        return ""
    if _place(site.host) is Place.LOOPBACK:
        return f"localhost:{site.port}"
    return f"{_address(site.host) or site.host}:{site.port}"


@lru_cache(maxsize=1_024)
def _site(scheme: str, authority: str) -> Site | None:
    _, at, address = authority.rpartition("@")
    found = _HOST_PORT.fullmatch(address)
    host = _plain(found[1] or found[2] or "") if found else ""
    if found is None or not host:
        return None
    port = int(found[3]) if found[3] else DEFAULT_PORTS[scheme]
    return Site(scheme, host, port, bool(at)) if port < 65_536 else None


def _plain(host: str) -> str:
    """One spelling: decoded, in lower case, without the dot of a full name at the end."""
    text = unquote(host) if "%" in host else host
    return normalize("NFKC", text).replace("\u3002", ".").lower().rstrip(".")


@lru_cache(maxsize=1_024)
def _place(host: str) -> Place:
    if is_local_name(host):
        return Place.LOOPBACK
    address = _address(host)
    if address is None:
        is_private = "." not in host or host.endswith((".local", ".internal", ".lan"))
        return Place.PRIVATE if is_private else Place.OUTSIDE
    if address.is_loopback or address.is_unspecified:
        return Place.LOOPBACK
    return Place.PRIVATE if address.is_private or address.is_link_local else Place.OUTSIDE


def _address(host: str) -> IPv4Address | IPv6Address | None:
    if ":" not in host:
        return _ipv4(host)
    try:
        address = IPv6Address(host)
    except ValueError:
        return None
    if address.is_loopback:
        return address
    return address.ipv4_mapped or (
        IPv4Address(int(address)) if int(address) >> 32 == 0 else address
    )


def _ipv4(host: str) -> IPv4Address | None:
    """As inet_aton and so getaddrinfo read it: one to four decimal, octal or hexadecimal numbers."""
    words = host.split(".")
    if len(words) > 4 or not all(map(_NUMBER.fullmatch, words)):
        return None
    *high, last = map(_number, words)
    if max(high, default=0) > 255 or last >= 256 ** (5 - len(words)):
        return None
    return IPv4Address(sum(n << 24 - 8 * i for i, n in enumerate(high)) + last)


def _number(word: str) -> int:
    if word.startswith("0x"):
        return int(word, 16)
    if word.startswith("0"):
        return int(word, 8)
    return int(word[:20])  # any further digit makes it too large just as well


def _routed(url: str, routes: Routes) -> tuple[str | None, str]:
    """The prefix that fits, `None` without one, and the URL that is called."""
    site = site_of(url) if routes else None
    if site is None or site.has_user:
        return None, url
    rest = _rest(url)
    fits = [(path, old, new) for old, new in routes for path in _common(site, rest, old)]
    if not fits:
        return None, url
    path, old, new = max(fits, key=lambda fit: len(fit[0]))
    return old, new.rstrip("/") + rest[len(path) :]


def _rest(url: str) -> str:
    found = _URL.match(url)
    return url[found.end() :] if found else url


def _common(site: Site, rest: str, prefix: str) -> tuple[str, ...]:
    """The path of a route's prefix if it fits. A prefix ends where a part of the URL ends."""
    if site_of(prefix) != site:
        return ()
    path = _rest(prefix).rstrip("/")
    fits = rest.startswith(path) and rest[len(path) : len(path) + 1] in _BOUNDARIES
    return (path,) if fits else ()
