"""From the headers of a publish request to a draft of its messages (QStash API reference, "Publish").

Sorts headers and settles which of them counts; what an option means is its row's. Knows nothing of
HTTP servers or of storage.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from qstash_dev.protocol.headers import (
    OF_A_REQUEST,
    canonical,
    check_header,
    first,
    is_name,
    is_sendable,
)
from qstash_dev.protocol.model import Headers, Spec
from qstash_dev.protocol.publish.notices import notices, unforwarded
from qstash_dev.protocol.publish.options import read_draft, read_spec
from qstash_dev.protocol.publish.readers import flag, forwarded
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.remembered import remembered
from qstash_dev.protocol.workflow.headers import Part, read_part

_TOKENS = frozenset(["authorization"])
_OF_INTEREST = ("content-type", "x-")
# With these, all other headers count, too.
_READS_ALL = frozenset(["upstash-header-forward", "upstash-cron"])


class Draft(Struct, frozen=True):
    """One publish request, understood: the spec of its messages and when and whether to make them.

    `not_before` (epoch ms) wins over `delay_ms`. `cron` makes it a schedule; for one to a URL group
    `asked` are the headers to read again at each firing, with the group's defaults of that time.
    `given` are the lower-case names of the settings that have a value. `part` makes it a message of a
    workflow run.
    """

    spec: Spec
    delay_ms: int = 0
    not_before: int | None = None
    deduplication_id: str | None = None
    content_based_deduplication: bool = False
    cron: str | None = None
    schedule_id: str | None = None
    asked: Headers = ()
    given: frozenset[str] = frozenset()
    part: Part | None = None

    @property
    def seeks_originals(self) -> bool:
        """Whether it may be the duplicate of something."""
        return self.deduplication_id is not None or self.content_based_deduplication


def parse_draft(
    url: str,
    request_headers: Iterable[tuple[str, str]],
    limits: Limits,
    *,
    config: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    caller_ip: str | None = None,
    authorized_by_header: bool = True,
) -> Draft:
    """Read a publish request. `config` comes from the query string, `defaults` from a URL group.

    Precedence: request header, then query parameter, then group default, then built-in default; an
    empty value is none.
    Raises QStashError: 400 naming the header, 412 for a quota.
    """
    own, ordinary, of_interest = _sort(
        request_headers, _TOKENS if authorized_by_header else frozenset()
    )
    more, fallback = config or {}, defaults or {}
    if url and _READS_ALL.isdisjoint((*dict(own), *more, *fallback)):
        ordinary = of_interest
    asked = own, ordinary, tuple(more.items()), tuple(fallback.items())
    return _draft(url, *asked, limits, caller_ip)


@remembered
def _draft(
    url: str,
    own: Headers,
    ordinary: Headers,
    config: Headers,
    defaults: Headers,
    limits: Limits,
    caller_ip: str | None,
) -> Draft:
    named = _joined(own)
    own += tuple((name, value.strip()) for name, value in config if name not in named)
    merged = _joined(defaults) | _joined(own)
    for name, value in merged.items():
        check_header(canonical(name), value)
    handed_on = forwarded(own, merged)
    forwards_all = flag(merged, "upstash-header-forward", limits)
    if forwards_all:
        handed_on = _with_ordinary(handed_on, ordinary)
    content_type = first(ordinary, "content-type")
    typed = (check_header("Content-Type", content_type),) if content_type else ()
    return Draft(
        spec=Spec(
            url=url,
            headers=(*typed, *handed_on),
            caller_ip=caller_ip,
            notices=notices(merged),
            unforwarded=() if forwards_all else unforwarded(_sendable(ordinary)),
            **read_spec(merged, limits),
        ),
        asked=(*own, *_sendable(ordinary)) if "upstash-cron" in merged and not url else (),
        **read_draft(merged, limits),
        given=frozenset(merged),
        part=read_part(merged),
    )


def is_given(name: str, value: str) -> bool:
    """Whether a setting has a value; that of a header to be forwarded may be empty."""
    return bool(value.strip()) or "-forward-" in name.lower()


def given_names(headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The names that have a value, in lower case."""
    return frozenset(name.lower() for name, value in headers if is_given(name, value))


def _sort(
    headers: Iterable[tuple[str, str]], left_out: frozenset[str]
) -> tuple[Headers, Headers, Headers]:
    """QStash's own, by lower-case names; all others; and those of them that are always of interest."""
    own: list[tuple[str, str]] = []
    ordinary: list[tuple[str, str]] = []
    of_interest: list[tuple[str, str]] = []
    for name, value in headers:
        lowered, is_own, is_of_interest = _look_at(name)
        if is_own:
            own.append((lowered, value.strip()))
        elif lowered not in left_out:
            ordinary.append((name, value))
            if is_of_interest:
                of_interest.append((name, value))
    return tuple(own), tuple(ordinary), tuple(of_interest)


@lru_cache(maxsize=1_000)
def _look_at(name: str) -> tuple[str, bool, bool]:
    lowered = name.lower()
    return lowered, lowered.startswith("upstash-"), lowered.startswith(_OF_INTEREST)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if is_given(name, value):
            values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _sendable(ordinary: Headers) -> Headers:
    return tuple([(canonical(n), v) for n, v in ordinary if is_name(n) and is_sendable(v)])


def _with_ordinary(handed_on: Headers, ordinary: Headers) -> Headers:
    taken = {name for name, _ in handed_on} | {"Content-Type"}
    extra = tuple(
        check_header(canonical(name), value)
        for name, value in ordinary
        if name.lower() not in OF_A_REQUEST and canonical(name) not in taken
    )
    return handed_on + extra
