"""Runs without a store: what was decided is kept in dictionaries, and time is a number.

The requests are those of workflow-js 1.3.3 (`client.trigger` and steps), as they were recorded.
"""

import json
from base64 import b64decode
from itertools import count
from typing import Any

from msgspec.structs import replace

from qstash_dev.protocol.model import Attempt, Change, Message, Outcome, State
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.quota import QUOTAS, Limits
from qstash_dev.protocol.workflow import ends, entries
from qstash_dev.protocol.workflow.entries import Accepted, Moment, Submission
from qstash_dev.protocol.workflow.model import Notice, Run, RunChange, RunEvent, Waiter, key_of
from qstash_dev.protocol.workflow.render import Entry, render
from qstash_dev.protocol.workflow.settle import settle
from tests.samples import NOW, answer

USER = "defaultUser"
APP = "https://app.example/wf"
PARTY = "https://party.example/x"
FEATURES = "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig"
VERSION = {
    "upstash-workflow-sdk-version": "1",
    "upstash-forward-upstash-workflow-sdk-version": "1",
}
GOOD = answer(200, (("Upstash-Workflow-Sdk-Version", "1"), ("Upstash-workflow-sdk", "v1.3.3")))


def init(run_id: str = "wfr_1", **more: str) -> dict[str, str]:
    """The headers of a start; `retries="5"` is the header `upstash-retries`."""
    return {**of_step(run_id), "upstash-workflow-init": "true", **named(more)}


def of_step(run_id: str = "wfr_1", **more: str) -> dict[str, str]:
    """The headers of a step."""
    return {
        "upstash-workflow-init": "false",
        "upstash-workflow-runid": run_id,
        "upstash-workflow-url": APP,
        "upstash-feature-set": FEATURES,
        **VERSION,
        **named(more),
    }


def of_call(run_id: str = "wfr_1", **more: str) -> dict[str, str]:
    """The headers of a `context.call`."""
    family = "upstash-callback-forward-upstash-workflow-"
    info = {"stepid": "1", "stepname": "get", "steptype": "Call", "concurrent": "1"}
    return {
        "upstash-workflow-init": "false",
        "upstash-workflow-runid": run_id,
        "upstash-workflow-url": APP,
        "upstash-workflow-sdk-version": "1",
        "upstash-workflow-calltype": "toCallback",
        "upstash-feature-set": "WF_NoDelete,InitialBody",
        "upstash-retries": "0",
        "upstash-callback": APP,
        "upstash-callback-workflow-calltype": "fromCallback",
        "upstash-callback-workflow-runid": run_id,
        **{family + name: value for name, value in {**info, "callback": "true"}.items()},
        **named(more),
    }


def step(id_: int = 1, name: str = "a", out: Any = "", **more: Any) -> dict[str, Any]:
    """The JSON of a step; `out` is what the step function returned."""
    document = {"stepId": id_, "stepName": name, "stepType": "Run", "out": json.dumps(out)}
    return {**document, "concurrent": 1, **more}


def named(options: dict[str, str]) -> dict[str, str]:
    """`forward_h="v"` is the header `upstash-forward-h: v`."""
    return {f"upstash-{name.replace('_', '-')}": value for name, value in options.items()}


def draft(headers: dict[str, str], url: str = APP, limits: Limits = QUOTAS["payg"]) -> Draft:
    """What a publish with these headers asks for."""
    pairs = [("Content-Type", "application/json"), *headers.items()]
    return parse_draft(url, pairs, limits, caller_ip="1.2.3.4")


class Play:
    """All that was decided so far. `now` moves only by hand."""

    def __init__(self, limits: Limits = QUOTAS["payg"]) -> None:
        self.now = NOW
        self.limits = limits
        self.runs: dict[tuple[str, str, int], Run] = {}
        self.messages: dict[str, Message] = {}
        self.waiters: dict[int, Waiter] = {}
        self.notices: dict[int, Notice] = {}
        self.dead: list[str] = []
        self.log: list[RunEvent] = []
        self._ids = count(1)
        self._seqs = count(1)

    # Orders

    def moment(self) -> Moment:
        return Moment(self.now, self.limits, lambda prefix: f"{prefix}{next(self._ids)}")

    def submit(self, *submissions: Submission) -> list[Accepted]:
        change, answers = entries.accept(USER, submissions, self.newest, self.moment())
        self.apply(change)
        return answers

    def start(self, run_id: str = "wfr_1", body: str = "payload", **more: str) -> Message:
        """Start a run; its first message."""
        [accepted] = self.submit(Submission(draft(init(run_id, **more)), body.encode()))
        return self.messages[accepted.message_id]

    def add(self, document: Any, **headers: str) -> Message:
        """Submit a step of the run `wfr_1`; its message."""
        body = json.dumps(document).encode()
        [accepted] = self.submit(Submission(draft(of_step(**headers)), body))
        return self.messages[accepted.message_id]

    def call(self, url: str = PARTY, body: str = "", **headers: str) -> Message:
        """Call a third party in the run `wfr_1`; the message to it."""
        [accepted] = self.submit(Submission(draft(of_call(**headers), url), body.encode()))
        return self.messages[accepted.message_id]

    def begin(self, message: Message) -> Message:
        """The next attempt of a message is under way."""
        active = self.messages[message.id]
        active = replace(active, state=State.ACTIVE, attempts=active.attempts + 1)
        self.messages[message.id] = active
        return active

    def settle(self, message: Message, outcome: Outcome = GOOD) -> Change:
        """The attempt of a message that is under way, or its next one, has this outcome."""
        active = self.messages[message.id]
        if active.state != State.ACTIVE:
            active = self.begin(message)
        attempt = Attempt(active.id, active.attempts, active.spec.url, (), outcome)
        change = settle(active, attempt, self.run_of(message), self, self.moment())
        self.apply(change)
        return change

    def finish(self, run_id: str = "wfr_1", result: bytes = b"") -> None:
        run = self.run(run_id)
        self.apply(ends.finish(run, result, self.waiting(run), self.parent(run), self.moment()))

    def cancel(self, run_id: str = "wfr_1") -> None:
        run = self.run(run_id)
        self.apply(ends.cancel(run, self.waiting(run), self.parent(run), self.moment()))

    # What there is

    def newest(self, run_id: str) -> Run | None:
        found = [run for run in self.runs.values() if run.id == run_id]
        return max(found, key=lambda run: run.created_at, default=None)

    def run(self, run_id: str = "wfr_1") -> Run:
        run = self.newest(run_id)
        assert run is not None
        return run

    def run_of(self, message: Message) -> Run | None:
        place = message.spec.place
        assert place is not None
        return self.runs.get((message.user, place.run_id, place.created_at))

    def entries(self, run: Run, last: int | None = None) -> list[Entry]:
        """The list of a run up to a position."""
        found = [(m.spec.place, m) for m in self.messages.values() if self.run_of(m) == run]
        placed = sorted((p.index, m) for p, m in found if p is not None and p.index is not None)
        return [
            Entry(m.id, m.body, m.spec.place.call_type)
            for index, m in placed
            if m.spec.place is not None and run.first <= index and (last is None or index <= last)
        ]

    def delivered(self, message: Message) -> list[dict[str, Any]]:
        """The list that a step is delivered with."""
        run, place = self.run_of(message), message.spec.place
        assert run is not None
        assert place is not None
        found: list[dict[str, Any]] = json.loads(render(self.entries(run, place.index)))
        return [
            {**e, "body": b64decode(e["body"]).decode("utf-8", "surrogateescape")} for e in found
        ]

    def state(self, message: Message) -> State:
        return self.messages[message.id].state

    # What the protocol looks up

    def waiting(self, run: Run) -> list[Message]:
        unfinished = (State.CREATED, State.RETRY)
        return [
            m for m in self.messages.values() if self.run_of(m) == run and m.state in unfinished
        ]

    def parent(self, run: Run) -> Run | None:
        if run.invoker is None:
            return None
        return self.runs.get((run.user, run.invoker.run_id, run.invoker.created_at))

    def source_body(self, run: Run, message: Message) -> bytes:
        return b"payload of " + run.id.encode()

    def apply(self, change: Change) -> None:
        for message in change.created:
            self.messages[message.id] = replace(message, seq=next(self._seqs))
        for message in change.changed:
            self.messages[message.id] = message
        self.dead += [letter.message_id for letter in change.dead]
        if not isinstance(change, RunChange):
            return
        self.runs |= {key_of(run): run for run in change.runs}
        self.log += change.run_events
        for waiter in change.waiters:
            seq = next(self._seqs)
            self.waiters[seq] = replace(waiter, seq=seq)
        for notice in change.notices:
            seq = next(self._seqs)
            self.notices[seq] = replace(notice, seq=seq)
        for gone in change.served:
            self.waiters.pop(gone)
        for gone in change.used:
            self.notices.pop(gone)
