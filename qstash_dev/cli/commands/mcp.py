"""`mcp`: an MCP server on stdio, for agents and the editors that run them."""

import asyncio
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from qstash_dev.cli.connection import target_of
from qstash_dev.cli.exits import Failure
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.shared_options import url_option


@click.command()
@url_option
def mcp(url: str | None) -> None:
    """Serve agents on stdin and stdout; the server itself is found as by other commands."""
    try:
        from qstash_dev.mcp.server import make_server
    except ModuleNotFoundError as error:
        raise Failure(
            f"{error}. The MCP server needs an extra: pipx install 'qstash-dev[mcp]'"
        ) from None

    def find() -> tuple[str, str | None]:
        try:
            target = target_of(url)
        except Failure as error:
            raise ValueError(error.message) from None
        return target.url, target.token

    async def examine() -> dict[str, Any]:
        from qstash_dev.cli.commands.doctor import examine

        config = load_or_fail("dev", {}).config
        findings = await examine(config, Path(), find()[0])
        return {"findings": to_builtins(findings)}

    asyncio.run(make_server(find, examine).run_stdio_async())
