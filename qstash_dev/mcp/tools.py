"""How a tool reaches the server that is meant, and how trouble becomes a sentence for the agent."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from mcp.server.mcpserver.exceptions import ToolError

from qstash_dev.client import Client, ClientError, ServerUnreachable

Document = dict[str, Any]
Find = Callable[[], tuple[str, str | None]]
"""Address and token of the server, looked for anew by each call: it may have been started since."""


ANSWERS_S = 30.0


class Tools:
    """Tools of one kind. Each method is a tool, and its docstring what the agent reads."""

    def __init__(self, find: Find) -> None:
        self._find = find

    @asynccontextmanager
    async def client(self, waits_s: float = 0) -> AsyncIterator[Client]:
        """The control API, which may take `waits_s` to answer. Raises ToolError with a sentence."""
        try:
            url, token = self._find()
            async with Client(url, token, timeout_s=ANSWERS_S + waits_s) as client:
                yield client
        except ServerUnreachable as error:
            raise ToolError(f"{error} Start one with: qstash-dev serve") from None
        except (ClientError, ValueError) as error:
            raise ToolError(str(error)) from None


def part(text: str) -> str:
    """An id as a part of a path."""
    return quote(text, safe="")
