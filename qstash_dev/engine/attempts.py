"""One attempt of a message: where it goes, which key signs it, whether it may leave this machine.

Knows nothing of what follows from the outcome.
"""

import errno
import logging
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.hooks import NO_HOOKS, Watching
from qstash_dev.engine.policy import Policy
from qstash_dev.protocol.delivery import build_request
from qstash_dev.protocol.model import (
    Attempt,
    Message,
    Outcome,
    Reason,
    Request,
    SendFailure,
    Timing,
)
from qstash_dev.protocol.urls import Way, origin_of
from qstash_dev.store.resources import Keys

log = logging.getLogger(__name__)

Send = Callable[[Request], Awaitable[Outcome]]
NewId = Callable[[str], str]


class Attempts:
    """Builds and signs requests and has them sent. Signatures always carry wall time.

    `approved` are messages that a person lets out although `--external` keeps them back.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        send: Send,
        new_id: NewId,
        watching: Watching = NO_HOOKS.watching,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._new_id = new_id
        self.send = send
        self._watching = watching
        self._borrowed: dict[str, tuple[str, str]] = {}
        self.approved: set[str] = set()

    def signing_keys(self, user: str) -> tuple[str, str]:
        """Current and next signing key of a user."""
        keys = self._borrowed.get(user) or self._keys.get(user)
        assert keys is not None, f"user {user} has no signing keys"
        return keys

    def borrow(self, user: str, keys: tuple[str, str]) -> None:
        """Sign for a user with these before the stored ones: the cloud's, which are never stored."""
        self._borrowed[user] = keys

    async def attempt(self, message: Message, policy: Policy) -> Attempt:
        """Make the attempt that the message is ACTIVE for; trouble on the way is an outcome.

        What it raises is a fault of ours: see `broken_off`.
        """
        leads = policy.way(message.spec.url)
        target = leads.target
        current, _ = self.signing_keys(message.user)
        now_s = self._clock.wall() // 1000
        keep_host = policy.kept_hosts.keeps(leads)
        jti = self._new_id("jwt_")
        request = build_request(message, target, current, now_s, jti, keep_host=keep_host)
        if leads.is_barred:
            outcome: Outcome = _into_ourselves(target, self._clock.wall())
        elif policy.external != "allow" and self._is_kept_back(message, leads):
            outcome = _denied(target, self._clock.wall())
        else:
            with self._watching(message.id, message.attempts, request.target):
                outcome = await self.send(request)
        return Attempt(message.id, message.attempts, target, request.headers, outcome)

    def broken_off(self, message: Message, doing: str, error: Exception) -> Attempt:
        """What is said of an attempt that a fault of ours ended while we were `doing` something.

        It is an attempt as any other, so that its message goes on. Without descriptors not even a
        module can be read, which is a shortage as that of a socket is.
        """
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            reason, why = Reason.NO_DESCRIPTORS, "too many open files: no file descriptors are left"
        else:
            log.exception("an attempt of message %s ended by a fault of qstash-dev", message.id)
            reason, why = Reason.INTERRUPTED, f"{type(error).__name__}: {error}"
        failure = SendFailure(
            reason, f"qstash-dev failed to {doing}: {why}", Timing(self._clock.now())
        )
        return explained(
            message, Attempt(message.id, message.attempts, message.spec.url, (), failure)
        )

    def _is_kept_back(self, message: Message, leads: Way) -> bool:
        """Whether it would leave this machine and was not let out by hand."""
        return leads.leaves and message.id not in self.approved


def explained(message: Message, attempt: Attempt) -> Attempt:
    """An attempt that this server itself has spoilt, with what a person reads of it.

    Nobody need look for the cause; what cannot even be read for want of descriptors is left out.
    """
    try:
        from qstash_dev.devtools.explain import Facts, explain  # late: the table of causes is long
    except OSError:
        return attempt
    spec = message.spec
    found = explain(Facts(method=spec.method, url=spec.url, outcome=attempt.outcome))
    return replace(attempt, hint=found.text if found is not None else None)


def _into_ourselves(target: str, now: int) -> SendFailure:
    detail = f"{target} is qstash-dev itself, not an app: only its /v2/ can be called"
    return SendFailure(Reason.OWN_SERVER, detail, Timing(now))


def _denied(target: str, now: int) -> SendFailure:
    detail = f"{origin_of(target)} is not on this machine: --external lets nothing out"
    return SendFailure(Reason.EXTERNAL_DENIED, detail, Timing(now))
