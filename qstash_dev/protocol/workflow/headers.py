"""What a submission's `Upstash-Workflow-*` headers say of its run (workflow-js `qstash/headers.ts`).

Knows no other header, and not whether the run exists.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import whole_number
from qstash_dev.protocol.model import CallType

INIT = "upstash-workflow-init"
RUN_ID = "upstash-workflow-runid"
URL = "upstash-workflow-url"
CALL_TYPE = "upstash-workflow-calltype"
CREATED_AT = "upstash-workflow-createdat"
INVOKE = "upstash-workflow-invoke"
BY_SDK = "upstash-workflow-trigger-by-sdk"
UNKNOWN_SDK = "Upstash-Workflow-Unknown-Sdk"
FEATURES = "upstash-feature-set"

LAZY_FETCH = "LazyFetch"
INITIAL_BODY = "InitialBody"
DETECT_TRIGGER = "WF_DetectTrigger"
TRIGGER_ON_CONFIG = "WF_TriggerOnConfig"
STEP_CONFIG = "WF_StepConfig"
ALL_FEATURES = (LAZY_FETCH, INITIAL_BODY, DETECT_TRIGGER, TRIGGER_ON_CONFIG)
"""What the SDKs from 1.0.0 on send with a start."""

SDK_VERSION = "Upstash-Workflow-Sdk-Version"
"""Forwarded to the app: without it, a delivery starts a run instead of going on with one."""


class Part(Struct, frozen=True, omit_defaults=True):
    """A submission's part in a run. `created_at` (epoch ms) is `None` where the SDK does not say it."""

    run_id: str = ""
    call_type: CallType = CallType.STEP
    init: bool = False
    url: str = ""
    features: tuple[str, ...] = ()
    invoke: bool = False
    by_sdk: bool = False
    created_at: int | None = None


def read_part(values: Mapping[str, str]) -> Part | None:
    """The part that `upstash-*` headers describe, by lower-case names; `None` is an ordinary message.

    Raises QStashError(400) naming the header at fault.
    """
    init, run_id = _flag(values, INIT), values.get(RUN_ID, "")
    if not init and not run_id:
        return None
    part = Part(
        run_id=run_id,
        call_type=_call_type(values.get(CALL_TYPE, "")),
        init=init,
        url=values.get(URL, ""),
        features=_features(values.get(FEATURES, "")),
        invoke=_flag(values, INVOKE),
        by_sdk=_flag(values, BY_SDK),
        created_at=created_at(values.get(CREATED_AT, "")),
    )
    if part.init and part.call_type != CallType.STEP:
        raise QStashError(
            400,
            "Upstash-Workflow-Init and Upstash-Workflow-CallType contradict each other: "
            f"a run does not begin with a {part.call_type}",
        )
    if part.invoke and not part.init:
        raise QStashError(400, "Upstash-Workflow-Invoke needs Upstash-Workflow-Init: true")
    return part


def created_at(text: str) -> int | None:
    """When a run was created, as a newer SDK says it; where it does not know, that is `0` or `NaN`."""
    return whole_number(text, 15) or None


def last_wins(headers: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """Header lists as a publish has them: one value for each name, whatever its case.

    The SDK writes `Upstash-Workflow-RunId` and `...-Runid` into one map: joined by a comma they would
    name no run (workflow-js `context/steps.ts`).
    """
    found: dict[str, tuple[str, str]] = {}
    for name, values in headers.items():
        for value in values:
            found[name.lower()] = (name, value)
    return list(found.values())


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise QStashError(400, f"invalid {_shown(name)} header: {text[:50]!r} is not true or false")
    return text == "true"


def _call_type(text: str) -> CallType:
    try:
        return CallType(text or CallType.STEP)
    except ValueError:
        expected = ", ".join(CallType)
        raise QStashError(
            400, f"invalid Upstash-Workflow-CallType header: {text[:50]!r} is not one of {expected}"
        ) from None


def _features(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def _shown(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
