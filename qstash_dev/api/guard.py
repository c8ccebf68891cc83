"""Who may talk to us: no foreign web page, no rebound host name, no unknown token.

The dev tokens are public and a form needs no preflight, so without this any web page could make us
send validly signed requests to the developer's app.
"""

import ipaddress
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from qstash_dev.api.call import Context
from qstash_dev.protocol.delivery import is_local_name
from qstash_dev.protocol.errors import QStashError

CONSOLE = "https://console.upstash.com"
_CONTAINER_HOST = "host.docker.internal"


def check_origin(request: web.BaseRequest, context: Context) -> str | None:
    """The allowed browser origin of a request, if any. Raises QStashError(403)."""
    host = request.headers.get("Host", "")
    if not _is_ours(host, context):
        raise QStashError(403, f"the Host header {host[:200]!r} is not a name of this server")
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise QStashError(403, "requests from other web sites are refused")
        return None
    if not _may_call(origin):
        raise QStashError(403, f"requests from the web page origin {origin[:200]!r} are refused")
    return origin


def authenticate(request: web.BaseRequest, query: str, context: Context) -> tuple[str, bool]:
    """The user of the request's token, and whether it came in the Authorization header.

    Raises QStashError(401) in QStash's words.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip() in context.users:
        return context.users[token.strip()].id, True
    if "qstash_token" in query.lower():
        user = context.users.get(_query_token(query))
        if user is not None:
            return user.id, False
    raise QStashError(401, "unable to authenticate: invalid token")


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


def _query_token(query: str) -> str:
    for name, value in parse_qsl(query.replace("+", "%2B")):
        if name.lower() == "qstash_token":
            return value
    return ""


def _is_ours(host: str, context: Context) -> bool:
    """Names of this machine and plain addresses; an open server is protected by its token."""
    if context.token_required:
        return True
    name = _hostname(f"//{host}")
    return name in context.hosts or _is_own(name)


@lru_cache(maxsize=256)
def _is_own(name: str) -> bool:
    return is_local_name(name) or name == _CONTAINER_HOST or _is_address(name)


def _may_call(origin: str) -> bool:
    if origin == CONSOLE:
        return True
    name = _hostname(origin)
    return is_local_name(name) or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


@lru_cache(maxsize=256)
def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # an impossible IPv6 address
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
