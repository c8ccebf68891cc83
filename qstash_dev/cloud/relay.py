"""Deliveries that the cloud makes and the tunnel brings: one attempt each, recorded like our own.

The cloud decides when it tries again, so nothing here is scheduled; whoever called gets the outcome.
"""

import asyncio
import logging

from msgspec.structs import replace

from qstash_dev.cloud import admission as rules
from qstash_dev.cloud.admission import Admission, Arrival, Gate
from qstash_dev.cloud.rewrite import Borders
from qstash_dev.engine.engine import Engine
from qstash_dev.protocol.creation import created
from qstash_dev.protocol.delivery import MAX_TIMEOUT_MS
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import (
    Attempt,
    Kind,
    Message,
    Outcome,
    Query,
    Reason,
    Request,
    SendFailure,
    Spec,
)
from qstash_dev.protocol.users import CLOUD_USER

HOLD_S = 240.0
"""An app that is not running is waited for, but not longer than the signature holds (300 s)."""

HOLD_POLL_S = 0.5

log = logging.getLogger(__name__)


class Relay:
    """Takes arrivals to the app.

    `user` owns what is signed with the dev keys, `keeper` what keeps the cloud's signature: its
    replays are signed with its keys.
    """

    def __init__(self, engine: Engine, user: str) -> None:
        self._engine = engine
        self._user = user
        self.keeper = CLOUD_USER

    def expect(self, spec: Spec, message_id: str, user: str, body: bytes) -> None:
        """Show a message that the cloud has accepted and will deliver."""
        engine, now = self._engine, self._engine.clock.now()
        if engine.store.messages.get(None, message_id) is None:
            engine.add(created((rules.waiting(spec, message_id, user, body, now),), now))

    async def cancelled(self, user: str, query: Query) -> None:
        """The cloud will not deliver these messages any more."""
        await self._engine.bulk.run(user, query, lambda message: message.spec.kind == Kind.CLOUD)

    async def deliver(self, arrival: Arrival, admission: Admission, gate: Gate) -> Outcome:
        """Make one attempt and record it. Raises QStashError(409) when the id is a local message's."""
        engine = self._engine
        if admission.resign:
            borders = Borders(gate.public_url, gate.routes, gate.nearby)
            arrival = replace(arrival, body=borders.back(arrival.body))
        message = self._begin(arrival, admission)
        request = rules.request(arrival, admission, MAX_TIMEOUT_MS)
        if admission.resign:
            key, _ = engine.attempts.signing_keys(message.user)
            now_s, jti = engine.clock.wall() // 1000, engine.new_id("jwt_")
            request = rules.resigned(request, key, now_s, jti)
        outcome = await self._send(request)
        await self._settle(message, request, outcome)
        return outcome

    def _begin(self, arrival: Arrival, admission: Admission) -> Message:
        engine, now = self._engine, self._engine.clock.now()
        # A stranger who is let in unsigned must not write into the record of somebody else's message.
        given = rules.message_id(arrival) if admission.token is not None else None
        known = engine.store.messages.get(None, given) if given is not None else None
        if known is not None and known.spec.kind != Kind.CLOUD:
            raise QStashError(409, f"message {known.id} is a local one, not the cloud's")
        with engine.store.database:
            if known is None:
                user = self._owner(admission)
                own_id = given or engine.new_id("msg_")
                fresh = rules.local_message(arrival, admission.url, user, now, own_id)
                engine.add(created((fresh,), now))
                known = engine.find(user, fresh.id)
            change = rules.begin(known, arrival, now)
            engine.store.messages.apply(change)
        return change.changed[0]

    def _owner(self, admission: Admission) -> str:
        keeps_signature = admission.token is not None and not admission.resign
        return self.keeper if keeps_signature else self._user

    async def _send(self, request: Request) -> Outcome:
        """With `--hold`, wait for an app that is not running rather than fail."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HOLD_S
        while True:
            outcome = await self._engine.attempts.send(request)
            refused = isinstance(outcome, SendFailure) and outcome.reason == Reason.REFUSED
            if not (refused and self._engine.policy.hold) or loop.time() > deadline:
                return outcome
            await asyncio.sleep(HOLD_POLL_S)

    async def _settle(self, begun: Message, request: Request, outcome: Outcome) -> None:
        engine = self._engine
        attempt = Attempt(begun.id, begun.attempts, request.target, request.headers, outcome)
        attempt = replace(attempt, hint=await engine.explain(begun, attempt))
        current = engine.store.messages.get(None, begun.id)
        if current is None:  # forgotten meanwhile
            return
        # The cloud may have begun another attempt: its number is not given away again.
        message = replace(begun, attempts=current.attempts)
        engine.store.messages.apply(rules.settled(message, attempt, engine.clock.now()))
