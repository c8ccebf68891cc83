"""Rows for people: what they tell, and the filter language over stored messages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.filters import Filter, FilterError, parse_filter
from qstash_dev.protocol import creation, settle
from qstash_dev.protocol.model import FlowControl, Kind
from qstash_dev.store.feed import Feed
from qstash_dev.store.lists.candidates import Limits
from qstash_dev.store.lists.rows import Rows
from qstash_dev.store.lists.selection import Selector
from qstash_dev.store.lists.windows import WINDOW
from qstash_dev.store.sequence import Sequence
from qstash_dev.store.store import Store
from tests.samples import MINUTE, NOW, answer, flat, message, no_answer
from tests.store.filled import Filled


def row(store: Store, message_id: str, now: int = NOW) -> Row:
    found = store.rows.by_id(message_id, now)
    assert found is not None
    return found


def test_a_row_of_a_message_with_everything(filled: Filled) -> None:
    spec: dict[str, Any] = {
        "url": "http://localhost:3000/x",
        "method": "PUT",
        "headers": (("Content-Type", "text/plain"),),
        "max_retries": 2,
        "labels": ("b", "a"),
        "queue": "q",
        "topic": "orders",
        "endpoint": "e0",
        "schedule_id": "scd_1",
        "flow": FlowControl("k", 1),
        "kind": Kind.SCHEDULE,
        "notices": ("first", "second"),
    }
    dead = filled.try_(filled.add(body=b"12345", **spec), answer(500))
    for _ in range(2):
        dead = filled.try_(dead, answer(503), NOW + 9)
    replay = creation.replay(dead, creation.Changes(), NOW, "msg_replay")
    filled.store.messages.apply(creation.created((replay,), NOW))
    found = row(filled.store, dead.id)
    assert found == Row(
        seq=dead.seq,
        id=dead.id,
        user="defaultUser",
        kind="schedule",
        parent=None,
        state="failed",
        method="PUT",
        url="http://localhost:3000/x",
        created_at=NOW,
        updated_at=NOW + 9,
        due_at=None,
        try_=3,
        tries=3,
        status=503,
        duration_ms=3.0,
        error="503 Service Unavailable",
        queue="q",
        topic="orders",
        endpoint="e0",
        schedule="scd_1",
        flow_key="k",
        dlq_id=f"{NOW + 9}-{dead.seq}",
        replays=1,
        duplicates=0,
        body_size=5,
        content_type="text/plain",
        labels=("a", "b"),
        source="local",
        lints=("first", "second"),
    )
    assert row(filled.store, "msg_replay").parent == dead.id


def test_the_words_for_where_a_message_is(filled: Filled) -> None:
    store = filled.store
    delayed = filled.add(NOW + MINUTE)
    due = filled.add()
    queued = filled.add()
    store.due.claim([queued.seq])
    active = filled.add()
    store.messages.apply(settle.start(active, NOW))
    retry = filled.try_(filled.add(), answer(500))
    held = settle.start(filled.add(), NOW)
    store.messages.apply(held)
    store.messages.apply(settle.hold(held.changed[0], "http://localhost:3000", "no app", NOW))
    delivered, failed = filled.try_(filled.add(), answer(200)), filled.fail()
    canceled = filled.add()
    store.messages.apply(settle.cancel(canceled, NOW))
    told = {
        delayed.id: "delayed", due.id: "created", queued.id: "queued", active.id: "active",
        retry.id: "retry", held.changed[0].id: "held", delivered.id: "delivered",
        failed.id: "failed", canceled.id: "canceled",
    }  # fmt: skip
    assert {id_: row(store, id_).state for id_ in told} == told
    counts = store.rows.counts(NOW)
    assert (counts.messages, counts.delayed, counts.active, counts.retry) == (9, 1, 1, 1)
    assert (counts.held, counts.delivered, counts.failed, counts.canceled) == (1, 1, 1, 1)
    assert counts.dlq == 1
    for id_, word in told.items():
        assert select(store, f"state:{word}") == {id_}


def select(store: Store, text: str, now: int = NOW) -> set[str]:
    wanted = parse_filter(text)
    found = [row for window in store.rows.select(wanted, now, None) for row in window]
    assert sum(store.rows.count(wanted, now)) == len(found)
    assert [r.seq for r in found] == sorted((r.seq for r in found), reverse=True)
    seqs = {r.seq for r in found}
    assert store.rows.matching(wanted, seqs, now) == seqs
    return {row.id for row in found}


@pytest.fixture(scope="module")
def lists() -> Iterator[Store]:
    """msg_1 delivered, msg_2 dead with 404, msg_3 retrying without an answer, msg_4 delayed."""
    filled = Filled()
    filled.try_(
        filled.add(
            NOW - 10 * MINUTE,
            url="http://localhost:3000/api/Orders?id=1",
            headers=(("Content-Type", "application/json"), ("X-Tenant", "Acme Inc")),
            body=b'{"order": "100%_done!"}',
            labels=("red", "blue"),
            queue="mail",
            flow=FlowControl("tenant/42"),
        ),
        answer(200),
    )
    filled.fail(
        NOW - 5 * MINUTE, 404, url="https://example.com/hook", labels=("red",), topic="team"
    )
    filled.try_(filled.add(NOW - MINUTE, schedule_id="scd_1", kind=Kind.SCHEDULE), no_answer())
    filled.add(NOW + MINUTE, kind=Kind.CLOUD, body=b"\xff\x00binary")
    yield filled.store
    filled.store.close()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", "1234"),
        ("state:delivered", "1"),
        ("state:ok|failed", "12"),
        ("state:dlq", "2"),
        ("-state:ok", "234"),
        ("state:waiting", "34"),
        ("state:finished", "12"),
        ("dest:orders", "1"),
        ("dest:orders|example", "12"),
        ("dest:ORDERS?id*", "1"),
        ("dest:localhost", "134"),
        ("-dest:localhost", "2"),
        ("orders", "1"),
        ("msg_2", "2"),
        ("msg_", "1234"),
        ("id:msg_3", "3"),
        ("id:sg_3", ""),
        ("body:order", "1"),
        ('body:"100%_done!"', "1"),
        ('body:"100%Xdone"', ""),
        ("body:100*done", "1"),
        ("body:binary", ""),  # behind a NUL
        ("code:404", "2"),
        ("code:4xx", "2"),
        ("code:2xx|4xx", "12"),
        ("code:>=400", "2"),
        ("-code:404", "134"),
        ("code:none", "3"),
        ("try:0", "4"),
        ("try:>=1", "123"),
        ("try:1-2", "123"),
        ("header:x-tenant", "1"),
        ('header:X-Tenant="acme inc"', "1"),
        ("header:x-tenant=acme*", "1"),
        ("header:x-tenant=*inc", "1"),
        ("header:x-tenant=a*e*i*c", "1"),
        ("header:x-tenant=a*i*e*c", ""),
        ("header:x-tenant=acme*acme", ""),
        ("header:x-tenant=acme", ""),
        ("-header:x-tenant", "234"),
        ("queue:mail", "1"),
        ("queue:mai", ""),
        ("queue:*", "1"),
        ("-queue:*", "234"),
        ("label:red", "12"),
        ("label:re*", "12"),
        ("label:red label:blue", "1"),
        ("label:RED|blue", "12"),
        ("state:failed label:red", "2"),
        ("state:held|failed", "2"),
        ("-label:red", "34"),
        ("group:team", "2"),
        ("flow:Tenant/42", "1"),
        ("-flow:tenant*", "234"),
        ("schedule:*", "3"),
        ("source:cloud", "4"),
        ("source:local", "123"),
        ("source:schedule", "3"),
        ("age:<2m", "34"),
        ("age:>4m", "12"),
        ("age:1m-6m", "23"),
        ("is:external", "2"),
        ("is:external|held", "2"),
        ("-is:external", "134"),
        ("is:held", ""),
        ("is:replay", ""),
        ("state:failed code:404 label:red dest:example", "2"),
        ("state:failed code:500", ""),
    ],
)
def test_the_filter_language(lists: Store, text: str, numbers: str) -> None:
    expected = {f"msg_{number}" for number in numbers}
    assert select(lists, text) == expected
    wanted, events = parse_filter(text), flat(lists.feed.select(Filter(), NOW, 100, after=0))
    expected_events = [entry for entry in events if entry.id in expected]
    for limits in (
        Limits(),
        Limits(few=-1, few_in_order=-1),
        Limits(few=-1, few_in_order=1),
        Limits(names=0),
    ):
        selector = Selector(lists.database, limits=limits)
        rows = Rows(lists.database, selector, lists.tally)
        assert {row.id for row in flat(rows.select(wanted, NOW, None))} == expected
        assert sum(rows.count(wanted, NOW)) == len(expected)
        feed = Feed(lists.database, Sequence(lists.database, "events"), selector)
        assert flat(feed.select(wanted, NOW, 100, after=0)) == expected_events
        assert flat(feed.select(wanted, NOW, 100)) == expected_events[::-1]


@pytest.mark.parametrize(
    "text",
    [
        *("code:418", "-code:2xx", "try:>3", "age:<1h", "source:publish", "is:replay"),
        *("-is:replay", "code:4xx|5xx age:<1h -source:callback"),
    ],
)
def test_a_choice_by_what_every_message_has_reads_no_message(lists: Store, text: str) -> None:
    counted = Selector(lists.database).counted(parse_filter(text), NOW)
    assert counted is not None
    sql, values = counted
    plan = [line for *_, line in lists.database.read(f"EXPLAIN QUERY PLAN {sql}", values)]
    read = [line for line in plan if line.startswith(("SCAN m ", "SEARCH m "))]
    assert len(read) == 2
    assert all(" USING COVERING INDEX " in line for line in read), plan


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("state:failed|retry label:red", 2),
        ("label:red label:blue", 1),
        ("label:red queue:mail", 1),
        ("label:red flow:Tenant/42", 1),
        ("label:red group:team", 2),
        ("label:red dest:example", 2),
        ("dest:localhost label:red", 1),
    ],
)
def test_only_what_has_every_name_is_looked_at(lists: Store, text: str, number: int) -> None:
    selection = Selector(lists.database).everywhere(parse_filter(text), now=NOW)
    assert selection.few == f"[{number}]"


def test_many_wildcards_do_not_take_long(filled: Filled) -> None:
    long = "a" * 5_000
    filled.add(url=f"http://localhost:3000/{long}", headers=(("X", long),), labels=(long,))
    for key in ("header:x=", "dest:", "label:", "body:", ""):
        assert select(filled.store, f"{key}{'a*' * 30}b") == set()
        assert select(filled.store, f"{key}{'*a' * 30}*|nothing") == (
            set() if key == "body:" else {"msg_1"}
        )


def test_a_list_is_read_in_windows_without_gaps(filled: Filled) -> None:
    total = WINDOW + 5
    messages = (message(id=f"msg_{n}", labels=("odd",) if n % 2 else ()) for n in range(total))
    filled.store.messages.apply(creation.created(messages, NOW))
    windows = list(filled.store.rows.select(Filter(), NOW, None))
    assert [len(window) for window in windows] == [WINDOW, 5]
    newest_first = [r.seq for window in windows for r in window]
    assert newest_first == list(range(total, 0, -1))
    oldest_first = [r.seq for w in filled.store.rows.select(Filter(), NOW, None, 0) for r in w]
    assert oldest_first == newest_first[::-1]
    before = [r.seq for w in filled.store.rows.select(Filter(), NOW, 10) for r in w]
    after = [r.seq for w in filled.store.rows.select(Filter(), NOW, None, total - 3) for r in w]
    assert (before, after) == (list(range(9, 0, -1)), list(range(total - 2, total + 1)))
    assert sum(filled.store.rows.count(parse_filter("label:odd"), NOW)) == total // 2


def test_an_empty_store_has_no_rows(filled: Filled) -> None:
    assert list(filled.store.rows.select(Filter(), NOW, None)) == []
    assert sum(filled.store.rows.count(parse_filter("state:ok"), NOW)) == 0
    assert filled.store.rows.by_id("msg_1", NOW) is None
    assert filled.store.rows.of([], NOW) == []


def test_siblings_are_of_the_same_publish_or_schedule(filled: Filled) -> None:
    first = filled.add(topic="team")
    second = filled.add(topic="team")
    filled.add(NOW + 1, topic="team")
    filled.add(topic="team", user="testUser1")
    firing = filled.add(schedule_id="scd_1")
    later = filled.add(NOW + MINUTE, schedule_id="scd_1")
    alone = filled.add()
    related = {
        first.id: [second.id],
        firing.id: [later.id],
        alone.id: [],
    }
    for id_, others in related.items():
        assert [r.id for r in filled.store.rows.siblings(row(filled.store, id_), NOW)] == others


@pytest.mark.parametrize(
    "text", ["dest:h " * 300, "msg " * 300, "state:" + "|".join(["waiting"] * 300)]
)
def test_the_longest_filters_can_be_asked(lists: Store, text: str) -> None:
    """SQLite refuses expressions that are nested deeper than a thousand."""
    assert select(lists, text)
    with pytest.raises(FilterError, match="more than 300 conditions"):
        parse_filter(text.strip() + " is:held")


PIECES = [
    *("state:ok", "-dest:a*b", 'body:"x y"', "code:5xx|none", "try:>1", "header:a=b*", "age:<5m"),
    *("is:external", "id:msg", "word", "%", "_", "!", "*", "'", "\\", '"', "|", ":", "-", " "),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=6).map(" ".join))
def test_every_filter_that_can_be_read_can_be_asked(lists: Store, text: str) -> None:
    try:
        wanted = parse_filter(text)
    except FilterError:
        return
    negated = Filter(tuple(type(t)(t.key, t.values, not t.negated) for t in wanted.terms))
    found = sum(lists.rows.count(wanted, NOW))
    assert 0 <= found <= 4
    if len(wanted.terms) == 1:
        assert found + sum(lists.rows.count(negated, NOW)) == 4
