"""`POST /v2/trigger`: the server starts a run as an SDK would (workflow docs, "Trigger with REST")."""

from collections.abc import Callable

from msgspec.structs import replace

from qstash_dev.protocol.headers import names_of, without
from qstash_dev.protocol.model import Callback, Headers
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.workflow.headers import ALL_FEATURES, SDK_VERSION, UNKNOWN_SDK, Part

_VERSION = (SDK_VERSION, "1")
_IS_FAILURE = (
    ("Upstash-Workflow-Is-Failure", "true"),
    ("Upstash-Workflow-Failure-Callback", "true"),
)


def triggered(draft: Draft, run_id: str, new_id: Callable[[str], str], unknown_sdk: bool) -> Draft:
    """The draft of a run's start. An id that is not given is made up; one that is given stays as it is.

    `unknown_sdk`: the caller asks the app to start the run anew with what its SDK wants.
    """
    spec = draft.spec
    own = [_VERSION]
    if unknown_sdk:
        own.append((UNKNOWN_SDK, "true"))
    if spec.labels:
        own.append(("Upstash-Label", ",".join(spec.labels)))
    headers = _with(spec.headers, own)
    failure = spec.failure_callback
    if failure is not None:
        failure = _workflow_family(failure, spec.headers)
    return replace(
        draft,
        spec=replace(spec, headers=headers, failure_callback=failure),
        given=draft.given | {SDK_VERSION.lower()},
        part=Part(run_id=run_id or new_id("wfr_"), init=True, url=spec.url, features=ALL_FEATURES),
    )


def _workflow_family(callback: Callback, forwarded: Headers) -> Callback:
    """The failure function sees the headers that the run was started with."""
    others = without(forwarded, {"content-type"})
    return replace(callback, headers=_with(_with(callback.headers, others), _IS_FAILURE))


def _with(headers: Headers, more: list[tuple[str, str]] | Headers) -> Headers:
    return headers + without(more, names_of(headers))
