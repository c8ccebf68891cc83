"""Passes calls of the app on to the real QStash, and keeps the only copy of its token.

Local URLs leave by the tunnel and come back as the app knows them; answers and errors are the
cloud's own. Decides nothing about messages: `on_sent` is told what will come back.
"""

import json
import logging
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import aiohttp
from yarl import URL

from qstash_dev.api import web
from qstash_dev.api.call import Call, json_response, passed_on
from qstash_dev.cloud import rewrite
from qstash_dev.cloud.mask import masker
from qstash_dev.cloud.rewrite import Borders, Sent
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import OF_A_REQUEST, OF_AN_ANSWER, check_header, without
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.model import Headers, Query
from qstash_dev.protocol.query import CANCELLED, json_pairs, parse_query

log = logging.getLogger(__name__)

TIMEOUT_S = 60.0

_OURS = re.compile(r"/v2/(?:keys|rotate)(?:/|$)", re.I)
_MESSAGES = re.compile(r"/v2/messages/?", re.I)
_OF_MESSAGE = re.compile(r"/v2/messages/([^/]+)(?:/retry)?/?", re.I)
_NOT_SENT = OF_A_REQUEST | {"authorization", "cookie", "origin", "referer"}
_NOT_RETURNED = OF_AN_ANSWER | {"set-cookie", "alt-svc", "strict-transport-security"}

_TROUBLE = {
    401: "the cloud does not accept the token in QSTASH_CLOUD_TOKEN: copy it from the console again",
    412: "a quota of the cloud account is exceeded",
    429: "the cloud's rate limit is reached",
}


class Cloud:
    """The real QStash, at `url`.

    `borders` has no public URL while the tunnel is not open. `on_sent` hears of each accepted
    message with the id of the local user, `on_cancelled` of what was cancelled; `on_trouble` is
    called when `trouble` (a sentence or `None`) changed.
    """

    def __init__(
        self,
        url: str,
        token: str,
        borders: Callable[[], Borders],
        on_sent: Callable[[str, Sent], None],
        on_cancelled: Callable[[str, Query], Awaitable[None]],
        on_trouble: Callable[[], None],
    ) -> None:
        self.url = url.rstrip("/")
        self.trouble: str | None = None
        self.passed = 0
        self._token = token
        self._without_token = masker(token)
        self._borders = borders
        self._on_sent = on_sent
        self._on_cancelled = on_cancelled
        self._on_trouble = on_trouble
        self._session: aiohttp.ClientSession | None = None

    def takes(self, call: Call) -> bool:
        """Whether a call is the cloud's to answer: all of `/v2/` but keys and local messages."""
        path = call.path
        if not path.lower().startswith("/v2/") or _OURS.match(path):
            return False
        named = _OF_MESSAGE.fullmatch(path)
        message = named and call.store.messages.get(None, named[1])
        return not message or message.spec.kind == "cloud"

    async def pass_on(self, call: Call) -> web.Response:
        """The cloud's answer to a call, as if it knew the app's own URLs.

        Raises QStashError: of a rule that makes publishes fail on purpose, and 400 for a header that
        cannot be sent.
        """
        request = call.request
        asked = rewrite.Call(
            method=request.method,
            path=call.path,
            query=call.query,
            headers=_sendable(call.headers()),
            body=await call.body(),
        )
        for destination in rewrite.destinations(asked):
            call.context.faults.check_publish(destination)
        borders = self._borders()
        if not borders.public_url and _comes_back(asked, borders):
            return json_response({"error": _NO_TUNNEL}, 503)
        return await self._exchange(call, asked, borders)

    async def keys(self) -> tuple[str, str] | None:
        """The account's signing keys, current and next; `None` when they cannot be had now."""
        try:
            async with self._request(rewrite.Call("GET", "/v2/keys", "", (), b"")) as answer:
                document = loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._note(self._unreachable(error))
            return None
        if answer.status != 200:
            self._note_status(answer.status, self._without_token(json.dumps(document)))
            return None
        self._note(None)
        return document["current"], document["next"]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, call: Call, asked: rewrite.Call, borders: Borders) -> web.Response:
        self.passed += 1
        try:
            async with self._request(rewrite.outbound(asked, borders)) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            sentence = self._unreachable(error)
            self._note(sentence)
            return json_response({"error": sentence}, 502)
        body = self._masked(body)
        self._note_status(answer.status, body.decode(errors="replace"))
        if answer.status < 300:
            for one in rewrite.sent(asked, body, borders):
                self._on_sent(call.user, one)
            if asked.method == "DELETE" and (query := _cancelled(asked)) is not None:
                await self._on_cancelled(call.user, query)
            await call.store.database.committed()
        headers = tuple(
            (name, self._without_token(value))
            for name, value in without(answer.headers.items(), _NOT_RETURNED)
        )
        return passed_on(answer.status, headers, borders.back(body))

    def _request(self, call: rewrite.Call) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type", "User-Agent"),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            )
        target = call.path + (f"?{call.query}" if call.query else "")
        return self._session.request(
            call.method,
            URL(self.url + target, encoded=True),
            data=call.body or None,
            headers=[*call.headers, ("Authorization", f"Bearer {self._token}")],
            allow_redirects=False,
        )

    def _unreachable(self, error: Exception) -> str:
        return f"the cloud at {self.url} cannot be reached: {self._without_token(_said(error))}"

    def _masked(self, answer: bytes) -> bytes:
        text = answer.decode(errors="surrogateescape")
        return self._without_token(text).encode(errors="surrogateescape")

    def _note_status(self, status: int, said: str) -> None:
        if status in _TROUBLE:
            self._note(f"{_TROUBLE[status]} ({status}: {said[:200]})")
        elif status >= 500:
            self._note(f"the cloud answered {status}: {said[:200]}")
        else:
            self._note(None)

    def _note(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            if trouble is not None:
                log.warning("cloud: %s", trouble)
            self._on_trouble()


_NO_TUNNEL = (
    "the tunnel is not open, so the cloud could not deliver to this machine: "
    "see its state in the terminal UI or at /_dev/tunnel, and try again"
)


def _cancelled(asked: rewrite.Call) -> Query | None:
    """Which messages a call that the cloud has carried out has cancelled."""
    if named := _OF_MESSAGE.fullmatch(asked.path):
        return Query({"id": (unquote(named[1]),)})
    if not _MESSAGES.fullmatch(asked.path):
        return None
    try:
        pairs = parse_qsl(asked.query, keep_blank_values=True) + json_pairs(asked.body)
        return parse_query(pairs, CANCELLED)
    except QStashError as error:
        log.warning("cloud: what was cancelled there may still be shown as waiting: %s", error)
        return None


def _comes_back(asked: rewrite.Call, borders: Borders) -> bool:
    """Whether the cloud would have to reach this machine."""
    out = rewrite.outbound(asked, borders)
    texts = (out.path, *(value for _, value in out.headers), out.body.decode(errors="replace"))
    return any(rewrite.PREFIX in text for text in texts)


def _sendable(headers: list[tuple[str, str]]) -> Headers:
    return tuple(
        check_header(name, value)
        for name, value in without(headers, _NOT_SENT)
        if not name.lower().startswith("sec-")
    )


def _said(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):  # its own text names a `ssl:default`
        cause, number = error.os_error, error.os_error.errno or 0
        return os.strerror(number) if number > 0 else cause.strerror or str(cause)
    return str(error) or type(error).__name__
