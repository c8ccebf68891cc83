"""A small app that receives deliveries. It knows nothing of how the server works inside."""

import asyncio
import hmac
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
from aiohttp import web
from aiohttp.typedefs import Middleware

from qstash_dev.protocol.users import User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLOW_S = 2.0
BUSY_TRIES = 5
CURRENT = "QSTASH_CURRENT_SIGNING_KEY"
OTHER_KEY = "sig_of_another_account_altogether"
BROKEN = "def total(order):\n    return sum(line['prize'] for line in order['lines'])\n"
FIXED = BROKEN.replace("prize", "price")


class SampleApp:
    """The app on a free port of 127.0.0.1, where nothing listens until `start`."""

    def __init__(self, user: User, folder: Path) -> None:
        self.source = folder / "total.py"
        self.source.write_text(BROKEN)
        (folder / ".env.local").write_text(f"{CURRENT}={OTHER_KEY}\n")
        self.folder = folder
        self.is_up = False
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._runner = web.AppRunner(make_app(user, self.source), access_log=None)

    async def start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        self.is_up = True

    async def stop(self) -> None:
        """Listen no more, if it did."""
        await self._runner.cleanup()
        self._socket.close()

    def save(self) -> None:
        """What a person does who has found the slip."""
        self.source.write_text(FIXED)


@asynccontextmanager
async def sample_app(user: User) -> AsyncIterator[SampleApp]:
    """The sample app, with a folder of its own for its source; it is not started yet."""
    with TemporaryDirectory(prefix="qstash-dev-demo-") as folder:
        app = SampleApp(user, Path(folder))
        try:
            yield app
        finally:
            await app.stop()


def make_app(user: User, source: Path) -> web.Application:
    """The sample app. Every handler answers 401 to what this user's keys did not sign, and one to
    all. `source` is the file of another one, read anew for each request.
    """
    app = web.Application(middlewares=[verified((user.current_key, user.next_key))])
    app.router.add_route("*", "/api/slow", slow)
    app.router.add_route("*", "/api/flaky", flaky)
    app.router.add_route("*", "/api/broken", broken)
    app.router.add_route("*", "/api/rejected", rejected)
    app.router.add_route("*", "/api/busy", busy)
    app.router.add_route("*", "/api/total", partial(total, source))
    app.router.add_route("*", "/api/{name}", accept)
    return app


async def accept(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response({"handler": request.match_info["name"], "received": len(body)})


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW_S)
    return web.json_response({"done": True})


async def flaky(request: web.Request) -> web.Response:
    tries = int(request.headers.get("Upstash-Retried", "0"))
    if tries < 2:
        return web.json_response({"error": f"the database is busy (try {tries + 1})"}, status=503)
    return web.json_response({"done": True})


async def broken(request: web.Request) -> web.Response:
    return web.json_response({"error": "TypeError: order.lines is undefined"}, status=500)


async def rejected(request: web.Request) -> web.Response:
    headers = {"Upstash-NonRetryable-Error": "true"}
    return web.json_response({"error": "no such customer"}, status=489, headers=headers)


async def busy(request: web.Request) -> web.Response:
    tries = int(request.headers.get("Upstash-Retried", "0"))
    if tries < BUSY_TRIES:
        return web.json_response({"error": "the mail server is down"}, status=503)
    return web.json_response({"sent": True})


async def total(source: Path, request: web.Request) -> web.Response:
    """Does what the file says: as a framework that reloads."""
    document = await request.json()
    scope: dict[str, Any] = {}
    try:
        exec(source.read_text(), scope)
        return web.json_response({"total": scope["total"](document)})
    except (ArithmeticError, LookupError, NameError, SyntaxError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        return web.json_response({"error": reason}, status=500)


def verified(keys: tuple[str, ...]) -> Middleware:
    """Lets only signed requests through, as the receivers of the SDKs do."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request.headers.get("Upstash-Signature", "")
        known = (OTHER_KEY,) if request.path == "/api/checkout" else keys
        problem = why_invalid(token, await request.read(), known)
        if problem is not None:
            return web.json_response({"error": problem}, status=401)
        return await handler(request)

    return check


def why_invalid(token: str, body: bytes, keys: Iterable[str]) -> str | None:
    """What is wrong with a signature under every key, or `None`."""
    problem = "there is no Upstash-Signature header"
    for key in keys:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["HS256"],
                issuer="Upstash",
                options={"require": ["iss", "sub", "exp", "nbf", "body"]},
            )
        except jwt.InvalidTokenError as error:
            problem = str(error)
            continue
        digest = urlsafe_b64encode(sha256(body).digest()).decode().rstrip("=")
        same = hmac.compare_digest(str(claims["body"]).rstrip("="), digest)
        return None if same else "the body is not the one that was signed"
    return problem
