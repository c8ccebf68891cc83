"""Warnings about a message that is delivered here, but would not be in the cloud: a sentence each.

They never refuse a message. What QStash itself refuses for its form, such as a colon in a deduplication
id, is refused here, too, where requests are read.
"""

from collections.abc import Iterator

from qstash_dev.devtools.body_label import mislabelled
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Callback, Spec
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import ALONE, Nearby, Place, place_of, site_of
from qstash_dev.protocol.workflow.render import carries_entries

_NO_BODY = frozenset({"GET", "HEAD", "DELETE"})


def lints(
    spec: Spec, body: bytes, limits: Limits, *, delay_ms: int = 0, nearby: Nearby = ALONE
) -> tuple[str, ...]:
    """One sentence for each difference to the cloud; none for most messages.

    `limits` are those of the plan that is used in production, `delay_ms` the time until the first
    delivery, `nearby` the hosts that count as this machine.
    """
    return (
        *_reach(spec, nearby),
        *_plan(spec, body, limits, delay_ms),
        *_body(spec, body),
    )


def _reach(spec: Spec, nearby: Nearby) -> Iterator[str]:
    """A loopback destination is what this server is for; all else is measured from the cloud."""
    place = place_of(spec.url, nearby)
    if place is Place.PRIVATE:
        yield (
            f"The cloud cannot reach {_host(spec.url)}, an address of a private network: deploy "
            "to a public one, or publish through a tunnel."
        )
    for name, callback in (
        ("callback", spec.callback),
        ("failure callback", spec.failure_callback),
    ):
        if callback is not None:
            yield from _callback(name, callback, place)


def _callback(name: str, callback: Callback, destination: Place) -> Iterator[str]:
    if destination is Place.OUTSIDE and place_of(callback.url) is not Place.OUTSIDE:
        yield (
            f"The destination is public, but the {name} goes to {_host(callback.url)}: the cloud "
            "will never reach it. Derive both from the same base URL."
        )
    if destination is not Place.OUTSIDE and place_of(callback.url) is Place.OUTSIDE:
        yield (
            f"The {name} goes to {_host(callback.url)}, although the destination is local: a "
            "deployed system gets what this machine does."
        )


def _host(url: str) -> str:
    site = site_of(url)
    return site.host if site is not None else ""


def _plan(spec: Spec, body: bytes, limits: Limits, delay_ms: int) -> Iterator[str]:
    if limits.max_retries is not None and spec.max_retries > limits.max_retries:
        yield (
            f"{spec.max_retries} retries are more than the {limits.max_retries} of the plan: "
            "QStash answers 412."
        )
    if limits.max_delay_s is not None and delay_ms > limits.max_delay_s * 1_000:
        longest = format_duration(limits.max_delay_s * 1_000)
        yield (
            f"A delay of {format_duration(delay_ms)} is longer than the {longest} of the plan: "
            "QStash answers 412."
        )
    if limits.max_message_size is not None and len(body) > limits.max_message_size:
        yield (
            f"{len(body)} bytes are more than the {limits.max_message_size} of the plan: QStash "
            "answers 412."
        )


def _body(spec: Spec, body: bytes) -> Iterator[str]:
    content_type = first(spec.headers, "content-type") or ""
    if carries_entries(spec.place):  # what is delivered is the list of the run's steps
        return
    if found := mislabelled(content_type, body, spec.method):
        yield found
    if body and spec.method in _NO_BODY:
        yield f"A {spec.method} request with a body: many servers and proxies drop the body."
