"""How a client command reaches its server: finds it, asks, and turns trouble into exit codes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from qstash_dev.cli.exits import ERROR, NOT_REACHABLE, USAGE, Failure
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.server_url import Target, find, with_scheme
from qstash_dev.client import Client, Refused, ServerUnreachable

T = TypeVar("T")

PATIENCE_S = 30.0
UNKNOWN = 401
"""How the server refuses a token that is not its own."""
MISUSE = (400, 412)
"""How the server refuses what cannot be meant, and what is above a limit."""


def target_of(url: str | None) -> Target:
    """The server that a command means."""
    token = os.environ.get("QSTASH_DEV_TOKEN")
    if url and token:  # both are known: no need to read settings, which may be those of others
        return Target(with_scheme(url), token, "--url")
    return find(url, os.environ, load_or_fail("serve", {}).config)


def with_client(url: str | None, act: Callable[[Client], Awaitable[T]], waits_ms: int = 0) -> T:
    """What `act` returns. Exits with 5 when no server answers, with 1 when it refuses, with 2 when it
    refuses what was given. The answer may take `waits_ms` longer than others.
    """
    target = target_of(url)

    async def run() -> T:
        patience_s = waits_ms / 1000 + PATIENCE_S
        async with Client(target.url, target.token, timeout_s=patience_s) as client:
            return await act(client)

    try:
        return asyncio.run(run())
    except ServerUnreachable as error:
        hint = f"{target.why()} Start a server with: qstash-dev"
        raise Failure(f"{error}\n{hint}", NOT_REACHABLE) from None
    except Refused as error:
        is_astray = error.status == UNKNOWN and target.passed_over is not None
        said = f"{error}\n{target.why()}" if is_astray else str(error)
        raise Failure(said, USAGE if error.status in MISUSE else ERROR) from None


def ask(url: str | None, method: str, path: str, shape: type[T], **request: Any) -> T:
    """The answer to one request, in its shape."""
    return with_client(url, lambda client: client.ask(method, path, shape, **request))
