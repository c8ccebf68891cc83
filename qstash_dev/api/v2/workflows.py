"""The workflow endpoints: not served yet, and they say so instead of looking like a wrong URL."""

from aiohttp import web

from qstash_dev.api.call import Call
from qstash_dev.protocol.errors import QStashError

PATTERNS = (
    "/v2/trigger/*",
    "/v2/batch/trigger",
    "/v2/workflows/*",
    "/v2/wait/*",
    "/v2/notify/*",
    "/v2/waiters/*",
)
_HOOKS = "/v2/workflows/hooks/"


def is_public(path: str) -> bool:
    """Whether a path is a webhook, which others call without a token."""
    return path[: len(_HOOKS)].lower() == _HOOKS


async def not_yet(call: Call) -> web.Response:
    """501 with a sentence."""
    raise QStashError(501, "workflows are not supported by qstash-dev yet")
