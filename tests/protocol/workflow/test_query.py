"""Which runs a request means."""

import pytest

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.workflow.query import CANCELLED, DEAD, LOGGED, RunQuery, parse_runs

Pairs = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        ([], RunQuery()),
        ([("workflowRunIds", "a,b"), ("workflowRunIds", "c")], RunQuery({"id": ("a", "b", "c")})),
        ([("workflowRunId", "a,b")], RunQuery({"id": ("a,b",)})),
        ([("label", "l"), ("label", "m")], RunQuery({"label": ("l", "m")})),
        ([("callerIP", "::1"), ("all", "true")], RunQuery({"caller_ip": ("::1",)})),
        ([("fromDate", "1"), ("toDate", "2")], RunQuery(from_date=1, to_date=2)),
        ([("count", "5"), ("cursor", "17-9")], RunQuery(count=5, cursor=9)),
        (
            [("workflowRuns", "a@b@1,c@2"), ("state", "RUN_FAILED")],
            RunQuery(among=(("a@b", 1), ("c", 2))),
        ),
        (
            [("state", "RUN_FAILED,STEP_RETRY")],
            RunQuery({"state": ("RUN_FAILED", "STEP_RETRY")}),
        ),
    ],
)
def test_filters_are_read(pairs: Pairs, query: RunQuery) -> None:
    assert parse_runs(pairs, LOGGED) == query


def test_a_url_is_a_prefix_where_that_is_so_unless_it_is_to_be_exact() -> None:
    pairs = [("workflowUrl", "https://app")]
    assert parse_runs(pairs, CANCELLED, by_prefix=True).url_prefix == ("https://app",)
    pairs.append(("workflowUrlExactMatch", "true"))
    exact = parse_runs(pairs, CANCELLED, by_prefix=True)
    assert (exact.url_prefix, exact.conditions) == ((), {"url": ("https://app",)})
    assert parse_runs(pairs, LOGGED).conditions == {"url": ("https://app",)}


@pytest.mark.parametrize(("text", "count"), [("", 10), ("0", 1), ("7", 7), ("99", 50)])
def test_a_count_has_its_bounds(text: str, count: int) -> None:
    assert parse_runs([("count", text)], DEAD, count=10, max_count=50).count == count


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([("url", "x")], "unknown filter 'url'"),
        ([("state", "RUN_FAILED")], "unknown filter 'state'"),
        ([("failureFunctionState", "X")], "unknown failurefunctionstate 'X': expected one of CALL"),
        ([("responseStatus", "x")], "invalid responsestatus: 'x' is not a whole number"),
        ([("workflowRuns", "a")], "invalid workflowRuns: 'a' is not <id>@<created at>"),
        ([("workflowRuns", "a@b")], "invalid workflowruns: 'b' is not a whole number"),
        ([("fromDate", "-1")], "invalid fromDate: '-1' is not a whole number"),
        ([("cursor", "x")], "invalid cursor 'x'"),
        ([("label", " ")], "the filter 'label' has no value"),
    ],
)
def test_what_is_no_filter_is_refused(pairs: Pairs, sentence: str) -> None:
    with pytest.raises(QStashError) as refused:
        parse_runs(pairs, DEAD, changes=True)
    assert refused.value.status == 400
    assert refused.value.message.startswith(sentence), refused.value.message


def test_a_state_is_one_of_runs_or_steps() -> None:
    with pytest.raises(QStashError, match="unknown state 'X': expected one of RUN_CANCELED, RUN_"):
        parse_runs([("state", "X")], LOGGED)
