"""One message at a time: delivery, retry, cancel, run now, replay, the DLQ, and what survives."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.creation import Changes
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Endpoint, Group, Query, Reason, Request, SendFailure
from qstash_dev.protocol.workflow.entries import Submission
from qstash_dev.protocol.workflow.trigger import triggered
from tests.engine.fakes import (
    OTHER_USER,
    START,
    URL,
    USER,
    World,
    answer,
    draft,
    lose_a_transaction,
)
from tests.samples import flat

MINUTE = 60_000
HOUR = 60 * MINUTE
FLOW = {"flow_control_key": "k", "flow_control_value": "parallelism=1"}
PAIR = Group(USER, "pair", (Endpoint("http://a/"), Endpoint("http://b/", "b")), START, START)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def events(world: World, message_id: str) -> list[str]:
    return [entry.state for entry in world.store.feed.of(message_id)]


def replies(world: World, *statuses: int) -> None:
    """What the app answers, one after the other, the last one for ever."""
    left = list(statuses)
    world.app.reply = lambda _: (0, answer(left.pop(0) if len(left) > 1 else left[0]))


def leave_open(world: World) -> None:
    world.app.reply = lambda _: (None, answer())


def publish(world: World, **options: object) -> str:
    return world.publish(**options)[0].message_id  # type: ignore[arg-type]


# Delivery


async def test_a_message_that_may_start_is_under_way_with_its_acceptance(world: World) -> None:
    leave_open(world)
    await world.settle()
    message_id = publish(world)
    assert world.states([message_id]) == ["ACTIVE"]
    assert events(world, message_id) == ["CREATED", "ACTIVE"]
    await world.restart()
    world.app.reply = lambda _: (0, answer())
    await world.settle()
    assert world.app.ids()[-1] == message_id
    assert world.states([message_id]) == ["DELIVERED"]


@pytest.mark.parametrize(
    "options", [{"queue": "q"}, FLOW, {"delay": "1s"}, {"paused": True}, {"one_by_one": True}]
)
async def test_a_message_that_has_to_wait_for_its_turn_is_only_accepted(
    world: World, options: dict[str, Any]
) -> None:
    options = dict(options)
    world.engine.pause(options.pop("paused", False))
    world.one_by_one = options.pop("one_by_one", False)
    assert world.states([publish(world, **options)]) == ["CREATED"]


async def test_nothing_goes_before_what_is_due_already(world: World) -> None:
    with world.store.database:  # as in a batch
        first = publish(world)
    second = publish(world)
    assert world.states([first, second]) == ["CREATED", "CREATED"]
    await world.settle()
    assert world.app.ids() == [first, second]


async def test_over_the_global_limit_messages_wait_in_order() -> None:
    world = World(global_parallelism=2)
    leave_open(world)
    ids = [publish(world) for _ in range(4)]
    assert world.states(ids) == ["ACTIVE", "ACTIVE", "CREATED", "CREATED"]
    await world.settle()
    for delivery in list(world.app.open):
        world.app.end(delivery)
    await world.settle()
    assert world.app.ids() == ids
    await world.close()


async def test_a_published_message_is_delivered_as_it_came(world: World) -> None:
    message_id = publish(world, url=URL + "?a=%41", body=b"\x00\xff", method="PUT", forward_x="1")
    await world.settle()
    (delivery,) = world.app.deliveries
    request = delivery.request
    assert (request.method, request.url, request.body) == ("PUT", URL + "?a=%41", b"\x00\xff")
    assert (delivery.id, delivery.headers["x"]) == (message_id, "1")
    assert world.states([message_id]) == ["DELIVERED"]
    assert events(world, message_id) == ["CREATED", "ACTIVE", "DELIVERED"]


async def test_retries_come_after_12_s_2_min_28_s_and_30_min_8_s(world: World) -> None:
    replies(world, 500)
    message_id = publish(world, retries=3)
    await world.run_out()
    # e^2.5 = 12.2, e^5 = 148.4, e^7.5 = 1808.04
    assert [d.at - START for d in world.app.deliveries] == [0, 12_000, 160_000, 1_968_000]
    assert [d.retried for d in world.app.deliveries] == [0, 1, 2, 3]
    assert set(world.app.ids()) == {message_id}
    assert world.states([message_id]) == ["FAILED"]
    tries = [*["ACTIVE", "ERROR", "RETRY"] * 3, "ACTIVE", "ERROR"]
    assert events(world, message_id) == ["CREATED", *tries, "FAILED"]


async def test_retries_0_and_a_404_are_exactly_four_events_and_a_dead_letter(world: World) -> None:
    replies(world, 404)
    message_id = publish(world, retries=0)
    await world.run_out()
    assert events(world, message_id) == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    assert world.store.rows.counts(START).dlq == 1


async def test_every_attempt_is_stored_whole_and_signed_afresh(world: World) -> None:
    replies(world, 503, 200)
    message_id = publish(world)
    await world.run_out()
    first, second = world.store.attempts.of(message_id, world.message(message_id).seq)
    assert (first.number, second.number) == (1, 2)
    tokens = {dict(attempt.request_headers)["Upstash-Signature"] for attempt in (first, second)}
    assert len(tokens) == 2
    assert (first.outcome, second.outcome) == (answer(503), answer(200))


@pytest.mark.parametrize(
    ("headers", "due"),
    [
        ({"delay": "90s"}, START + 90_000),
        ({"not_before": START // 1000 + 60}, START + MINUTE),
        ({"not_before": START // 1000 + 60, "delay": "90s"}, START + MINUTE),
        ({"not_before": 1}, START),
    ],
)
async def test_a_delayed_message_is_delivered_when_it_is_due_and_not_before(
    world: World, headers: dict[str, object], due: int
) -> None:
    message_id = publish(world, **headers)
    await world.run_until(due - 1)
    assert world.app.deliveries == ([] if due > START else world.app.deliveries)
    await world.run_until(due)
    assert [(d.id, d.at) for d in world.app.deliveries] == [(message_id, due)]


async def test_what_is_due_at_once_is_delivered_in_order_of_publishing(world: World) -> None:
    world = World(global_parallelism=1)
    ids = [publish(world) for _ in range(5)]
    await world.settle()
    assert world.app.ids() == ids
    await world.close()


async def test_no_more_than_the_global_limit_are_under_way(world: World) -> None:
    world = World(global_parallelism=3)
    leave_open(world)
    ids = [publish(world) for _ in range(5)]
    await world.settle()
    assert [d.id for d in world.app.open] == ids[:3]
    world.app.end(world.app.open[1])
    await world.settle()
    assert [d.id for d in world.app.open] == [ids[0], ids[2], ids[3]]
    await world.close()


async def test_more_than_one_batch_of_due_messages_is_started(world: World) -> None:
    ids = [publish(world, delay="1m") for _ in range(450)]
    await world.run(MINUTE)
    assert sorted(world.app.ids()) == sorted(ids)
    assert set(world.states(ids)) == {"DELIVERED"}


async def test_a_paused_engine_starts_nothing_and_goes_on_later(world: World) -> None:
    world.engine.pause(True)
    message_id = publish(world)
    await world.settle()
    assert world.app.deliveries == []
    assert world.engine.next_time() is None
    world.engine.pause(False)
    await world.settle()
    assert world.app.ids() == [message_id]


async def test_a_group_makes_independent_messages(world: World) -> None:
    world.app.reply = lambda d: (0, answer(200 if d.request.url == "http://a/" else 500))
    accepted = world.publish(url="", group=PAIR, retries=0)
    await world.run_out()
    assert [a.url for a in accepted] == ["http://a/", "http://b/"]
    assert world.states(a.message_id for a in accepted) == ["DELIVERED", "FAILED"]
    assert [d.headers["upstash-topic-name"] for d in world.app.deliveries] == ["pair", "pair"]


async def test_a_route_changes_where_it_goes_and_nothing_that_is_said() -> None:
    world = World(routes=(("https://app.example.com", "http://localhost:3000"),))
    message_id = publish(world, url="https://app.example.com/x")
    await world.settle()
    (delivery,) = world.app.deliveries
    assert delivery.request.target == "http://localhost:3000/x"
    assert delivery.request.url == "https://app.example.com/x"
    assert world.message(message_id).spec.url == "https://app.example.com/x"
    await world.close()


async def test_deny_sends_nothing_outside_and_fails_without_retries() -> None:
    world = World(external="deny", routes=(("https://routed", "http://localhost"),))
    outside = publish(world, url="https://example.com/")
    routed, local = publish(world, url="https://routed/"), publish(world)
    await world.settle()
    assert sorted(world.app.ids()) == sorted([routed, local])
    assert world.states([outside, routed, local]) == ["FAILED", "DELIVERED", "DELIVERED"]
    assert events(world, outside) == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    await world.close()


async def test_a_rotated_key_signs_the_next_attempt(world: World) -> None:
    replies(world, 500, 200)
    publish(world)
    await world.settle()
    current, next_ = world.engine.rotate_keys(USER)
    assert (current, next_[:4]) == ("sig_next", "sig_")
    assert world.engine.attempts.signing_keys(USER) == (current, next_)
    assert world.engine.attempts.signing_keys(OTHER_USER) == ("sig_current", "sig_next")


async def test_a_clock_that_goes_back_does_not_block_a_rate(world: World) -> None:
    """`real` returns from a virtual time that ran ahead."""
    rate = {"flow_control_key": "k", "flow_control_value": "rate=1,period=1m"}
    await world.run(24 * HOUR)
    first = publish(world, **rate)
    await world.settle()
    world.clock.ms = START
    second = publish(world, **rate)
    await world.settle()
    assert world.app.ids() == [first, second]


# Callbacks


async def test_a_callback_is_delivered_like_any_message(world: World) -> None:
    message_id = publish(world, callback="http://localhost/cb", callback_forward_x="1")
    await world.settle()
    source, told = world.app.deliveries
    assert (told.request.url, told.headers["x"]) == ("http://localhost/cb", "1")
    assert (source.id, told.id) == (message_id, world.app.ids()[1])
    assert told.id != message_id
    assert events(world, told.id) == ["CREATED", "ACTIVE", "DELIVERED"]


async def test_a_callback_that_fails_is_a_dead_letter_and_its_source_stays_delivered(
    world: World,
) -> None:
    world.app.reply = lambda d: (0, answer(500 if d.request.url.endswith("/cb") else 200))
    message_id = publish(world, callback="http://localhost/cb", retries=1)
    await world.run_out()
    callback_id = world.app.ids()[1]
    assert world.states([message_id, callback_id]) == ["DELIVERED", "FAILED"]
    assert world.app.ids().count(callback_id) == 2
    assert world.store.rows.counts(START).dlq == 1


async def test_the_failure_callback_comes_once_with_the_dead_letter(world: World) -> None:
    world.app.reply = lambda d: (0, answer(200 if d.request.url.endswith("/failed") else 500))
    publish(world, failure_callback="http://localhost/failed", retries=1)
    await world.run_out()
    told = [d for d in world.app.deliveries if d.request.url.endswith("/failed")]
    assert len(told) == 1
    assert b'"dlqId":"' in told[0].request.body


# Cancelling


async def test_a_delayed_message_is_cancelled_and_never_delivered(world: World) -> None:
    message_id = publish(world, delay="1m")
    assert world.engine.cancel([world.message(message_id)]) == 1
    await world.run_out()
    assert world.app.deliveries == []
    assert events(world, message_id) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
    assert world.engine.cancel([world.message(message_id)]) == 0


async def test_a_message_waiting_for_its_retry_is_cancelled(world: World) -> None:
    replies(world, 500)
    message_id = publish(world)
    await world.settle()
    world.engine.cancel([world.message(message_id)])
    await world.run_out()
    assert len(world.app.deliveries) == 1
    assert events(world, message_id)[-3:] == ["RETRY", "CANCEL_REQUESTED", "CANCELED"]
    assert world.store.rows.counts(START).dlq == 0


@pytest.mark.parametrize(("status", "state"), [(200, "DELIVERED"), (500, "CANCELED")])
async def test_an_active_message_finishes_its_attempt(
    world: World, status: int, state: str
) -> None:
    leave_open(world)
    message_id = publish(world, failure_callback="http://localhost/failed")
    await world.settle()
    assert world.engine.cancel([world.message(message_id)]) == 1
    assert world.engine.cancel([world.message(message_id)]) == 0
    world.app.end(world.app.open[0], answer(status))
    await world.run_out()
    assert world.states([message_id]) == [state]
    assert len(world.app.deliveries) == 1
    assert events(world, message_id).count("CANCEL_REQUESTED") == 1


async def test_a_message_that_waits_for_the_global_limit_can_be_cancelled() -> None:
    world = World(global_parallelism=1)
    leave_open(world)
    first, second, third = (publish(world) for _ in range(3))
    await world.settle()
    world.engine.cancel([world.message(second)])
    world.app.end(world.app.open[0])
    await world.settle()
    assert world.app.ids() == [first, third]
    await world.close()


# Running now


async def test_a_delayed_message_runs_now_once(world: World) -> None:
    message_id = publish(world, delay="1h")
    world.engine.run_now(world.message(message_id))
    await world.run_out()
    assert [d.at for d in world.app.deliveries] == [START]
    assert events(world, message_id) == ["CREATED", "ACTIVE", "DELIVERED"]


async def test_running_now_neither_adds_nor_consumes_a_retry(world: World) -> None:
    replies(world, 500)
    message_id = publish(world, retries=1)
    await world.settle()
    world.engine.run_now(world.message(message_id))
    await world.run_out()
    assert [(d.at - START, d.retried) for d in world.app.deliveries] == [(0, 0), (0, 1)]
    assert world.states([message_id]) == ["FAILED"]


async def test_what_is_active_or_finished_cannot_run_now(world: World) -> None:
    leave_open(world)
    message_id = publish(world)
    await world.settle()
    with pytest.raises(QStashError, match="cannot be run now: it is active") as refused:
        world.engine.run_now(world.message(message_id))
    assert refused.value.status == 409
    world.app.end(world.app.open[0])
    await world.settle()
    with pytest.raises(QStashError, match="it is delivered"):
        world.engine.run_now(world.message(message_id))


@pytest.mark.parametrize("headers", [{}, FLOW])
async def test_running_what_is_due_and_waits_for_its_turn_changes_nothing(
    headers: dict[str, object],
) -> None:
    world = World(global_parallelism=1)
    leave_open(world)
    publish(world)
    await world.settle()
    waiting = publish(world, **headers)
    await world.settle()
    for _ in range(3):
        world.engine.run_now(world.message(waiting))
        await world.settle()
    while world.app.open:
        world.app.end(world.app.open[0])
        await world.settle()
    assert world.app.ids().count(waiting) == 1
    assert events(world, waiting) == ["CREATED", "ACTIVE", "DELIVERED"]
    await world.close()


# Deduplication


async def test_a_duplicate_is_not_enqueued_within_ten_minutes(world: World) -> None:
    first = world.publish(deduplication_id="a")[0]
    await world.settle()
    again = world.publish(deduplication_id="a")[0]
    assert again == replace(first, deduplicated=True)
    await world.run(10 * MINUTE - 1)
    assert world.publish(deduplication_id="a")[0].deduplicated
    await world.run(1)
    later = world.publish(deduplication_id="a")[0]
    assert not later.deduplicated
    assert later.message_id != first.message_id
    await world.settle()
    assert world.app.ids() == [first.message_id, later.message_id]


async def test_content_decides_if_asked(world: World) -> None:
    wish: dict[str, Any] = {"content_based_deduplication": "true"}
    first = world.publish(body=b"1", **wish)[0]
    assert world.publish(body=b"1", **wish)[0].message_id == first.message_id
    assert not world.publish(body=b"2", **wish)[0].deduplicated
    assert not world.publish(body=b"1")[0].deduplicated


async def test_users_do_not_deduplicate_each_other(world: World) -> None:
    world.publish(deduplication_id="a")
    assert not world.publish(deduplication_id="a", user=OTHER_USER)[0].deduplicated


async def test_endpoints_of_a_group_deduplicate_one_by_one(world: World) -> None:
    only_a = Group(USER, "pair", PAIR.endpoints[:1], START, START)
    world.publish(url="", group=only_a, deduplication_id="x")
    both = world.publish(url="", group=PAIR, deduplication_id="x")
    assert [a.deduplicated for a in both] == [True, False]


async def test_a_finished_or_cancelled_original_still_blocks(world: World) -> None:
    message_id = publish(world, deduplication_id="a", delay="1m")
    world.engine.cancel([world.message(message_id)])
    assert world.publish(deduplication_id="a")[0].message_id == message_id


# Replay and the DLQ


async def test_a_replay_is_a_new_message_and_changes_nothing_of_its_source(world: World) -> None:
    source_id = publish(world, body=b"1", forward_x="1")
    await world.settle()
    before, log = world.message(source_id), events(world, source_id)
    copy_id = world.engine.replay(USER, source_id, Changes(body=b"2"))
    await world.settle()
    first, second = world.app.deliveries
    assert (second.id, second.request.body, second.headers["x"]) == (copy_id, b"2", "1")
    assert first.headers["upstash-signature"] != second.headers["upstash-signature"]
    assert (world.message(source_id), events(world, source_id)) == (before, log)
    assert world.message(copy_id).spec.parent_id == source_id


async def test_what_is_not_there_cannot_be_replayed(world: World) -> None:
    message_id = publish(world)
    for user, wanted in ((USER, "msg_none"), (OTHER_USER, message_id)):
        with pytest.raises(QStashError, match=f"message {wanted} not found") as refused:
            world.engine.replay(user, wanted, Changes())
        assert refused.value.status == 404


async def test_a_dead_letter_comes_back_as_a_new_message(world: World) -> None:
    replies(world, 500)
    message_id = publish(world, retries=0, body=b"1")
    await world.settle()
    ((_, letter, _),) = flat(world.store.search.dead_letters(USER, Query()))
    replies(world, 200)
    headers = (("Upstash-Retries", "2"), ("Upstash-Delay", "1m"))
    copy_id = world.engine.retry_dead(USER, letter.id, message_id, headers)
    assert flat(world.store.search.dead_letters(USER, Query())) == []
    await world.run_out()
    assert [(d.id, d.at - START) for d in world.app.deliveries] == [
        (message_id, 0),
        (copy_id, MINUTE),
    ]
    assert world.app.deliveries[1].headers["upstash-max-retries"] == "2"
    assert world.states([message_id, copy_id]) == ["FAILED", "DELIVERED"]


async def test_a_refused_override_leaves_the_dead_letter(world: World) -> None:
    replies(world, 500)
    message_id = publish(world, retries=0)
    await world.settle()
    ((_, letter, _),) = flat(world.store.search.dead_letters(USER, Query()))
    with pytest.raises(QStashError):
        world.engine.retry_dead(USER, letter.id, message_id, (("Upstash-Timeout", "soon"),))
    assert len(flat(world.store.search.dead_letters(USER, Query()))) == 1


# What survives


async def test_after_a_crash_what_was_under_way_is_made_again_under_its_id(world: World) -> None:
    leave_open(world)
    message_id = publish(world)
    await world.settle()
    await world.restart()
    replies(world, 200)
    await world.run_out()
    assert world.app.ids() == [message_id, message_id]
    assert [d.retried for d in world.app.deliveries] == [0, 0]
    assert world.states([message_id]) == ["DELIVERED"]
    first, second = world.store.attempts.of(message_id, world.message(message_id).seq)
    assert isinstance(first.outcome, SendFailure)
    assert first.outcome.reason == Reason.INTERRUPTED
    assert second.outcome == answer(200)


async def test_after_a_crash_retries_and_delays_come_at_their_time(world: World) -> None:
    replies(world, 500, 200)
    retried, delayed = publish(world), publish(world, delay="1h")
    await world.run(5_000)
    await world.restart()
    await world.run_out()
    at = {(d.id, d.retried): d.at - START for d in world.app.deliveries}
    assert at == {(retried, 0): 0, (retried, 1): 12_000, (delayed, 0): HOUR}


async def test_after_a_crash_a_requested_cancellation_is_carried_out(world: World) -> None:
    leave_open(world)
    message_id = publish(world)
    await world.settle()
    world.engine.cancel([world.message(message_id)])
    await world.restart()
    await world.run_out()
    assert events(world, message_id) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "CANCELED"]
    assert len(world.app.deliveries) == 1


async def test_what_waited_for_the_global_limit_is_not_lost_by_a_crash() -> None:
    world = World(global_parallelism=1)
    leave_open(world)
    ids = [publish(world) for _ in range(3)]
    await world.settle()
    await world.restart()
    replies(world, 200)
    await world.run_out()
    assert world.states(ids) == ["DELIVERED"] * 3
    await world.close()


async def test_deduplication_survives_a_crash(world: World) -> None:
    first = world.publish(deduplication_id="a")[0]
    await world.restart()
    assert world.publish(deduplication_id="a")[0].message_id == first.message_id


async def test_a_rollback_makes_deliveries_under_way_again_and_loses_none(world: World) -> None:
    leave_open(world)
    ids = [publish(world), publish(world, delay="1m")]
    await world.settle()
    lose_a_transaction(world.store)
    replies(world, 200)
    await world.run_out()
    assert world.states(ids) == ["DELIVERED", "DELIVERED"]
    assert not world.engine.lanes.places.active


async def test_a_change_that_is_undone_concerns_no_other(world: World) -> None:
    world.on_rollback = lambda: pytest.fail("deliveries would be made again")
    leave_open(world)
    under_way = publish(world, queue="q", **FLOW)
    await world.settle()

    def change() -> None:
        with world.store.database:
            publish(world, queue="q2", flow_control_key="new", flow_control_value="rate=1")
            publish(world, queue="q", **FLOW)
            world.engine.cancel([world.message(under_way)])
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        change()
    assert not world.message(under_way).cancel_requested
    assert world.engine.flows.find((USER, "new")) is None
    assert world.engine.lanes.flows[USER, FLOW["flow_control_key"]].pending == 1
    replies(world, 200)
    waiting = publish(world, queue="q", **FLOW)
    world.app.end(world.app.open[0])
    await world.run_out()
    assert world.states([under_way, waiting]) == ["DELIVERED"] * 2
    assert len(world.app.deliveries) == 2


async def test_an_answer_that_cannot_be_stored_is_a_failed_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = [answer(200, ("X-Name", "Zo\udceb")), answer(), answer()]  # the first is no UTF-8
    world.app.reply = lambda _: (0, outcomes.pop(0))
    other = publish(world)
    message_id = publish(world)
    await world.run_out()
    assert world.states([other, message_id]) == ["DELIVERED"] * 2
    assert events(world, other) == ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"]
    assert f"an attempt of message {other} ended by a fault of qstash-dev" in caplog.text


async def test_a_message_that_cannot_be_started_keeps_no_other_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(global_parallelism=1)
    world.engine.pause(True)
    broken, other = (publish(world, delay="1s", queue="q", **FLOW) for _ in range(2))
    with world.store.database:
        seq = world.message(broken).seq
        world.store.database.write("UPDATE contents SET spec = x'00' WHERE message = ?", (seq,))
    world.engine.pause(False)
    await world.run_out()
    assert world.states([other]) == ["DELIVERED"]
    assert f"message {broken} cannot be started" in caplog.text
    await world.close()


async def test_a_fault_of_our_own_is_a_failed_attempt_and_not_the_end_of_the_message(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    async def send(request: Request) -> object:
        if broken:
            raise RuntimeError("a bug")
        return await world.app(request)

    world.engine.attempts.send = send  # type: ignore[assignment]
    message_id = publish(world)
    await world.settle()
    assert events(world, message_id) == ["CREATED", "ACTIVE", "ERROR", "RETRY"]
    assert message_id in caplog.text
    broken = False
    await world.run_out()
    assert world.states([message_id]) == ["DELIVERED"]


# Forgetting


async def test_reset_forgets_everything_and_abandons_deliveries(world: World) -> None:
    leave_open(world)
    for _ in range(2):
        publish(world, queue="q", **FLOW)
    publish(world, delay="1m")
    await world.settle()
    world.engine.reset()
    await asyncio.sleep(0)  # the abandoned deliveries end in the next turn of the loop
    await world.run_out()
    assert world.store.rows.counts(START).messages == 0
    assert world.store.rows.counts(START).queues == 0
    # ... and a new message of the same queue and key is delivered
    replies(world, 200)
    message_id = publish(world, queue="q", **FLOW)
    await world.settle()
    assert world.states([message_id]) == ["DELIVERED"]
    assert world.app.open == []


async def test_reset_forgets_what_a_run_held_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    start = triggered(draft(), "", world.ids, unknown_sdk=False)
    _, answer = world.engine.workflows.submit(USER, [Submission(start, b"", triggered=True)])
    assert answer is not None
    await world.settle()
    world.engine.reset()
    answer.written()
    for _, overdue in world.later:
        overdue()
    await world.run_out()
    assert (world.app.deliveries, caplog.messages) == ([], [])
    assert world.engine.is_idle()


async def test_it_is_not_idle_between_two_messages_that_take_turns(world: World) -> None:
    world.one_by_one = True
    world.app.reply = lambda _: (None, answer())
    for _ in range(2):
        publish(world)
    await world.settle()
    for _ in range(2):
        [delivery] = world.app.open
        world.app.end(delivery)
        while world.store.messages.active():
            await asyncio.sleep(0)
        assert world.engine.is_idle() == (len(world.app.deliveries) == 2)
        world.engine.pause(True)
        assert world.engine.is_idle()  # whoever waits for it would wait for the one who has paused
        world.engine.pause(False)
        await world.settle()
    assert len(world.app.deliveries) == 2


async def test_only_what_is_finished_can_be_forgotten(world: World) -> None:
    done, waiting = publish(world), publish(world, delay="1m")
    await world.settle()
    before = world.engine.tombstones.count
    seqs = [world.message(id_).seq for id_ in (done, waiting)]
    assert world.engine.delete(seqs) == [done]
    assert world.engine.tombstones.since(before) == [done]
    assert world.store.messages.get(USER, done) is None


async def test_pruning_keeps_the_newest_and_the_dead_letters() -> None:
    world = World(max_messages=3, max_age_ms=HOUR)
    replies(world, 500, 200)
    dead = publish(world, retries=0)
    await world.settle()
    ids = [publish(world) for _ in range(4)]
    await world.settle()
    assert world.engine.prune() == 2
    left = [id_ for id_ in (dead, *ids) if world.store.messages.get(USER, id_)]
    assert left == [dead, *ids[2:]]
    assert world.engine.prune() == 0
    await world.run(HOUR + 1)
    assert world.engine.prune() == 3
    await world.close()


async def test_messages_of_other_users_are_not_there(world: World) -> None:
    message_id = publish(world)
    with pytest.raises(QStashError) as refused:
        world.engine.find(OTHER_USER, message_id)
    assert (refused.value.status, refused.value.message) == (
        404,
        f"message {message_id} not found",
    )


async def test_hung_deliveries_of_one_app_leave_places_to_the_others():
    world = World(global_parallelism=20)
    world.app.reply = lambda d: (None if "hung" in d.request.url else 0, answer())
    for _ in range(50):
        world.publish("http://hung.host/x")
    await world.run(0)
    assert len(world.app.open) == 18  # a tenth of what is free is left
    (other,) = world.publish("http://localhost:3000/x")
    await world.run(0)
    assert world.states([other.message_id]) == ["DELIVERED"]
    for delivery in list(world.app.open):
        world.app.end(delivery)
    await world.run(0)
    assert len(world.app.deliveries) == 1 + 18 + 18


async def test_of_several_hung_apps_each_leaves_a_part_of_what_it_found():
    world = World(global_parallelism=100)
    world.app.reply = lambda d: (None if "hung" in d.request.url else 0, answer())
    for name in "abc":
        for _ in range(200):
            world.publish(f"http://hung-{name}.host/x")
        await world.run(0)
    taken = Counter(delivery.request.url for delivery in world.app.open)
    assert list(taken.values()) == [90, 9, 1]


async def test_what_waits_for_its_origin_can_be_cancelled():
    world = World(global_parallelism=10)
    world.app.reply = lambda d: (None, answer())
    ids = [world.publish("http://hung.host/x")[0].message_id for _ in range(12)]
    await world.run(0)
    world.engine.cancel([world.message(ids[-1])])
    for delivery in list(world.app.open):
        world.app.end(delivery)
    await world.run(0)
    assert ids[-1] not in world.app.ids()
    assert len(world.app.deliveries) == 11
