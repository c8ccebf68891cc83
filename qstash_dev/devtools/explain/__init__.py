"""Why an attempt failed: one line with the fix, from what was sent and what came back.

A table of causes, the most telling first. It refuses to look anything up: env files, route files
and listening addresses are given as data.
"""

from qstash_dev.devtools.explain.answers import ANSWERS, PRINTED
from qstash_dev.devtools.explain.evidence import Cause, EnvFile, Evidence, Facts, Hint
from qstash_dev.devtools.explain.guards import GUARDS
from qstash_dev.devtools.explain.no_answer import NO_ANSWER
from qstash_dev.devtools.explain.signatures import SIGNATURES
from qstash_dev.devtools.explain.workflow import STARTS, WORKFLOWS
from qstash_dev.devtools.text import shorten
from qstash_dev.protocol.model import Response

CAUSES: tuple[Cause, ...] = (
    *NO_ANSWER,
    *STARTS,
    *PRINTED,
    *SIGNATURES,
    *GUARDS,
    *WORKFLOWS,
    *ANSWERS,
)
"""Every cause that is known, in the order in which they are tried."""

_MAX_LINE = 400

__all__ = ["CAUSES", "EnvFile", "Facts", "Hint", "explain"]


def explain(facts: Facts) -> Hint | None:
    """The first cause that fits, or `None`: the attempt succeeded, or there is nothing to add."""
    evidence = Evidence(facts)
    outcome = facts.outcome
    kind = outcome.status if isinstance(outcome, Response) else outcome.reason
    for cause in _candidates(facts):
        if cause.only and kind not in cause.only:
            continue
        if text := cause.find(evidence):
            return Hint(cause.id, shorten(text, _MAX_LINE))
    return None


def _candidates(facts: Facts) -> tuple[Cause, ...]:
    outcome = facts.outcome
    if not isinstance(outcome, Response):
        return NO_ANSWER
    if outcome.status >= 400:
        return CAUSES[len(NO_ANSWER) :]
    # The app's words about signatures and errors count only in an answer that is an error, and a
    # success is worth a look (on every delivery) only when it is a web page.
    is_success = 200 <= outcome.status < 300
    if is_success and outcome.body.lstrip()[:1] != b"<":
        return STARTS
    return (*STARTS, *GUARDS)
