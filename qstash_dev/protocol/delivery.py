"""The request that a delivery makes: its headers and its signature (QStash docs, "Receiving Messages").

The server's own headers replace forwarded ones of the same name: workflow-js forwards all it received,
and a second `Upstash-Signature` would break verification.
"""

from functools import lru_cache

from qstash_dev.protocol.headers import NEVER_FORWARDED, without
from qstash_dev.protocol.model import Message, Request
from qstash_dev.protocol.publish.options import echoed
from qstash_dev.protocol.remembered import remembered
from qstash_dev.protocol.signature import sign
from qstash_dev.protocol.urls import origin_of, split_url
from qstash_dev.protocol.workflow.render import run_headers

USER_AGENT = "Upstash-QStash"
REGION = "EU-CENTRAL-1"
"""Ours: what the official dev server sends is not known; the SDKs read either region alike."""
MAX_TIMEOUT_MS = 7_200_000
"""Two hours, the pay-as-you-go plan's (QStash docs, plan comparison)."""


def build_request(
    message: Message, target: str, key: str, now_s: int, jti: str, *, keep_host: bool = False
) -> Request:
    """The HTTP request for the next attempt of `message`, signed with `key` at wall time `now_s`.

    `target` is where it is sent; the signature's `sub` and all that is shown keep the published URL,
    and the app is told of it: some receivers check the URL that they believe to be called by.
    """
    spec = message.spec
    own = _own_headers(message)
    if target != spec.url:
        own |= told_of(spec.url, keep_host=keep_host)
    own["Upstash-Signature"] = sign(spec.url, message.body, key, now_s, jti)
    forwarded = without(spec.headers, _not_forwarded(tuple(own)))
    return Request(
        method=spec.method,
        url=spec.url,
        target=target,
        headers=(*forwarded, *own.items()),
        body=message.body,
        timeout_ms=min(spec.timeout_ms or MAX_TIMEOUT_MS, MAX_TIMEOUT_MS),
    )


@lru_cache(maxsize=1_000)
def _not_forwarded(own: tuple[str, ...]) -> frozenset[str]:
    """In lower case; of messages it is hardly ever the names of headers that differ."""
    return NEVER_FORWARDED.union(map(str.lower, own))


def told_of(url: str, *, keep_host: bool) -> dict[str, str]:
    """The headers that tell an app behind a proxy of the URL that was called (as ngrok's).

    Differs: QStash calls the URL itself, so it has nothing to tell.
    With `keep_host` it is also the request's own `Host`, for apps that trust in nothing else.
    """
    scheme, _, host = origin_of(url).partition("://")
    told = {"X-Forwarded-Host": host, "X-Forwarded-Proto": scheme}
    return told | {"Host": host} if keep_host else told


@remembered
def host_and_path(url: str) -> tuple[str, str]:
    """What the log filters `host` and `path` compare with."""
    parts = split_url(url)
    return parts.netloc.rpartition("@")[2], parts.path or "/"


def _own_headers(message: Message) -> dict[str, str]:
    """`Upstash-Retries` counts like `Upstash-Retried`, the limit has a name of its own (workflow-js
    glossary).
    """
    spec = message.spec
    headers = {
        "User-Agent": USER_AGENT,
        "Upstash-Message-Id": message.id,
        "Upstash-Retried": str(message.retried),
        "Upstash-Retries": str(message.retried),
        "Upstash-Max-Retries": str(spec.max_retries),
        "Upstash-Region": REGION,
    }
    for name, value in (
        ("Upstash-Caller-Ip", spec.caller_ip),
        ("Upstash-Schedule-Id", spec.schedule_id),
        ("Upstash-Topic-Name", spec.topic),
    ):
        if value is not None:
            headers[name] = value
    if spec.place is not None:
        headers |= run_headers(spec.place)
    headers |= echoed(spec)
    return headers
