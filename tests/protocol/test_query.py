"""Filters, order and pages as every client spells them, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Query
from qstash_dev.protocol.query import (
    CANCELLED,
    DEAD_LETTERS,
    EVENTS,
    Defaults,
    filters,
    format_cursor,
    json_pairs,
    parse_cursor,
    parse_query,
)

LOGS = Defaults(EVENTS, count=1000)
DLQ = Defaults(DEAD_LETTERS, max_count=100, latest_first=False)


def conditions(*pairs: tuple[str, str], of: Defaults = LOGS) -> dict[str, tuple[str, ...]]:
    return parse_query(pairs, of).conditions


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("messageId", "id"),
        ("messageIds", "id"),
        ("url", "url"),
        ("host", "host"),
        ("path", "path"),
        ("topicName", "topic"),
        ("scheduleId", "schedule_id"),
        ("queueName", "queue"),
        ("label", "label"),
        ("flowControlKey", "flow_key"),
        ("callerIp", "caller_ip"),
        ("callerIP", "caller_ip"),
        ("MESSAGEID", "id"),
    ],
)
def test_every_filter_of_the_log_by_its_name(name: str, field: str) -> None:
    assert conditions((name, " x ")) == {field: ("x",)}
    assert conditions((name, "")) == {}


def test_filters_of_the_dlq() -> None:
    found = conditions(("responseStatus", "500"), ("dlqIds", "1-2,3-4"), ("dlqId", "5-6"), of=DLQ)
    assert found == {"status": ("500",), "dlq_id": ("1-2", "3-4", "5-6")}


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (DLQ, "labeel"),
        (DLQ, "host"),
        (DLQ, "path"),
        (DLQ, "state"),
        (LOGS, "responseStatus"),
        (LOGS, "dlqId"),
        (CANCELLED, "state"),
        (LOGS, "é"),
    ],
)
def test_an_unknown_filter_is_refused_by_name(of: Defaults, name: str) -> None:
    with pytest.raises(QStashError) as refused:
        conditions((name, "x"), of=of)
    assert (refused.value.status, refused.value.message) == (
        400,
        f"unknown filter {name.lower()!r}",
    )


def test_values_of_one_name_are_alternatives() -> None:
    assert conditions(("label", "a"), ("label", "b,c")) == {"label": ("a", "b,c")}


@pytest.mark.parametrize(
    "pairs",
    [
        [("messageIds", "a,b"), ("messageIds", "c")],
        [("messageIds", "a"), ("messageId", "b"), ("messageIds", " c,")],
    ],
)
def test_ids_may_be_repeated_or_listed(pairs: list[tuple[str, str]]) -> None:
    assert sorted(conditions(*pairs)["id"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("DELIVERED", ("DELIVERED",)),
        ("delivered", ("DELIVERED",)),
        ("IN_PROGRESS", ("ACTIVE", "RETRY", "ERROR")),
        ("CANCELLED", ("CANCELED",)),
        ("CANCELED,FAILED", ("CANCELED", "FAILED")),
        ("CANCEL_REQUESTED", ("CANCEL_REQUESTED",)),
    ],
)
def test_states_in_both_spellings(text: str, states: tuple[str, ...]) -> None:
    assert conditions(("state", text)) == {"state": states}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("state", "done", "unknown state 'DONE'"),
        ("order", "newest", "invalid order 'newest': expected latestFirst or earliestFirst"),
        ("count", "many", "invalid count: 'many' is not a whole number of 0 or more"),
        ("count", "-1", "invalid count: '-1' is not a whole number of 0 or more"),
        (
            "fromDate",
            "2026-01-01",
            "invalid fromDate: '2026-01-01' is not a whole number of 0 or more",
        ),
        ("toDate", "9" * 19, f"invalid toDate: '{'9' * 19}' has more than 18 digits"),
        ("cursor", "next", "invalid cursor 'next'"),
        ("cursor", "1-²", "invalid cursor '1-²'"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(name: str, value: str, sentence: str) -> None:
    with pytest.raises(QStashError) as refused:
        parse_query([(name, value)], LOGS)
    assert refused.value.status == 400
    assert refused.value.message.casefold() == sentence.casefold()


@pytest.mark.parametrize("value", ["abc", "²", "5xx", "9" * 30])
def test_a_response_status_must_be_a_number(value: str) -> None:
    with pytest.raises(QStashError, match="responsestatus") as refused:
        parse_query([("responseStatus", value)], DLQ)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("of", "asked", "count"),
    [
        (LOGS, None, 1000),
        (LOGS, "5000", 1000),
        (LOGS, "1", 1),
        (LOGS, "0", 1000),
        (DLQ, None, 100),
        (DLQ, "1000", 100),
        (DLQ, "7", 7),
    ],
)
def test_how_many_a_page_holds(of: Defaults, asked: str | None, count: int) -> None:
    assert parse_query([("count", asked)] if asked else [], of).count == count


@pytest.mark.parametrize(("asked", "at_most"), [(None, None), ("1", 1), ("9999", 500)])
def test_how_many_a_cancellation_takes(asked: str | None, at_most: int | None) -> None:
    assert parse_query([("count", asked)] if asked else [], CANCELLED).at_most == at_most


@pytest.mark.parametrize(
    ("of", "order", "latest_first"),
    [
        (LOGS, None, True),
        (LOGS, "earliestFirst", False),
        (DLQ, None, False),
        (DLQ, "latestFirst", True),
        (DLQ, "EARLIESTFIRST", False),
    ],
)
def test_the_order(of: Defaults, order: str | None, latest_first: bool) -> None:
    assert parse_query([("order", order)] if order else [], of).latest_first is latest_first


def test_dates_are_milliseconds() -> None:
    query = parse_query([("fromDate", "1787313600000"), ("toDate", "1787313600001")], LOGS)
    assert (query.from_date, query.to_date) == (1787313600000, 1787313600001)


@pytest.mark.parametrize("name", ["qstash_token", "groupBy", "trimBody", "async", "all"])
def test_parameters_that_filter_nothing_are_ignored(name: str) -> None:
    assert parse_query([(name, "x")], LOGS) == Query(count=1000)


def test_ids_of_messages_to_cancel_override_all_filters() -> None:
    pairs = [("label", "a"), ("messageIds", "m1"), ("fromDate", "5"), ("count", "1")]
    assert parse_query(pairs, CANCELLED) == Query({"id": ("m1",)})


# Cursors


@pytest.mark.parametrize(
    ("text", "number"), [("", None), ("1686652644442-12", 12), ("12", 12), ("-0", 0)]
)
def test_a_cursor_is_read(text: str, number: int | None) -> None:
    assert parse_cursor(text) == number


@given(st.integers(0, 10**14), st.integers(0, 10**17))
def test_a_cursor_is_a_string_that_comes_back(time: int, seq: int) -> None:
    assert parse_cursor(format_cursor(time, seq)) == seq


# JSON bodies


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"  \n", []),
        (b"{}", []),
        (b"null", []),
        (b'{"messageIds": []}', []),
        (b'{"messageIds": null}', []),
        (b'{"label": null}', []),
        (b'{"label": []}', [("label", "")]),
        (b'{"label": [null]}', [("label", "")]),
        (b'{"dlqIds": []}', [("dlqIds", "")]),
        (b'{"messageIds": ["a", "b"]}', [("messageIds", "a"), ("messageIds", "b")]),
        (b'{"label": "x", "fromDate": 5}', [("label", "x"), ("fromDate", "5")]),
        (b'{"responseStatus": [500, 404]}', [("responseStatus", "500"), ("responseStatus", "404")]),
    ],
)
def test_filters_in_a_json_body(body: bytes, pairs: list[tuple[str, str]]) -> None:
    assert json_pairs(body) == pairs


@pytest.mark.parametrize(
    "body", [b"[", b"[]", b'"x"', b'{"a": {}}', b'{"a": 1.5}', b"\xff", b"{'a'}"]
)
def test_a_body_that_is_no_object_of_filters_is_refused(body: bytes) -> None:
    with pytest.raises(QStashError, match="invalid JSON body: ") as refused:
        json_pairs(body)
    assert refused.value.status == 400


def test_filters_are_told_by_their_names_on_the_wire() -> None:
    query = parse_query([("label", "a"), ("queueName", "q"), ("fromDate", "5")], CANCELLED)
    assert filters(query) == {"label": ["a"], "queueName": ["q"], "fromDate": ["5"]}


names = st.sampled_from(
    ["messageId", "state", "count", "cursor", "order", "fromDate", "label", "x"]
)
some_text = st.text(max_size=20) | st.sampled_from(["1", "9" * 18, "IN_PROGRESS", "latestFirst"])


@given(st.lists(st.tuples(names, some_text), max_size=6))
def test_any_parameters_give_a_query_or_a_400(pairs: list[tuple[str, str]]) -> None:
    try:
        query = parse_query(pairs, LOGS)
    except QStashError as error:
        status = error.status
    else:
        status = 400
        assert 1 <= query.count <= 1000
        assert all(query.conditions.values())
    assert status == 400


@given(st.binary(max_size=40))
def test_any_body_gives_filters_or_a_400(body: bytes) -> None:
    try:
        pairs = json_pairs(body)
    except QStashError as error:
        pairs = []
        assert_bad_request(error)
    assert all(isinstance(value, str) for _, value in pairs)


def assert_bad_request(error: QStashError) -> None:
    assert error.status == 400
