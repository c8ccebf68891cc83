"""When a run's next step may start: after the answer and the delivery that submitted it."""

from collections.abc import Callable

import pytest

from qstash_dev.engine.hold_back import IN_PARALLEL_S, LONGEST_S, Answer, HoldBack, RunKey
from qstash_dev.protocol.model import Message, Place, Step
from qstash_dev.store.due import Ticket
from tests.samples import NOW, message

RUN = ("defaultUser", "wfr_1", NOW)


class World:
    """Deliveries that are under way, and timers that fire when the test says so."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.wakes = 0
        self.hold_back = HoldBack(
            self._under_way, self._call_later, self._wake, lambda effect: effect()
        )
        self.started: list[str] = []

    def accept(self, *messages: Message, by_app: bool = True) -> Answer | None:
        answer = self.hold_back.accept(messages, by_app)
        for one in messages:
            ticket = Ticket(1, one.id, one.user, NOW, NOW, 0, None, None)
            if not self.hold_back.park(ticket):
                self.started.append(one.id)
        return answer

    def end(self, message_id: str) -> None:
        self.under_way.remove(message_id)
        self.hold_back.ended(message_id, RUN)

    def pass_time(self, seconds: float) -> None:
        due = [timer for timer in self.timers if timer[0] <= seconds]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, call in due:
            call()

    def going(self) -> list[str]:
        """All that may have started so far."""
        self.started += [ticket.id for ticket in self.hold_back.take()]
        return self.started

    def _under_way(self, run: RunKey) -> list[str]:
        return list(self.under_way) if run == RUN else []

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.append((seconds, call))

    def _wake(self) -> None:
        self.wakes += 1


def of_run(id_: str, type_: str = "Run", concurrent: int = 1, run: str = "wfr_1") -> Message:
    step = Step(1, "a", type_, concurrent)
    return message(id=id_, place=Place(run, NOW, index=1, step=step))


@pytest.fixture
def world() -> World:
    return World()


def written(answer: Answer | None) -> None:
    assert answer is not None
    answer.written()


def test_a_step_starts_after_the_answer_and_the_end_of_the_delivery(world: World) -> None:
    world.under_way = ["first"]
    answer = world.accept(of_run("next"))
    assert world.going() == []
    written(answer)
    assert world.going() == []
    world.end("first")
    assert world.going() == ["next"]
    assert world.wakes > 0


def test_a_step_does_not_start_before_the_answer(world: World) -> None:
    world.under_way = ["first"]
    answer = world.accept(of_run("next"))
    world.end("first")
    assert world.going() == []
    written(answer)
    assert world.going() == ["next"]


@pytest.mark.parametrize(("concurrent", "seconds"), [(1, LONGEST_S), (3, IN_PARALLEL_S)])
def test_a_long_delivery_is_not_waited_for(world: World, concurrent: int, seconds: float) -> None:
    world.under_way = ["long"]
    written(world.accept(of_run("next", concurrent=concurrent)))
    world.pass_time(seconds / 2)
    assert world.going() == []
    world.pass_time(seconds)
    assert world.going() == ["next"]


def test_a_start_waits_a_moment_for_its_answer_to_arrive(world: World) -> None:
    written(world.accept(of_run("init", "Initial")))
    assert world.going() == []
    world.pass_time(IN_PARALLEL_S)
    assert world.going() == ["init"]


def test_plans_of_one_batch_do_not_wait_for_each_other(world: World) -> None:
    world.under_way = ["first"]
    plans = [of_run(f"plan {n}", concurrent=3) for n in range(3)]
    written(world.accept(*plans))
    world.end("first")
    assert world.going() == ["plan 0", "plan 1", "plan 2"]


def test_messages_of_a_run_start_in_the_order_of_their_acceptance(world: World) -> None:
    world.under_way = ["a"]
    one = world.accept(of_run("discarded", concurrent=2))
    world.under_way = ["b"]
    written(world.accept(of_run("last", concurrent=2)))
    world.end("b")
    assert world.going() == []
    written(one)
    world.hold_back.ended("a", RUN)
    assert world.going() == ["discarded", "last"]


def test_runs_do_not_wait_for_each_other(world: World) -> None:
    world.under_way = ["first"]
    world.accept(of_run("next"))
    written(world.accept(of_run("other", run="wfr_2")))
    assert world.going() == ["other"]


def test_what_no_request_brought_waits_for_deliveries_alone(world: World) -> None:
    world.accept(of_run("timed out"), by_app=False)
    assert world.going() == ["timed out"]
    world.under_way = ["first"]
    world.accept(of_run("result"), by_app=False)
    assert world.going() == ["timed out"]
    world.end("first")
    assert world.going() == ["timed out", "result"]


def test_what_is_dropped_is_waited_for_no_more(world: World) -> None:
    world.under_way = ["first"]
    world.accept(of_run("dropped"))
    written(world.accept(of_run("next")))
    world.hold_back.withdraw("dropped")
    world.end("first")
    assert world.going() == ["next"]
    assert not world.hold_back.is_holding


def test_ordinary_messages_are_not_held_back(world: World) -> None:
    assert world.accept(message(id="plain")) is None
    assert world.going() == ["plain"]


def test_after_a_crash_nothing_is_held_back(world: World) -> None:
    world.under_way = ["first"]
    world.accept(of_run("next"))
    assert world.hold_back.is_holding
    world.hold_back.clear()
    assert not world.hold_back.is_holding
