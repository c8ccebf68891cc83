"""Tells a program of the developer's about each message that failed for good, with the cause.

Knows where it posts to; not what is done with it.
"""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from qstash_dev.devtools.documents import Event, Row
from qstash_dev.protocol.model import Outcome, Request, Response, State
from qstash_dev.web.links import page_url

log = logging.getLogger(__name__)

TIMEOUT_MS = 5_000
HEADERS = (("Content-Type", "application/json"), ("User-Agent", "qstash-dev"))


class FailureHook(Struct, eq=False):
    """`take` is given each event. A post that fails is logged, and not made again. `_page` is the
    address of this server for people.
    """

    _url: str
    _page: str
    _row_of: Callable[[str], Row | None]
    _send: Callable[[Request], Awaitable[Outcome]]

    async def take(self, event: Event) -> None:
        """Post what failed. `text` is a line for chats; `link` opens the message in the browser."""
        row = self._row_of(event.id) if event.state == State.FAILED else None
        if row is None:
            return
        document = {
            "type": "failed",
            "text": f"{row.method} {row.url} failed: {row.hint or row.error or row.status}",
            "link": page_url(self._page, row.id),
            "id": row.id,
            "time": event.time,
            "method": row.method,
            "url": row.url,
            "status": row.status,
            "attempts": row.try_,
            "error": row.error,
            "cause": row.hint,
            "labels": row.labels,
        }
        body = msgspec.json.encode(document)
        request = Request("POST", self._url, self._url, HEADERS, body, TIMEOUT_MS)
        outcome = await self._send(request)
        if not isinstance(outcome, Response):
            log.warning("--notify: %s", outcome.detail)
        elif outcome.status >= 300:
            log.warning("--notify: %s answered %d", self._url, outcome.status)
