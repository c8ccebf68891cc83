"""The developer's app as our child: its process, its output, its address, and how it ended."""

import asyncio
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.child import group
from qstash_dev.child.address import addresses
from qstash_dev.child.output import Output
from qstash_dev.child.witness import Witness
from qstash_dev.devtools.ansi import plain
from qstash_dev.devtools.documents import Heard, Printed
from qstash_dev.devtools.documents import Process as State
from qstash_dev.devtools.explain.printed import error_in, with_last_words
from qstash_dev.devtools.text import as_sentence, shorten
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.urls import is_loopback, origin_of, same_port, site_of

LOOK_S = 0.5
"""How often it is looked whether what a launcher left still runs."""
LAST_LINES, LAST_MOMENTS_MS = 40, 2_000
"""How much of what it printed tells why it ended; what is older was another matter."""
ENDS_TURNS, TURN_S = 40, 0.05
"""How long after its sockets a process may take to end; one that is only restarted inside does not.

In turns: where the machine is busy, they take longer, and its end does, too.
"""
LISTENS_AFTER_S = (0.0, 0.3, 1.0, 3.0)
"""An address may be printed a moment before somebody listens there. Where another is given, the longest
comes first: of several apps that one command starts, that one may be about to listen.
"""
LONGEST_COMMAND = 60
MOST_LOOKED_FOR = 50
"""Addresses at a time: an app may print a thousand, each of which would be connected to."""


class Around(Struct, frozen=True):
    """What an app needs of the world, and whom it tells.

    `environment` is asked at each start. `on_line` gets each line, `on_change` is called when the
    state is another one, `on_end` gets a sentence about an end that nobody asked for, `on_address`
    the origin at which it turns out to listen, the one that counted before, if any, and whether anybody
    listens at `app_url`: that is where it is expected, by a person if `is_given`. `now` is the time of
    lines, `steady` never stands still; both in ms.
    """

    environment: Callable[[], Mapping[str, str]]
    accepts: Callable[[str], Awaitable[bool]]
    now: Callable[[], int]
    steady: Callable[[], int]
    on_line: Callable[[Printed], None]
    on_change: Callable[[], None]
    on_end: Callable[[str], None]
    on_address: Callable[[str, str | None, bool], None]
    app_url: Callable[[], str]
    is_given: Callable[[], bool]


class ChildApp:
    """One command, run again when that is wanted; not before `restart`."""

    def __init__(self, command: Sequence[str], around: Around) -> None:
        self._command = command
        self._around = around
        self.output = Output(around.now, self._heard)
        self.witness = Witness(self.output, around.steady)
        self.state = State(shlex.join(command), "stopped", directory=os.getcwd())
        self._process: group.Process | None = None
        self._hearing, self._looking = Tasks(), Tasks()
        self._following: asyncio.Task[None] | None = None
        self._named: set[str] = set()
        self._looked_for: set[str] = set()
        self._turn = asyncio.Lock()

    async def restart(self) -> None:
        """Start it, after the end of what runs of it. What hinders that is its state."""
        async with self._turn:
            await self._end()
            self._named.clear()
            self._looked_for.clear()
            try:
                words = group.words_of(self._command)
                environment = self._around.environment()
                process = await group.start(words, environment, self.output.take)
            except OSError as error:
                reason = error.strerror or "there is no such program"
                why = f'"{self._command[0]}" cannot be run: {reason}'
                self._become("exited", why=why)
                self._around.on_end(f"Your app did not start: {why}.")
                return
            self._process = process
            self._become("running", pid=process.pid)
            self._following = self._hearing.once("hearing the app", self._follow(process))
            self._hearing.once("guarding the app", group.guard(process, self._following))

    async def stop(self) -> None:
        """End it and all its children."""
        async with self._turn:
            await self._end()

    def halt(self, is_halted: bool) -> None:
        """Stop all of it where it is, or let it go on.

        With SIGSTOP: what has no shell of its own takes no notice of the other signal.
        """
        if self._process is not None and os.name != "nt":
            group.tell(self._process, signal.SIGSTOP if is_halted else signal.SIGCONT)

    def kill(self) -> None:
        """End all of it at once."""
        if self._process is not None:
            group.kill(self._process)

    def heard_during(self, message_id: str, attempt: int) -> Heard | None:
        """What it printed while an attempt was under way."""
        return self.witness.of(message_id, attempt)

    @property
    def trouble(self) -> str | None:
        """Why it does not run, with its last words; `None` while it runs."""
        return self._ending("your app")

    def why_down(self, origin: str, is_silent: bool = True) -> str | None:
        """How it ended, for a delivery to where it would listen, or to another port that it named.
        If it `is_silent`, also that it does not listen though its command goes on, as a watcher does:
        no more, or not yet, and it told of an error.
        """
        if not self.is_at(origin):
            return None
        is_main = same_port(origin, self._around.app_url())
        app = "your app" if is_main else f"your app, which named {origin},"
        is_down = same_port(origin, self.state.url) if self.state.url else self._has_failed
        if self.state.state == "running" and is_silent and is_down:
            command = shorten(self.state.command, LONGEST_COMMAND)
            silent = f"{app} does not listen, though {command} goes on"
            return with_last_words(silent, self._lately())
        return self._ending(app)

    def is_at(self, origin: str) -> bool:
        """Whether this is where it listens, or would, or a port that it named."""
        is_main = same_port(origin, self._around.app_url())
        return is_loopback(origin) and (is_main or self._names(origin))

    def besides(self, url: str) -> str | None:
        """Where it listens, if it never named the port of that URL."""
        return None if self._names(url) else self.state.url

    async def wait_for_end(self) -> None:
        """Wait a moment, for the end of one that listens no more: the socket closes before."""
        for _ in range(ENDS_TURNS):
            if self._following is None or self._following.done():
                break
            await asyncio.wait([self._following], timeout=TURN_S)

    def last_lines(self, most: int) -> list[Printed]:
        """The end of its output."""
        return self.output.after(self.output.count - most, most)

    def _heard(self, line: Printed) -> None:
        self.witness.heard()
        self._around.on_line(line)
        for origin in addresses(plain(line.text)):
            self._named.add(origin)
            is_new = origin != self.state.url and origin not in self._looked_for
            if is_new and len(self._looked_for) < MOST_LOOKED_FOR:
                self._looked_for.add(origin)
                self._looking.once("looking where the app listens", self._look(origin))

    async def _look(self, origin: str) -> None:
        is_other = self._around.is_given() and not same_port(origin, self._around.app_url())
        for pause_s in LISTENS_AFTER_S[::-1] if is_other else LISTENS_AFTER_S:
            await asyncio.sleep(pause_s)
            if self._counts(origin) and await self._is_its_own(origin) and self._counts(origin):
                await self._found(origin)
                return
        self._looked_for.discard(origin)
        last = self.state.url
        is_gone = last is not None and not await self._around.accepts(last)
        if is_gone and await self._is_its_own(origin):  # started anew inside, at another port
            await self._found(origin)

    async def _found(self, origin: str) -> None:
        expected = self._around.app_url()
        is_there = same_port(origin, expected)
        is_taken = is_there or await self._around.accepts(expected)
        if not is_there and is_taken and await self._may_be_its_own(expected):
            origin = origin_of(expected)  # it may have named the port for its metrics alone
        before = self.state.url
        self.state = replace(self.state, url=origin)
        self._looked_for.discard(origin)
        self._around.on_change()
        self._around.on_address(origin, before, is_taken)

    def _counts(self, origin: str) -> bool:
        """One command may start several apps: where one is expected counts, or else the first."""
        found, wanted = self.state.url, self._around.app_url()
        return found is None or (same_port(origin, wanted) and not same_port(found, wanted))

    async def _is_its_own(self, origin: str) -> bool:
        """Whether it listens there; an app also names where others do: a collector, a database."""
        return await self._around.accepts(origin) and await self._may_be_its_own(origin)

    async def _may_be_its_own(self, origin: str) -> bool:
        """The same where somebody listens."""
        site, process = site_of(origin), self._process
        if site is None or process is None:
            return False
        from qstash_dev.child.holder import may_be_of  # only who starts an app needs it

        return await asyncio.to_thread(may_be_of, process.pid, site.port)

    async def _follow(self, process: group.Process) -> None:
        code: int | None
        code, why = (ended := await process.wait()), group.ending(ended)
        await process.last_words()
        is_launcher = code == 0 or (process is self._process and await self._goes_on())
        if is_launcher and await group.left_by(process):
            self.state = replace(self.state, pid=None)
            self._around.on_change()
            await group.gone(process, LOOK_S)
            await process.last_words()
            code, why = None, "ended, after what had started it"
        if process is self._process:
            self.output.flush()
            self._become("exited", code=code, why=why)
            self._around.on_end(as_sentence(self.trouble or ""))

    async def _goes_on(self) -> bool:
        """Whether it listens though what was started has failed: a watcher beside it does not count."""
        return self.state.url is not None and await self._is_its_own(self.state.url)

    async def _end(self) -> None:
        process, self._process = self._process, None
        await self._looking.stop()
        if process is not None:
            with suppress(ProcessLookupError):
                await group.end(process)
            await self._hearing.stop(group.LAST_WORDS_S)
            process.close()
            self.output.flush()
            self._become("stopped", code=process.returncode)

    def _names(self, url: str) -> bool:
        return any(same_port(origin, url) for origin in self._named)

    def _ending(self, app: str) -> str | None:
        why = self.state.why
        if self.state.state != "exited" or why is None:
            return None
        return with_last_words(f"{app} {why}", self._lately())

    @property
    def _has_failed(self) -> bool:
        return error_in(self._lately()) is not None

    def _lately(self) -> list[str]:
        lines = self.last_lines(LAST_LINES)
        return [plain(line.text) for line in lines if lines[-1].time - line.time < LAST_MOMENTS_MS]

    def _become(
        self, state: str, *, pid: int | None = None, code: int | None = None, why: str | None = None
    ) -> None:
        self.state = replace(
            self.state, state=state, since=self._around.now(), pid=pid, code=code, why=why, url=None
        )
        self._around.on_change()
