"""What arguments of tools are, and what is wrong with them, in a sentence. Knows no tool."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, Field, ValidationError

from qstash_dev.protocol.timing import parse_duration

SHOWN = 100


def _duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]
"""Such as `2h`."""
Count = Annotated[int, Field(ge=0)]


class Strict(MCPServer):
    """Refuses arguments that a tool does not have, and says in our words what those must be."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """As the SDK's. Raises ToolError with a sentence."""
        for tool in await self.list_tools():
            takes = tool.input_schema.get("properties", {})
            if tool.name == name and (unknown := sorted(arguments.keys() - takes.keys())):
                expected = ", ".join(takes) or "nothing"
                raise ToolError(f"{name} has no {', '.join(unknown)[:SHOWN]}: expected {expected}")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                raise ToolError("; ".join(complaints(cause))) from None
            if isinstance(cause, ToolError):  # the tool's own sentence, which the SDK has prefixed
                raise ToolError(str(cause)) from None
            raise


def complaints(error: ValidationError) -> Iterator[str]:
    """A sentence for each argument."""
    for one in error.errors(include_url=False):
        name = ".".join(map(str, one["loc"]))
        if one["type"] == "missing":
            yield f"{name} is missing"
            continue
        if one["type"] == "value_error":
            yield f"invalid {name}: {one['ctx']['error']}"
            continue
        said = one["msg"].removeprefix("Input should be ")
        said = re.sub("greater than or equal to (.+)", r"\1 or more", said)
        said = said.replace("a valid integer", "an integer").replace("a valid ", "a ")
        given = json.dumps(one["input"], ensure_ascii=False, default=str)[:SHOWN]
        yield f"invalid {name} {given}: expected {said.partition(', unable')[0]}"
