"""Lists of the API: every filter, both orders, pages without a gap or a repetition."""

from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol import settle
from qstash_dev.protocol.model import FlowControl, Query, State
from qstash_dev.store.lists.candidates import Limits
from qstash_dev.store.lists.search import Search
from qstash_dev.store.lists.selection import Selector
from tests.samples import NOW, answer, flat, no_answer
from tests.store.filled import Filled

USER, OTHER = "defaultUser", "testUser1"


def lines(filled: Filled, user: str = USER, **query: Any) -> list[tuple[str, str]]:
    found = flat(filled.store.search.events(user, Query(**{"latest_first": False, **query})))
    return [(item.event.message_id, item.event.state.value) for item in found]


def letters(filled: Filled, user: str | None = USER, **query: Any) -> list[str]:
    found = flat(filled.store.search.dead_letters(user, Query(**{"latest_first": False, **query})))
    return [letter.message_id for _, letter, _ in found]


def unfinished(filled: Filled, **conditions: tuple[str, ...]) -> list[str]:
    seqs = flat(filled.store.search.unfinished(USER, Query(conditions)))
    return [filled.store.messages.load(seq).id for seq in seqs]


RICH: dict[str, Any] = {
    "url": "http://user:pw@app.test:8080/a/b?x=1#y",
    "topic": "orders",
    "schedule_id": "scd_1",
    "queue": "q",
    "labels": ("red", "blue"),
    "flow": FlowControl("k", 1),
    "caller_ip": "10.0.0.1",
}
FILTERS = [
    ("id", "msg_2"),
    ("url", "http://user:pw@app.test:8080/a/b?x=1#y"),
    ("host", "app.test:8080"),
    ("path", "/a/b"),
    ("topic", "orders"),
    ("schedule_id", "scd_1"),
    ("queue", "q"),
    ("label", "red"),
    ("label", "blue"),
    ("flow_key", "k"),
    ("caller_ip", "10.0.0.1"),
]


@pytest.mark.parametrize(("field", "value"), FILTERS)
def test_every_filter_finds_its_message_in_all_lists(
    filled: Filled, field: str, value: str
) -> None:
    filled.fail()
    filled.fail(**RICH)
    filled.add()
    waiting = filled.add(**RICH)
    wanted = ("msg_2", waiting.id) if field != "id" else ("msg_2",)
    conditions = {field: (value,)}
    assert {id_ for id_, _ in lines(filled, conditions=conditions)} == set(wanted)
    if field not in ("host", "path"):
        assert letters(filled, conditions=conditions) == ["msg_2"]
    if field == "id":
        conditions = {"id": (waiting.id,)}
    assert unfinished(filled, **conditions) == [waiting.id]
    assert lines(filled, conditions={field: ("other",)}) == []


def test_who_published_here_is_found_as_others_are_and_beside_them(filled: Filled) -> None:
    for caller in ("127.0.0.1", "10.0.0.1", "::1", None, "127.0.0.1"):
        filled.add(caller_ip=caller)
    assert unfinished(filled, caller_ip=("127.0.0.1",)) == ["msg_1", "msg_5"]
    assert unfinished(filled, caller_ip=("::1", "10.0.0.1")) == ["msg_2", "msg_3"]


def test_values_are_alternatives_and_names_must_all_hold(filled: Filled) -> None:
    for labels, queue in ((("a",), "q"), (("b",), "q"), (("a", "b"), None), ((), "q")):
        filled.add(labels=labels, queue=queue)
    assert unfinished(filled, label=("a", "b")) == ["msg_1", "msg_2", "msg_3"]
    assert unfinished(filled, label=("a", "b"), queue=("q",)) == ["msg_1", "msg_2"]


def test_states_select_lines(filled: Filled) -> None:
    filled.fail()
    filled.try_(filled.add(), no_answer())
    in_progress = {"state": ("ACTIVE", "RETRY", "ERROR")}
    assert lines(filled, conditions=in_progress) == [
        ("msg_1", "ACTIVE"),
        ("msg_1", "ERROR"),
        ("msg_2", "ACTIVE"),
        ("msg_2", "ERROR"),
        ("msg_2", "RETRY"),
    ]


def test_an_event_knows_its_attempt_and_status(filled: Filled) -> None:
    filled.fail(status=404)
    found = flat(filled.store.search.events(USER, Query(latest_first=False)))
    told = [(f.event.state, f.event.attempt, f.event.status, f.event.error) for f in found]
    assert told == [
        (State.CREATED, None, None, None),
        (State.ACTIVE, None, None, None),
        (State.ERROR, 1, 404, "404 Not Found"),
        (State.FAILED, 1, 404, "404 Not Found"),
    ]
    assert {f.message for f in found} == {filled.store.messages.get(USER, "msg_1").seq}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, ["msg_1", "msg_2", "msg_3"]),
        (NOW + 1, None, ["msg_2", "msg_3"]),
        (None, NOW + 1, ["msg_1", "msg_2"]),
        (NOW + 1, NOW + 1, ["msg_2"]),
        (NOW + 3, None, []),
    ],
)
def test_dates_include_both_ends(
    filled: Filled, since: int | None, until: int | None, found: list[str]
) -> None:
    for n in range(3):
        filled.fail(NOW + n)
    assert letters(filled, from_date=since, to_date=until) == found
    assert sorted({id_ for id_, _ in lines(filled, from_date=since, to_date=until)}) == found


@pytest.mark.parametrize("latest_first", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_have_neither_gaps_nor_repetitions(
    filled: Filled, latest_first: bool, size: int
) -> None:
    expected = [filled.fail().id for _ in range(7)]
    if latest_first:
        expected.reverse()
    pages: list[str] = []
    cursor = None
    while True:
        query = Query(count=size, cursor=cursor, latest_first=latest_first)
        found = flat(filled.store.search.dead_letters(USER, query))
        pages += [letter.message_id for _, letter, _ in found[:size]]
        if len(found) <= size:
            break
        cursor = found[size - 1][0]
        filled.fail(NOW + 1) if latest_first else None  # what comes later is on no page
    assert pages == expected


def test_the_log_in_pages_is_the_log(filled: Filled) -> None:
    for _ in range(3):
        filled.fail()
    whole = lines(filled)
    pages: list[tuple[str, str]] = []
    cursor = None
    while True:
        query = Query(count=5, cursor=cursor, latest_first=False)
        found = flat(filled.store.search.events(USER, query))
        pages += [(f.event.message_id, f.event.state.value) for f in found[:5]]
        if len(found) <= 5:
            break
        cursor = found[4].event.seq
    assert pages == whole
    assert lines(filled, latest_first=True) == whole[::-1]


def test_users_see_only_their_own(filled: Filled) -> None:
    filled.fail()
    filled.fail(user=OTHER)
    filled.add(user=OTHER)
    assert letters(filled) == ["msg_1"]
    assert letters(filled, OTHER) == ["msg_2"]
    assert letters(filled, None) == ["msg_1", "msg_2"]
    assert {id_ for id_, _ in lines(filled)} == {"msg_1"}
    assert unfinished(filled) == []
    ((_, letter, _),) = flat(filled.store.search.dead_letters(OTHER, Query()))
    assert filled.store.search.dead_letter(OTHER, letter.id) is not None
    assert filled.store.search.dead_letter(USER, letter.id) is None
    assert filled.store.search.dead_letter(None, letter.id) is not None


def test_dead_letters_are_found_by_the_status_of_the_last_answer(filled: Filled) -> None:
    filled.fail(status=500)
    filled.fail(status=404)
    filled.try_(filled.add(max_retries=0), no_answer())
    assert letters(filled, conditions={"status": ("404",)}) == ["msg_2"]
    assert letters(filled, conditions={"status": ("404", "500")}) == ["msg_1", "msg_2"]
    assert letters(filled, conditions={"status": ("9" * 18,)}) == []


def test_dead_letters_are_found_by_their_ids(filled: Filled) -> None:
    filled.fail()
    filled.fail()
    found = flat(filled.store.search.dead_letters(USER, Query(latest_first=False)))
    ids = tuple(letter.id for _, letter, _ in found)
    assert len(set(ids)) == 2
    assert letters(filled, conditions={"dlq_id": (ids[1], "1-1")}) == ["msg_2"]


def test_more_ids_than_sqlite_has_variables(filled: Filled) -> None:
    filled.add()
    ids = (*(f"msg_x{n}" for n in range(40_000)), "msg_1")
    assert unfinished(filled, id=ids) == ["msg_1"]


def test_the_contents_of_a_page_are_those_of_each_of_its_entries(filled: Filled) -> None:
    first, second, _ = (filled.add(body=b"x" * size, max_retries=1) for size in range(3))
    first = filled.try_(first, answer(500, body=b"no"))
    filled.try_(first, answer(503, body=b"never"))
    filled.try_(second, no_answer())
    messages = filled.store.messages.load_many([*range(99, 0, -1)])
    attempts = filled.store.attempts
    assert list(messages.values()) == [filled.store.messages.load(seq) for seq in messages]
    last = {seq: attempts.last(message.id, seq) for seq, message in messages.items()}
    assert attempts.last_of(messages.values()) == {seq: one for seq, one in last.items() if one}
    assert filled.store.search.body_sizes(messages) == dict(zip(messages, (5, 1, 2), strict=True))


def test_what_is_finished_or_about_to_be_cannot_be_cancelled(filled: Filled) -> None:
    filled.fail()
    filled.try_(filled.add(), answer(200))
    waiting = filled.add()
    retrying = filled.try_(filled.add(), answer(500))
    requested = settle.start(filled.add(), NOW)
    filled.store.messages.apply(requested)
    filled.store.messages.apply(settle.cancel(replace(requested.changed[0]), NOW))
    assert unfinished(filled) == [waiting.id, retrying.id]


@pytest.mark.parametrize("latest_first", [True, False])
@pytest.mark.parametrize(("field", "value"), [*FILTERS, ("state", "FAILED"), ("state", "CREATED")])
def test_what_is_rare_and_what_is_common_are_found_alike(
    filled: Filled, field: str, value: str, latest_first: bool
) -> None:
    for kind in ({}, RICH):
        filled.fail(**kind)
        filled.try_(filled.add(**kind), no_answer())
        filled.add(**kind)
        filled.fail(user=OTHER, **kind)
    few, none = Limits(few_in_order=10**6), Limits(few=-1, few_in_order=-1, few_events=-1)
    rare, common, by_windows = (
        Search(filled.store.database, Selector(filled.store.database, limits=limits))
        for limits in (few, none, replace(none, window=2, names=0))
    )
    query = Query({field: (value,)}, latest_first=latest_first, count=3)
    found = flat(rare.events(USER, query))
    assert found
    for other in (common, by_windows):
        assert flat(other.events(USER, query)) == found
    if field in ("state", "host", "path"):
        return
    for other in (common, by_windows):
        for user in (USER, None):
            letters = flat(rare.dead_letters(user, query))
            assert flat(other.dead_letters(user, query)) == letters
        assert flat(other.unfinished(USER, query)) == flat(rare.unfinished(USER, query))
