"""What a message can be held for: an app that is not running, or a person's order.

Such a message keeps its counters and its place; only what it waits for moves it on.
"""

from qstash_dev.devtools.text import as_sentence
from qstash_dev.protocol.model import Attempt, Reason, SendFailure
from qstash_dev.protocol.urls import (
    ALONE,
    Nearby,
    Place,
    is_loopback,
    origin_of,
    place_of,
    same_port,
)

EXTERNAL = "external"
"""Held because it would leave this machine (`--external hold`); running it now sends it."""


def awaited(attempt: Attempt, apps: bool, external: str, nearby: Nearby = ALONE) -> str | None:
    """What a failed attempt has to wait for: the origin of an app, `EXTERNAL`, or nothing.

    `apps` says whether to wait for apps that are not running, `external` what the policy is for
    destinations that are not on this machine, `nearby` which others count as if they were.
    """
    outcome = attempt.outcome
    if not isinstance(outcome, SendFailure):
        return None
    if outcome.reason == Reason.EXTERNAL_DENIED:
        return EXTERNAL if external == "hold" else None
    place = place_of(attempt.target, nearby)
    # In a container localhost is no app of the developer's, and waiting for one is in vain.
    is_own = place is Place.LOOPBACK and nearby.is_private
    is_down = outcome.reason in _DOWN.get(place, ()) and not is_own
    return origin_of(attempt.target) if apps and is_down else None


_DOWN = {
    Place.LOOPBACK: (Reason.REFUSED,),
    # A container that does not run has neither a name nor an address.
    Place.NEAR: (Reason.REFUSED, Reason.DNS, Reason.UNREACHABLE),
}
"""How an app that is not running is told from one that is."""


async def never(awaited: str) -> bool:
    """Whether an app is up at another address, for those who cannot look."""
    return False


def why(awaited: str) -> str:
    """The line in the log."""
    if awaited == EXTERNAL:
        return "held: the destination is not on this machine and --external hold is set"
    return f"held: {awaited} refuses connections: no app is running there"


def why_ended(ended: str) -> str:
    """The line in the log when the app is our child, and how that ended is known."""
    return f"held: {ended}"


def hint(awaited: str, ended: str | None = None, app: str | None = None) -> str | None:
    """What to do about a held message, for people; `None` for what has no remedy here.

    `ended` is how the app ended, if it is our child; `app` is where it is expected, if that is known.
    """
    if ended is not None and is_origin(awaited):
        return f"{as_sentence(ended)}. R starts it again, and this is delivered at once."
    if awaited == EXTERNAL:
        return "Held by --external hold: run it now to send it, or give its destination a --route."
    if app is not None and is_loopback(awaited) and not same_port(awaited, app):
        return (
            f"Nothing listens at {awaited}, but the app is expected at {app}: start what belongs "
            "there, or send this to the app (e, or qstash-dev replay --to)."
        )
    if (
        is_origin(awaited) and app is None
    ):  # our child may have ended there, which has its own way on
        return f"Nothing listens at {awaited}: it is delivered as soon as your app does."
    if is_origin(awaited):
        return f"Nothing listens at {awaited}: start your app there, and it is delivered at once."
    return None


def is_ours(awaited: str) -> bool:
    """Whether this server decides when it is over, and not the cloud."""
    return awaited == EXTERNAL or is_origin(awaited)


def is_origin(awaited: str) -> bool:
    """Whether it is an app that messages are held for."""
    return awaited.startswith(("http://", "https://"))
