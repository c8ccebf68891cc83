"""Faults on purpose around the sending of requests: the engine sees outcomes and knows of nothing.

Rules live in memory only; waiting is real time, as all of HTTP is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from msgspec import Struct, field

from qstash_dev.devtools import faults
from qstash_dev.devtools.faults import Fault, FaultOrder
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Outcome, Request, Timing

Send = Callable[[Request], Awaitable[Outcome]]


class Faults(Struct, eq=False):
    """Wraps `send`. `selects(filter, message_id)` says whether a filter selects a message now.

    `now` gives the milliseconds that made-up attempts carry.
    """

    _send: Send
    _selects: Callable[[str, str], bool]
    _now: Callable[[], int]
    _wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    rules: list[Fault] = field(default_factory=list)
    _made: int = 0
    _overtaken: dict[str, asyncio.Event] = field(default_factory=dict)

    @property
    def active(self) -> int:
        """How many rules can still be applied."""
        return sum(rule.is_active for rule in self.rules)

    def add(self, order: FaultOrder) -> Fault:
        """A new rule, after the others. Raises QStashError(400)."""
        rule = faults.fault_of(order, f"flt_{self._made + 1}")
        self._made += 1
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: str | None = None) -> int:
        """Forget one rule, or all; returns how many."""
        kept = [rule for rule in self.rules if rule_id is not None and rule.id != rule_id]
        removed = len(self.rules) - len(kept)
        self.rules = kept
        return removed

    def check_publish(self, url: str) -> None:
        """Raises the QStashError that a rule wants a publish to this destination to get."""
        if not self.rules:
            return
        rule = faults.pick(
            self.rules, lambda rule: rule.kind == "publish" and faults.names_url(rule, url)
        )
        if rule is None:
            return
        self._hit(rule)
        assert rule.status is not None
        raise QStashError(rule.status, rule.body or f"refused by fault {rule.id}")

    def __call__(self, request: Request) -> Awaitable[Outcome]:
        """Make the request, or what a rule makes of it."""
        rule = self._rule_for(request) if self.rules else None
        return self._send(request) if rule is None else self._apply(rule, request)

    async def _apply(self, rule: Fault, request: Request) -> Outcome:
        self._hit(rule)
        if rule.kind == "reorder":
            return await self._reordered(rule, request)
        start = self._now(), perf_counter()
        if rule.latency_ms:
            await self._wait(rule.latency_ms / 1000)
        timing = Timing(start[0], total_ms=round((perf_counter() - start[1]) * 1000, 2))
        return await self._outcome(rule, request, timing)

    async def _outcome(self, rule: Fault, request: Request, timing: Timing) -> Outcome:
        if rule.kind == "status":
            return faults.answer(rule, timing)
        if rule.kind == "timeout":
            return faults.late(rule, request, timing)
        outcome = await self._send(request)
        if rule.kind == "drop":
            return faults.lost(rule, request, outcome)
        if rule.kind == "duplicate":
            await self._send(request)
        return outcome

    async def _reordered(self, rule: Fault, request: Request) -> Outcome:
        """Every second matching delivery overtakes the one before it."""
        overtaken = self._overtaken.pop(rule.id, None)
        if overtaken is not None:
            outcome = await self._send(request)
            overtaken.set()
            return outcome
        event = self._overtaken[rule.id] = asyncio.Event()
        patience = asyncio.ensure_future(self._wait(rule.latency_ms / 1000))
        passed = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((patience, passed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            passed.cancel()
            if self._overtaken.get(rule.id) is event:
                del self._overtaken[rule.id]
        return await self._send(request)

    def _rule_for(self, request: Request) -> Fault | None:
        message_id = first(request.headers, "upstash-message-id") or ""
        return faults.pick(
            self.rules,
            lambda rule: rule.kind != "publish" and self._selects(rule.filter, message_id),
        )

    def _hit(self, rule: Fault) -> None:
        self.rules = [faults.hit(other) if other.id == rule.id else other for other in self.rules]
