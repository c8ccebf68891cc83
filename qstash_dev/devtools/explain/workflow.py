"""Causes in apps that serve workflows: what the workflow SDKs answer when code and run do not fit."""

import re

from qstash_dev.devtools.explain.evidence import Cause, Evidence, says

_CHANGED = re.compile(
    r"Incompatible (?:step name|step type|number of parallel steps|steps detected)[^\"\\]*"
)


def _changed(e: Evidence) -> str | None:
    """A step that is not the one that ran: both SDKs compare them (workflow-js `auto-executor.ts`)."""
    found = _CHANGED.search(e.said.text)
    if e.status < 400 or found is None:
        return None
    return (
        f"The code no longer gives the steps that this run has done ({found[0].strip()}): a step was "
        "renamed or moved under a live run, or code outside of the steps is not the same each time "
        "(Date.now, random, data that changes). Restart the run."
    )


def _not_a_workflow(e: Evidence) -> str | None:
    """A start that was answered well, but not by the SDK: the run fails for it at once."""
    is_answered = 200 <= e.status < 300 and not e.header("upstash-workflow-sdk-version")
    if not e.facts.starts_workflow or not is_answered:
        return None
    return (
        f"{e.path} answered {e.status_text}, but it is no workflow: its handler must be made by "
        "serve() of the workflow SDK, and its answer be passed on with its headers."
    )


STARTS = (Cause("not-a-workflow", _not_a_workflow),)
WORKFLOWS = (
    Cause("workflow-changed", _changed),
    Cause(
        "workflow-no-step",
        "The workflow's route returned before its first step: a check of its own refused the "
        "request, or the code before the first context.run returns early. Await every context.*",
        (400,),
        holds=says("Failed to authenticate Workflow request"),
    ),
    Cause(
        "workflow-body-read",
        "The body was read before the SDK got the request: pass the request on untouched, or a "
        "clone of it.",
        (400, 500),
        holds=says(
            r"Body is unusable|Body has already been (?:read|consumed)|body used already"
            r"|body stream already read"
        ),
    ),
)
