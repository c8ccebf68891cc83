"""Workflow runs as a state machine: whatever workflows do, whoever cancels, notifies or crashes them, a
live run always has something pending, waiting or under way, and in the end all runs are over.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qstash_dev.engine.hold_back import Answer
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Outcome, State
from qstash_dev.protocol.workflow.entries import Submission
from qstash_dev.protocol.workflow.model import Run, is_live
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.protocol.workflow.waits import read_wait
from tests.engine.fakes import USER, Delivery, World, answer
from tests.protocol.workflow.play import APP, PARTY, draft, init, of_call, of_step

VERSIONED = (("Upstash-Workflow-Sdk-Version", "1"), ("Upstash-workflow-sdk", "v1.3.3"))
FINE = answer(200, *VERSIONED)
BROKEN = answer(500, *VERSIONED)

kinds = st.sampled_from(["run", "sleep", "call", "wait", "fails"])
programs = st.lists(st.one_of(kinds, st.lists(kinds, min_size=2, max_size=3)), max_size=4)
Program = list[Any]


class Sdk:
    """An app with the SDK's rules in small: it reads a delivery's list and submits what is next."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.programs: dict[str, Program] = {}
        self.broken = False

    def __call__(self, delivery: Delivery) -> tuple[int | None, Outcome]:
        """The answer to a delivery; it stays open until the test ends it."""
        if delivery.request.url == PARTY:
            return None, answer(200, body=b"hi")
        run_id = delivery.headers.get("upstash-workflow-runid", "")
        if "upstash-workflow-is-failure" in delivery.headers:
            return None, FINE
        try:
            if "upstash-workflow-callback" in delivery.headers:
                number = int(delivery.headers["upstash-workflow-stepid"])
                self._submit(run_id, self._result(number, "call", run_id))
            else:
                self._go_on(run_id, delivery)
        except QStashError as error:
            return None, FINE if error.status == 400 else BROKEN
        except RuntimeError:
            return None, BROKEN
        return None, FINE

    def _go_on(self, run_id: str, delivery: Delivery) -> None:
        entries = [json.loads(b64decode(e["body"])) for e in json.loads(delivery.request.body)[1:]
                   if e["callType"] == "step"]  # fmt: skip
        results = {e["stepId"] for e in entries if e["stepId"]}
        last = entries[-1] if entries else None
        if last is not None and sum(e == last for e in entries) > 1:
            return  # a duplicate
        if last is not None and last["stepId"] and last["concurrent"] > 1:
            group = self._group_of(run_id, last["stepId"])
            if not set(group) <= results:
                return  # another one of its group goes on
        if last is not None and not last["stepId"]:
            self._step(run_id, last["targetStep"], last["concurrent"], planned=True)
            return
        first = 1
        for part in self.programs[run_id]:
            count = len(part) if isinstance(part, list) else 1
            if not set(range(first, first + count)) <= results:
                break
            first += count
        else:
            self.world.engine.workflows.finish(USER, run_id, None, b'"done"')
            return
        if count == 1:
            self._step(run_id, first, 1)
        else:
            plans = [self._plan(first + n, kind, count) for n, kind in enumerate(part)]
            self._submit(run_id, *plans)

    def _step(self, run_id: str, number: int, concurrent: int, planned: bool = False) -> None:
        kind = self._kind_of(run_id, number)
        if kind == "call":
            call = draft(of_call(run_id) | {
                "upstash-callback-forward-upstash-workflow-stepid": str(number),
                "upstash-callback-forward-upstash-workflow-concurrent": str(concurrent),
            }, PARTY)  # fmt: skip
            _written(self.world.engine.workflows.submit(USER, [Submission(call, b"")])[1])
        elif kind == "wait":
            self._wait(run_id, number, concurrent)
        elif kind == "fails" and self.broken:
            raise RuntimeError("the step failed")
        else:
            delay = {"delay": "60s"} if kind == "sleep" and not planned else {}
            self._submit(run_id, (self._result(number, kind, run_id)[0], delay))

    def _wait(self, run_id: str, number: int, concurrent: int) -> None:
        step = {"stepId": number, "stepName": "wait", "stepType": "Wait", "concurrent": concurrent}
        headers = {name: [value] for name, value in of_step(run_id).items()}
        order = {"url": APP, "timeout": "300s", "timeoutHeaders": headers, "step": step}
        limits = self.world.policy.limits
        read = read_wait(json.dumps(order).encode(), run_id, limits)
        _written(self.world.engine.waits.wait(USER, (run_id, None), "event", read))

    def _result(self, number: int, kind: str, run_id: str) -> tuple[Any, dict[str, str]]:
        concurrent = len(self._group_of(run_id, number))
        return {
            "stepId": number, "stepName": kind, "stepType": "SleepFor" if kind == "sleep" else "Run",
            "out": "1", "concurrent": concurrent,
        }, {}  # fmt: skip

    def _plan(self, number: int, kind: str, count: int) -> tuple[Any, dict[str, str]]:
        delay = {"delay": "60s"} if kind == "sleep" else {}
        return {"stepId": 0, "stepName": kind, "stepType": "Run", "concurrent": count,
                "targetStep": number}, delay  # fmt: skip

    def _submit(self, run_id: str, *steps: tuple[Any, dict[str, str]]) -> None:
        submissions = [
            Submission(draft(of_step(run_id, **headers)), json.dumps(step).encode())
            for step, headers in steps
        ]
        _written(self.world.engine.workflows.submit(USER, submissions)[1])

    def _group_of(self, run_id: str, number: int) -> range:
        first = 1
        for part in self.programs[run_id]:
            count = len(part) if isinstance(part, list) else 1
            if first <= number < first + count:
                return range(first, first + count)
            first += count
        raise AssertionError(f"there is no step {number}")

    def _kind_of(self, run_id: str, number: int) -> str:
        flat = [
            k
            for part in self.programs[run_id]
            for k in (part if isinstance(part, list) else [part])
        ]
        return str(flat[number - 1])


def _written(answer: Answer | None) -> None:
    """The request was answered."""
    if answer is not None:
        answer.written()


class RunMachine(RuleBasedStateMachine):
    """Rules are what people, apps, time and crashes do; the invariant holds after each."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    async def _begin(self) -> None:
        self.world = World()
        self.sdk = Sdk(self.world)
        self.outcomes: dict[str, Outcome] = {}
        self.world.app.reply = self._reply

    def _reply(self, delivery: Delivery) -> tuple[int | None, Outcome]:
        takes_ms, outcome = self.sdk(delivery)
        self.outcomes[delivery.id] = outcome
        return takes_ms, outcome

    async def _settle(self) -> None:
        """Until nothing happens any more; steps that are held back go on when their time is over."""
        await self.world.settle()
        while self.world.later:
            later, self.world.later = self.world.later, []
            for _, call in later:
                call()
            await self.world.settle()

    def _answer(self, delivery: Delivery) -> None:
        self.world.app.end(delivery, self.outcomes[delivery.id])

    def teardown(self) -> None:
        self.run(self._finish())
        self.loop.close()

    async def _finish(self) -> None:
        """Nothing is stuck: when apps answer and time passes, every run comes to its end."""
        self.sdk.broken = False
        for _ in range(1_000):
            await self._settle()
            for delivery in list(self.world.app.open):
                self._answer(delivery)
            await self._settle()
            if not self.world.app.open and not self._live():
                break
            await self.world.run(100_000)
        assert [run.id for run in self._live()] == []
        await self.world.close()

    def _runs(self) -> list[Run]:
        return self.world.store.workflows.select(USER, RunQuery())

    def _live(self) -> list[Run]:
        return [run for run in self._runs() if is_live(run)]

    @rule(program=programs)
    def start(self, program: Program) -> None:
        run_id = f"wfr_{len(self.sdk.programs)}"
        self.sdk.programs[run_id] = program

        async def start() -> None:
            made = [Submission(draft(init(run_id, retries="1")), b"payload")]
            _written(self.world.engine.workflows.submit(USER, made)[1])
            await self._settle()

        self.run(start())

    @precondition(lambda self: self.world.app.open)
    @rule(data=st.data())
    def app_answers(self, data: st.DataObject) -> None:
        async def answers() -> None:
            self._answer(data.draw(st.sampled_from(self.world.app.open)))
            await self._settle()

        self.run(answers())

    @rule(broken=st.booleans())
    def code_changes(self, broken: bool) -> None:
        self.sdk.broken = broken

    @rule(seconds=st.sampled_from([1, 30, 61, 301]))
    def time_passes(self, seconds: int) -> None:
        async def passes() -> None:
            await self.world.run(seconds * 1000)
            await self._settle()

        self.run(passes())

    @rule()
    def somebody_notifies(self) -> None:
        async def notify() -> None:
            _written(self.world.engine.waits.notify(USER, "event", b"data")[1])
            await self._settle()

        self.run(notify())

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        async def cancel() -> None:
            self.world.engine.workflows.cancel(data.draw(st.sampled_from(self._live())))
            await self._settle()

        self.run(cancel())

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def somebody_hurries(self, data: st.DataObject) -> None:
        async def hurry() -> None:
            self.world.engine.waits.run_now(data.draw(st.sampled_from(self._live())))
            await self._settle()

        self.run(hurry())

    @rule()
    def crash(self) -> None:
        async def crash() -> None:
            await self.world.restart()
            self.world.later.clear()
            await self._settle()

        self.run(crash())

    @invariant()
    def a_live_run_has_something_pending_waiting_or_under_way(self) -> None:
        for run in self._live():
            rows = self.world.store.database.read(
                "SELECT state FROM messages WHERE run = ? AND finished_at IS NULL", (run.seq,)
            )
            assert rows or self.world.store.waits.waiters_of(run), f"run {run.id} is stuck"

    @invariant()
    def nothing_waits_in_a_run_that_is_over(self) -> None:
        for run in self._runs():
            if is_live(run):
                continue
            assert self.world.store.waits.waiters_of(run) == []
            rows = self.world.store.database.read(
                "SELECT state FROM messages WHERE run = ? AND finished_at IS NULL "
                "AND call_type <> 'failureCall'",
                (run.seq,),
            )
            assert {state for (state,) in rows} <= {State.ACTIVE}


RunMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestRunMachine = RunMachine.TestCase
