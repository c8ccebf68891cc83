"""How a tool reaches the server that is meant, and how trouble becomes a sentence for the agent."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from qstash_dev.client import Client, ClientError, ServerUnreachable

Document = dict[str, Any]
Find = Callable[[], tuple[str, str | None]]
"""Address and token of the server, looked for anew by each call: it may have been started since."""
ANSWERS_S = 30.0
LONGEST_S = 600.0


class Tools:
    """Tools of one kind. Each method is a tool, and its docstring what the agent reads."""

    def __init__(self, find: Find) -> None:
        self._find = find

    @asynccontextmanager
    async def client(self, waits_s: float = 0) -> AsyncIterator[Client]:
        """The control API, which may take `waits_s` to answer. Raises ToolError with a sentence."""
        try:
            if not 0 <= waits_s <= LONGEST_S:  # nor is `NaN`, which JSON of some writers has
                raise ValueError(f"invalid timeout_s {waits_s:g}: expected 0 to {LONGEST_S:g}")
            url, token = self._find()
            async with Client(url, token, timeout_s=ANSWERS_S + waits_s) as client:
                yield client
        except ServerUnreachable as error:
            raise ToolError(f"{error} Start one with: qstash-dev serve") from None
        except (ClientError, ValueError) as error:
            raise ToolError(str(error)) from None
