"""Who may talk to us: no web page but those of this machine, no rebound host name, no unknown token.

The dev tokens are public and neither a form nor an image needs a preflight, so without this any web
page could make us send validly signed requests to the developer's app.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy

from qstash_dev.api import web
from qstash_dev.api.call import Context
from qstash_dev.api.request_line import Target
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.urls import is_local_name, origin_of

CONSOLE = "https://console.upstash.com"
_CONTAINER_HOST = "host.docker.internal"
_CLAIMED = (".local", ".lan")
"""Names under these anybody on the local network may claim (mDNS, DHCP); no container has one."""
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]|([A-Za-z0-9_.-]+))(?::[0-9]*)?")
_ORIGIN = re.compile(r"https?://(.+)")
# Judged by their first value, used by another one: better not at all.
_SINGLE = ("Host", "Origin", "Authorization", "Sec-Fetch-Site")


def check_caller(request: web.BaseRequest, target: Target, context: Context) -> str | None:
    """The web page origin that may read the answer, if a page is asking.

    Raises QStashError: 400 for a header that stands there twice, 403 for whom we do not answer.
    """
    headers = request.headers
    check_single(headers)
    host = headers.get("Host", "") if target.authority is None else target.authority
    for named in {host, headers.get("Host", host)}:
        _check_host(named, request, context)
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if not target.is_api:
        _check_no_delivery(headers)
        _check_own_page(origin, site, host, context)
        return None
    if origin is None and site == "cross-site":
        raise QStashError(403, "requests from other web sites are refused")
    if origin is not None and not (_is_same(origin, host) or _may_call(origin)):
        raise QStashError(403, f"requests from the web page origin {origin[:200]!r} are refused")
    return origin


def check_single(headers: CIMultiDictProxy[str], *more: str) -> None:
    """Raises QStashError(400) if a header that decides stands in a request more than once."""
    for name in (*_SINGLE, *more):
        if len(headers.getall(name, ())) > 1:
            raise QStashError(400, f"the header {name} stands in the request more than once")


def authenticate(request: web.BaseRequest, query: str, context: Context) -> tuple[str, bool]:
    """The user of the request's token, and whether it came in the Authorization header.

    Raises QStashError(401) in QStash's words, and 403 for a token in the query that a page sent:
    there it needs no preflight.
    """
    token = bearer_token(request)
    if token in context.users:
        return context.users[token].id, True
    if "qstash_token" in query.lower():
        user = context.users.get(query_token(query))
        if user is not None and is_browser(request):
            raise QStashError(
                403,
                "a browser's token in the query is refused: send the header "
                "'Authorization: Bearer <token>' instead",
            )
        if user is not None:
            return user.id, False
    raise QStashError(401, "unable to authenticate: invalid token")


def check_action(request: web.BaseRequest) -> None:
    """What acts whatever the method is not done by a page's GET, however it has a token.

    Raises QStashError(403).
    """
    if request.method in ("GET", "HEAD") and is_browser(request):
        raise QStashError(403, f"a browser may not do this with {request.method}: use POST")


def check_is_here(request: web.BaseRequest) -> None:
    """A person at another machine only looks, whatever token they have. Raises QStashError(403)."""
    peer = _address(str(request.remote).partition("%")[0])
    here = peer is not None and (getattr(peer, "ipv4_mapped", None) or peer).is_loopback
    if is_browser(request) and not here:
        raise QStashError(403, "a browser at another machine may look, but not do this")


def is_browser(request: web.BaseRequest) -> bool:
    """Whether a browser sent this, by what a page can neither leave out nor change.

    Addresses that a browser does not trust get no `Sec-Fetch-*`, and a GET of an image has no
    `Origin`; but all browsers are Mozilla. So is PowerShell. Node's `fetch` sends `Sec-Fetch-Mode`.
    """
    headers = request.headers
    if "Origin" in headers or "Referer" in headers:
        return True
    if "Sec-Fetch-Site" in headers or "Sec-Fetch-Dest" in headers:
        return True
    agent = headers.get("User-Agent", "")
    return agent.startswith("Mozilla/") and "PowerShell/" not in agent


def allow_headers(origin: str) -> dict[str, str]:
    """What lets a page of an allowed origin read our answers."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Allow-Private-Network": "true",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def preflight(request: web.BaseRequest, origin: str) -> web.Response:
    """The answer to a browser's question; it names the headers asked for, `*` excludes credentials."""
    headers = allow_headers(origin)
    asked = request.headers.get("Access-Control-Request-Headers")
    if asked and asked.isascii():
        headers["Access-Control-Allow-Headers"] = asked
    return web.Response(status=204, headers=headers)


def _check_no_delivery(headers: CIMultiDictProxy[str]) -> None:
    """Whatever name a message found us by: in a container we do not know all of ours."""
    if "Upstash-Signature" in headers:
        raise QStashError(403, "no message is delivered to qstash-dev itself, only to its /v2/")


def _check_own_page(origin: str | None, site: str | None, host: str, context: Context) -> None:
    """The control API shows tokens: of pages it answers its own alone."""
    own = context.advertised and origin_of(context.advertised).lower()
    if origin is not None and not (_is_same(origin, host) or origin.lower() == own):
        raise QStashError(
            403,
            f"requests from the web page origin {origin[:200]!r} are refused: "
            "only /v2/ answers pages of other origins",
        )
    if site not in (None, "same-origin", "none"):
        raise QStashError(403, "requests from other web sites are refused: use /v2/")


def _check_host(host: str, request: web.BaseRequest, context: Context) -> None:
    if not _is_ours(host, request, context):
        raise QStashError(
            403,
            f"the Host header {host[:200]!r} is not a name of this server: address it as "
            "localhost or 127.0.0.1; other addresses are given with --host, names with --allow-host",
        )


def _is_ours(host: str, request: web.BaseRequest, context: Context) -> bool:
    """The addresses that we listen at, and the names that lead nowhere but to this machine.

    A server that others can reach is protected by its tokens, whatever it is called. An app in a
    container calls us `host.docker.internal`, and one beside our own container by a name of their
    network; in a browser these can lead anywhere.
    """
    if context.token_required:
        return True
    name = _name_in(host)
    if name in context.hosts or _is_this_machine(name) or context.nearby.names_it(name):
        return True
    of_network = context.nearby.has(name) and not name.endswith(_CLAIMED)
    return (name == _CONTAINER_HOST or of_network) and not is_browser(request)


def _may_call(origin: str) -> bool:
    """Pages of the developer's own apps, and of the console's local mode."""
    found = _ORIGIN.fullmatch(origin)
    return origin == CONSOLE or (found is not None and _is_this_machine(_name_in(found[1])))


def _is_same(origin: str, host: str) -> bool:
    return origin.lower() == f"http://{host.lower()}"


@lru_cache(maxsize=256)
def _is_this_machine(name: str) -> bool:
    """No other spelling: what browsers make of `0.0.0.0` or `2130706433` is not held to be local."""
    address = _address(name)
    if isinstance(address, IPv4Address):
        return address.is_loopback
    return address == IPv6Address("::1") or is_local_name(name)


@lru_cache(maxsize=256)
def _name_in(authority: str) -> str:
    """The host of `host:port` in lower case; empty when it is nothing of the kind."""
    found = _AUTHORITY.fullmatch(authority)
    return (found[1] or found[2]).lower() if found else ""


@lru_cache(maxsize=256)
def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def bearer_token(request: web.BaseRequest) -> str | None:
    """The token of the Authorization header, `None` where that has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def query_token(query: str) -> str:
    """The token in a query; empty where there is none."""
    for name, value in parse_qsl(query.replace("+", "%2B")):
        if name.lower() == "qstash_token":
            return value
    return ""
