"""Fires requests at a server, judges each answer, and says what was seen."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field

from qstash_dev.engine.clock import SystemClock
from tests.attack.fuzz.requests import Requests, Shot
from tests.attack.fuzz.subject import MARK, Subject, running
from tests.attack.fuzz.wire import Answer, exchange
from tests.attack.fuzz.words import Words
from tests.patience import PATIENCE_MS, PATIENCE_S

AT_ONCE = 12
ROUND = 2_000
"""So many requests, then the server forgets all and its memory is read."""
LATE_S = 0.3
DOCUMENTED = {"api": {501}, "control": {501}, "log port": {501}, "ingress": {501, 502, 504}}
"""501: a workflow call that we do not have. 502 and 504: the app did not answer what was let in."""
_FAULT = re.compile(
    rb"[^\n]*(?:\nTraceback \(most recent call last\)|failed by a fault of qstash-dev)(?s:.{0,3000})"
)
_ID = re.compile(rb'"((?:msg|dlq|scd|wfr|bulk)_[A-Za-z0-9_]+)"')


@dataclass
class Report:
    """What came of it. Memory is in MiB, of the server, after each round."""

    sent: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    tracebacks: int = 0
    memory_mib: list[float] = field(default_factory=list)

    def answered(self, shot: Shot, answer: Answer) -> None:
        """Count an answer, and note it if it is wrong."""
        self.statuses.setdefault(shot.surface, Counter())[answer.status] += 1
        if MARK.lower() in answer.headers:
            return
        if answer.status >= 500 and answer.status not in DOCUMENTED[shot.surface]:
            self.note(shot, f"{answer.status} {answer.body[:300]!r}")
        elif answer.status >= 400 and not shot.is_head and not _is_error(answer):
            self.note(shot, f"no JSON: {answer.status} {answer.headers} {answer.body[:300]!r}")

    def note(self, shot: Shot, what: str) -> None:
        """Something that must not be."""
        self.faults.append(f"{shot.surface}: {what}\n    {shot.data[:1500]!r}")

    def lines(self) -> list[str]:
        """For people."""
        rows = []
        for surface in sorted(self.sent):
            seen = self.statuses.get(surface, Counter())
            shown = " ".join(f"{status}:{number}" for status, number in sorted(seen.items()))
            rows.append(f"{surface:9} {self.sent[surface]:7} requests, answers {shown}")
        first, last = self.memory_mib[0], self.memory_mib[-1]
        rows.append(
            f"memory {first} MiB after the first round, {last} after the last: {self.memory_mib}"
        )
        rows.append(f"{len(self.faults)} wrong answers, {self.tracebacks} tracebacks in the log")
        return [*rows, *self.faults[:20]]


async def fuzz(requests: int, seed: int) -> Report:
    """Fire so many requests and see that the server still works."""
    report = Report()
    async with running() as (subject, app_url):
        words = Words(seed, app_url)
        made = Requests(words, subject.webhook_token, SystemClock().wall)
        for begin in range(0, requests, ROUND):
            shots = [made.draw() for _ in range(min(ROUND, requests - begin))]
            await _fire(subject, shots, words, report)
            await subject.forget()
            report.memory_mib.append(subject.memory_mib())
        await _still_works(subject, app_url)
        for said in _FAULT.findall(subject.log.read_bytes()):
            report.tracebacks += 1
            report.faults.append(said.decode("utf-8", "replace"))
    return report


async def _fire(subject: Subject, shots: list[Shot], words: Words, report: Report) -> None:
    left = iter(shots)

    async def work() -> None:
        for shot in left:
            report.sent[shot.surface] += 1
            for answer in await _answers(subject, shot, report):
                report.answered(shot, answer)
                words.ids.extend(found.decode() for found in _ID.findall(answer.body[:2_000]))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def _answers(subject: Subject, shot: Shot, report: Report) -> list[Answer]:
    patience_s = PATIENCE_S if shot.is_whole else LATE_S
    try:
        answers = await exchange(subject.ports[shot.surface], shot.data, patience_s, shot.is_head)
    except ValueError as error:
        report.note(shot, str(error))
        return []
    if not answers and shot.is_whole:
        report.note(shot, "no answer")
    return answers or []


async def _still_works(subject: Subject, app_url: str) -> None:
    """A message is taken, delivered and found."""
    await subject.call("POST", f"/v2/publish/{app_url}/ok", data=b"{}")
    params = {"filter": f"dest:{app_url}/ok", "count": "1", "timeout_ms": str(PATIENCE_MS)}
    assert (await subject.call("GET", "/_dev/wait", params=params))["met"]
    assert (await subject.call("GET", "/v2/keys")).keys() == {"current", "next"}


def _is_error(answer: Answer) -> bool:
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return False
    try:
        document = json.loads(answer.body)
    except ValueError:
        return False
    # Of a batch, each item has its own.
    documents = document if isinstance(document, list) else [document]
    return any("error" in item for item in documents)
