"""What a run's messages take over from its start (`WF_TriggerOnConfig`, workflow-js `headers.ts`).

Applied when a message is accepted: what is stored is complete, so lanes and deliveries need no run.
"""

from msgspec.structs import replace

from qstash_dev.protocol.headers import OF_A_REQUEST, names_of, only, without
from qstash_dev.protocol.model import Callback, CallType, Headers, Place, Spec
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.publish.readers import DEFAULT_RETRIES
from qstash_dev.protocol.workflow.headers import (
    SDK_VERSION,
    TRIGGER_ON_CONFIG,
    Part,
)
from qstash_dev.protocol.workflow.model import Run

_LABEL = "upstash-label"

_TO_APP = frozenset((CallType.STEP, CallType.STEP_CONFIG, CallType.FROM_CALLBACK))


def effective(run: Run, draft: Draft, place: Place) -> Spec:
    """The spec of a run's message at this place: its own settings, then those of the run.

    Third parties get nothing of the run. Retries and retry delay fall back each by itself, flow control
    as a whole: key and value come from one source.
    """
    spec = replace(draft.spec, place=place, headers=_cleaned(draft.spec.headers))
    if place.call_type not in _TO_APP:
        return spec
    if TRIGGER_ON_CONFIG in run.features:
        spec = _inherited(run.config, spec, draft.given)
    return replace(
        spec, headers=_versioned(run, place, spec.headers), redact=spec.redact or run.config.redact
    )


def draft_of(callback: Callback, place: Place) -> Draft:
    """How the result of a call is published. Its retries are the family's or the run's, not the call's
    (workflow-js `context/steps.ts` sends none).
    """
    spec = Spec(
        url=callback.url,
        method=callback.method,
        headers=(("Content-Type", "application/json"), *callback.headers),
        max_retries=DEFAULT_RETRIES if callback.retries is None else callback.retries,
        retry_delay=callback.retry_delay,
        timeout_ms=callback.timeout_ms,
        failure_callback=callback.failure_callback,
        flow=callback.flow,
    )
    return Draft(
        spec,
        delay_ms=callback.delay_ms,
        given=frozenset() if callback.retries is None else frozenset(("upstash-retries",)),
        part=Part(place.run_id, CallType.FROM_CALLBACK),
    )


def merged(old: Spec, draft: Draft) -> Spec:
    """The settings of a run that the app's SDK starts anew: the new ones over the old ones.

    It does not repeat retries, flow control and failure callback (measured with workflow-js 1.3.3).
    """
    new, given = draft.spec, draft.given
    return replace(
        new,
        max_retries=new.max_retries if "upstash-retries" in given else old.max_retries,
        retry_delay=new.retry_delay or old.retry_delay,
        timeout_ms=new.timeout_ms or old.timeout_ms,
        flow=new.flow or old.flow,
        failure_callback=new.failure_callback or old.failure_callback,
        redact=new.redact or old.redact,
        caller_ip=old.caller_ip,
    )


def _inherited(config: Spec, spec: Spec, given: frozenset[str]) -> Spec:
    return replace(
        spec,
        headers=_with_inherited(spec.headers, config.headers),
        max_retries=spec.max_retries if "upstash-retries" in given else config.max_retries,
        retry_delay=spec.retry_delay or config.retry_delay,
        timeout_ms=spec.timeout_ms or config.timeout_ms,
        flow=spec.flow or config.flow,
        labels=config.labels or spec.labels,
    )


def _with_inherited(own: Headers, started_with: Headers) -> Headers:
    """`upstash-*` headers would name another delivery, or make the app start another run."""
    taken = names_of(own) | {"content-type"}
    return own + tuple(
        (name, value)
        for name, value in _cleaned(started_with)
        if name.lower() not in taken
        and (not name.lower().startswith("upstash-") or name.lower() == _LABEL)
    )


def _cleaned(headers: Headers) -> Headers:
    """Apps forward what they got themselves, also what belongs to that request alone."""
    return without(headers, OF_A_REQUEST)


def _versioned(run: Run, place: Place, headers: Headers) -> Headers:
    """Without its version the app takes a step for a start; with it, a call's result for a step."""
    version = SDK_VERSION.lower()
    others = without(headers, {version})
    if place.call_type == CallType.FROM_CALLBACK:
        return others
    if len(others) < len(headers):
        return headers
    return (*headers, *only(run.config.headers, {version})[:1])
