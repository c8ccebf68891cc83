"""Gathers what is known of a failed attempt and lets the table of causes explain it.

Reads the app's `.env*` files and lists its source files; judges nothing itself.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from qstash_dev import given_files
from qstash_dev.devtools import faults
from qstash_dev.protocol.model import (
    Attempt,
    Kind,
    Message,
    Outcome,
    Reason,
    Response,
    SendFailure,
    Spec,
)
from qstash_dev.protocol.remembered import remembered
from qstash_dev.protocol.urls import ALONE, Nearby, Place, origin_of, parts_of, place_of
from qstash_dev.protocol.workflow.entries import elsewhere_notice
from qstash_dev.protocol.workflow.headers import DETECT_TRIGGER
from qstash_dev.protocol.workflow.render import carries_entries
from qstash_dev.sources.tree import SourceTree
from qstash_dev.transport.connect import has_network, leads_to, listening, speech

if TYPE_CHECKING:
    from qstash_dev.child.app import ChildApp
    from qstash_dev.devtools.explain import EnvFile, Facts

log = logging.getLogger(__name__)


LATE_S = 0.05
"""What an app prints about an error may come a moment after its answer; and one that ends may still
listen when the connection is closed already.
"""
PATIENCE_S = 5.0
"""Until then a message waits for its explanation, however slow the disk or the network is."""
FRESH_MS = 600_000
REMEMBERED = 1_000
"""Paths of one app; more are not paths but parameters."""

_WHO_LISTENS = (Reason.REFUSED, Reason.RESET)
_WHAT_IS_SPOKEN = (Reason.RESET, Reason.TLS, Reason.BAD_RESPONSE)


def _asks_what_is_spoken(attempt: Attempt) -> bool:
    """Not after a time-out in HTTP: who is busy would only be kept waiting."""
    outcome = attempt.outcome
    if not isinstance(outcome, SendFailure):
        return False
    is_tls = origin_of(attempt.target).startswith("https")
    return outcome.reason in _WHAT_IS_SPOKEN or (is_tls and outcome.reason is Reason.TIMEOUT)


class Told(NamedTuple):
    """What our child printed meanwhile, if that is certain to be of this attempt, and if it is not;
    whether it printed anything; its end; and whether it is the child that the attempt went to.
    """

    printed: tuple[str, ...] = ()
    amid: tuple[str, ...] = ()
    heard: bool = False
    ended: str | None = None
    is_child: bool = False


class Explainer(Struct, eq=False):
    """Called with a message and its attempt; returns one line, or `None` if there is none to give."""

    _keys: Callable[[str], tuple[str, str]]
    _app_url: Callable[[], str]
    _sources: SourceTree
    _wall: Callable[[], int]
    _own_app: "Callable[[], ChildApp | None]" = lambda: None
    _nearby: Nearby = ALONE
    patience_s: float = PATIENCE_S
    _accepted: dict[str, dict[str, tuple[int, str, str]]] = field(default_factory=dict)
    _env: "dict[Path, tuple[int, EnvFile]]" = field(default_factory=dict)

    async def __call__(self, message: Message, attempt: Attempt) -> str | None:
        """A fault of the explanation is logged: it must not cost the attempt."""
        outcome = attempt.outcome
        self._remember(message, attempt)
        if _is_well(outcome) and not _starts_workflow(message.spec):
            return None
        made_up = faults.hint(outcome)
        if made_up is not None:
            return made_up
        try:
            from qstash_dev.devtools.explain import explain  # late: the table of causes is long

            async with asyncio.timeout(self.patience_s):
                hint = explain(await self._facts(message, attempt))
        except TimeoutError:
            log.warning(
                "why message %s failed was not found out: looking took over %g s",
                *(message.id, self.patience_s),
            )
            return None
        except Exception:
            log.exception("the failure of message %s could not be explained", message.id)
            return None
        return hint.text if hint else None

    async def _facts(self, message: Message, attempt: Attempt) -> "Facts":
        from qstash_dev.devtools.explain import Facts

        outcome = attempt.outcome
        origin = origin_of(attempt.target)
        accepted_at, has_other_keys = self._accepted_before(message, attempt)
        reason = outcome.reason if isinstance(outcome, SendFailure) else None
        is_near = place_of(attempt.target, self._nearby) is not Place.OUTSIDE
        app = self._own_app() if is_near else None
        if app is not None:
            await asyncio.sleep(LATE_S)
        who = await _listening(origin, reason, app) if is_near and reason in _WHO_LISTENS else None
        is_silent = reason in _WHO_LISTENS and not who
        told = _told_by(app, attempt, is_silent) if app is not None else Told()
        return Facts(
            method=message.spec.method,
            url=message.spec.url,
            outcome=outcome,
            target=attempt.target,
            headers=attempt.request_headers,
            body=message.body,
            timeout_ms=message.spec.timeout_ms,
            attempt=attempt.number,
            app_url=self._app_url(),
            keys=self._keys(message.user),
            message=message.id,
            unforwarded=message.spec.unforwarded,
            is_cloud=message.spec.kind == Kind.CLOUD,
            accepted_at=accepted_at,
            has_other_keys=has_other_keys,
            env=self._env_files(),
            routes=await self._sources.files() if told.amid or _is_about_a_file(outcome) else (),
            listening=who,
            leads_to=leads_to(origin),
            nearby=self._nearby,
            speech=await speech(origin) if is_near and _asks_what_is_spoken(attempt) else None,
            online=has_network() if reason is Reason.DNS else None,
            elsewhere=elsewhere_notice(message.spec),
            starts_workflow=_starts_workflow(message.spec),
            has_entries=carries_entries(message.spec.place),
            listens_at=app.besides(attempt.target) if app is not None else None,
            **told._asdict(),
        )

    def _remember(self, message: Message, attempt: Attempt) -> None:
        """When the app took a delivery, by path, of whom, and the key that signed it; forgotten when
        it is seen down: it may come back with other keys.
        """
        (origin, path), outcome = _place(attempt.target), attempt.outcome
        if isinstance(outcome, SendFailure):
            if outcome.reason is Reason.REFUSED:
                self._accepted.pop(origin, None)
        elif outcome.status < 300 and faults.hint(outcome) is None:
            paths = self._accepted.setdefault(origin, {})
            if path in paths or len(paths) < REMEMBERED:
                paths[path] = self._wall(), message.user, self._keys(message.user)[0]

    def _accepted_before(self, message: Message, attempt: Attempt) -> tuple[int | None, bool]:
        """When the app took one that the same key had signed; or whether one of another key that the
        same user had.
        """
        origin, path = _place(attempt.target)
        when, user, key = self._accepted.get(origin, {}).get(path, (None, "", ""))
        is_same = key == self._keys(message.user)[0]
        return (when, False) if is_same else (None, user == message.user)

    def _env_files(self) -> "tuple[EnvFile, ...]":
        from qstash_dev.config.env_file import ENV_FILES  # read in after the start

        found = (self._env_file(self._sources.root / name) for name in ENV_FILES)
        return tuple(file for file in found if file is not None)

    def _env_file(self, path: Path) -> "EnvFile | None":
        from qstash_dev.config.env_file import variables
        from qstash_dev.devtools.explain import EnvFile

        try:
            changed_at = path.stat().st_mtime_ns
            known = self._env.get(path)
            if known is None or known[0] != changed_at:
                values = variables(given_files.read_text_now(path))
                known = changed_at, EnvFile(path.name, values, changed_at // 1_000_000)
                self._env[path] = known
        except (OSError, UnicodeDecodeError):
            return None
        is_fresh = self._wall() - known[1].changed_at < FRESH_MS
        return replace(known[1], is_fresh=is_fresh)


@remembered
def _place(target: str) -> tuple[str, str]:
    """Origin and path."""
    parts = parts_of(target)
    path = target if parts is None else parts.path
    return origin_of(target), path


def _is_well(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and outcome.status < 300 and outcome.body[:1] != b"<"


def _starts_workflow(spec: Spec) -> bool:
    return spec.place is not None and DETECT_TRIGGER in spec.place.features


def _is_about_a_file(outcome: Outcome) -> bool:
    """Whether the cause names the file of the route: that it is missing, or reads the body first."""
    if not isinstance(outcome, Response):
        return False
    return outcome.status in (404, 405) or b"body hash" in outcome.body[:65_536]


async def _listening(origin: str, reason: Reason | None, app: "ChildApp | None") -> tuple[str, ...]:
    """At which addresses somebody listens, once a child that broke off has ended or begun again."""
    who = await listening(origin)
    if who or app is None or reason is not Reason.RESET or not app.is_at(origin):
        return who
    await app.wait_for_end()
    return await listening(origin)


def _told_by(app: "ChildApp", attempt: Attempt, is_silent: bool) -> Told:
    origin = origin_of(attempt.target)
    is_child = app.is_at(origin)
    heard = app.heard_during(attempt.message_id, attempt.number)
    lines = tuple(heard.lines) if heard is not None else ()
    is_certain = heard is not None and not heard.others
    ended = app.why_down(origin, is_silent)
    printed, amid = (lines, ()) if is_certain else ((), lines)
    return Told(printed, amid, bool(lines), ended, is_child)
