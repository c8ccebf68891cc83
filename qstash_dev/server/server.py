"""A running server: builds the parts in order, and takes them down in the reverse order."""

import asyncio
import contextlib
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from qstash_dev import __version__
from qstash_dev.api import web
from qstash_dev.api.app import make_server
from qstash_dev.api.call import Context
from qstash_dev.config import Config
from qstash_dev.console import Console, Started, variables_of
from qstash_dev.devtools import documents
from qstash_dev.devtools.documents import Event, Row
from qstash_dev.devtools.filters import parse_filter
from qstash_dev.engine.app_monitor import AppMonitor
from qstash_dev.engine.auto_replay import ArmedMessages
from qstash_dev.engine.clock import SystemClock, VirtualClock
from qstash_dev.engine.engine import Engine
from qstash_dev.engine.hooks import NO_HOOKS, Hooks
from qstash_dev.engine.lanes import Lanes
from qstash_dev.engine.loop import Loop
from qstash_dev.engine.notifier import Notifier
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.model import Attempt, Message
from qstash_dev.protocol.users import CLOUD_USER
from qstash_dev.server.announcements import Told
from qstash_dev.server.app_health import AppHealth
from qstash_dev.server.auto_replay import AutoReplay
from qstash_dev.server.data_dir import RECORD, open_in, write_record
from qstash_dev.server.data_guard import DataGuard
from qstash_dev.server.descriptors import raise_limit
from qstash_dev.server.explainer import Explainer
from qstash_dev.server.failure_hook import FailureHook
from qstash_dev.server.found_app import FoundApp
from qstash_dev.server.housekeeping import Housekeeping
from qstash_dev.server.ids import id_maker
from qstash_dev.server.policy import LIVE, policy_of
from qstash_dev.server.report import Report
from qstash_dev.server.warm_up import warm_up
from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.tree import SourceTree
from qstash_dev.sources.watch import edits
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store
from qstash_dev.transport.connect import accepts, listens_elsewhere
from qstash_dev.transport.delivery import Sender
from qstash_dev.transport.faults import Faults
from qstash_dev.transport.sockets import close_all, listen, url_host

if TYPE_CHECKING:
    from qstash_dev.child.app import ChildApp
    from qstash_dev.cloud.gateway import Gateway

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_STORED_ANSWER = 24_000_000
"""An error has what was thrown twice, as message and in its stack (workflow-js CI, `large-payload`)."""
GRACE_S = 2.0
GRACE_IN_CONTAINER_S = 0.3
"""Whoever stops a container waits for it."""
PUBLISH_TO = (
    "In a container whoever reaches the port gets in: publish it to your machine only, as "
    "127.0.0.1:{port}:{port}."
)


class Server:
    """A running qstash-dev: API, engine and store. `started` is set by `start`."""

    def __init__(
        self,
        config: Config,
        console: Console | None = None,
        environ: Mapping[str, str] = os.environ,
        prepare: Callable[[Started], Awaitable[None]] | None = None,
        system_clock: SystemClock | None = None,
        command: Sequence[str] = (),
    ) -> None:
        """`prepare` is awaited when the API answers, before anybody is told that it does; then
        `command` is started, which is the app.
        """
        self.config = config
        self._prepare = prepare
        self._environ = environ
        self._gateway: Gateway | None = None
        self._guard: DataGuard | None = None
        self.started: Started
        self._console = console
        self._system_clock = system_clock or SystemClock()
        self._clock: VirtualClock
        self._notifier = Notifier()
        self._tasks = Tasks()
        self._loop: Loop | None = None
        self.told = Told(console, lambda: self._clock.now(), self._notifier.publish)
        self._closers = contextlib.AsyncExitStack()
        self._start_wall = self._system_clock.wall()
        self._own_app: ChildApp | None = None
        if command:
            from qstash_dev.server.own_app import own_app  # most servers start none

            times = (lambda: self._clock.now()), self._system_clock.wall
            self._own_app = own_app(command, self, console, self._notifier, times, environ)
        self._found_app: FoundApp | None = None
        is_known = config.is_app_given or bool(command)
        if config.hold and not is_known and not config.faces_internet:  # a tunnel leads to no guess
            self._found_app = FoundApp(config.app_url, self._tasks, accepts, self._move)
        self._grace_s = GRACE_IN_CONTAINER_S if config.container else GRACE_S

    async def start(self) -> None:
        """Listen and begin to deliver. Raises PortInUse, DataDirInUse, StoreError or OSError."""
        async with contextlib.AsyncExitStack() as stack:
            sockets = listen(self.config.host, self.config.port)
            stack.callback(close_all, sockets)
            port = sockets[0].getsockname()[1]
            if self.config.log_port is not None:
                sockets += listen(self.config.host, self.config.log_port)
            self._store = self._open_store(stack)
            self._clock = self._begin_time(stack)
            self._build_engine(stack, frozenset(sock.getsockname()[1] for sock in sockets))
            await self._serve(sockets, stack, port)
            self.started = self._introduction(sockets[0])
            if self._prepare is not None:
                await self._prepare(self.started)
            self._announce(stack)
            if self._own_app is not None:
                stack.push_async_callback(self._own_app.stop)
                await self._own_app.restart()
            if self.config.auto_replay == "failed" or len(self._auto_replay):
                self._on_save.begin()
            if self._gateway is not None:
                await self._gateway.open()
            self._closers = stack.pop_all()

    async def stop(self) -> None:
        """Stop listening, let deliveries end for a moment, close the store."""
        await self._tasks.stop()
        await self._closers.aclose()

    def hurry(self) -> None:
        """Whoever asked for the end asks again: wait for nothing."""
        if self._own_app is not None:
            self._own_app.kill()

    def halt_app(self, is_halted: bool) -> None:
        """The shell stops the job that we and the app are, or lets it go on."""
        if self._own_app is not None:
            self._own_app.halt(is_halted)

    def listens(self, origin: str, before: str | None, is_taken: bool) -> None:
        """The app that was started listens there: that is where it is, unless settings say so."""
        from qstash_dev.devtools.status import elsewhere  # only who starts an app needs it

        config = self.config
        trouble = elsewhere(origin, config.app_url, is_taken)
        if trouble is None:
            if before is not None:  # which was told as a trouble
                self.told.tell(f"Your app listens at {origin} now: --app is right.", good=True)
            return
        if config.is_app_given:
            self.told.tell(" ".join(trouble))
            return
        self._move(origin)

    def _move(self, origin: str) -> None:
        self.config = replace(self.config, app_url=origin)
        self._app.url = origin
        if self._gateway is not None:
            self._gateway.lead_to(origin)
        self.told.notice(f"Your app listens at {origin}: that is --app now.")
        self._notifier.publish()

    def reconfigure(self, config: Config) -> None:
        """Take over the `LIVE` fields; the others stay as they were at the start."""
        old = self.config
        self.config = replace(old, **{name: getattr(config, name) for name in LIVE})
        policy = policy_of(self.config, self._engine.policy.own_ports)
        if (config.routes, config.kept_hosts) == (old.routes, old.kept_hosts):
            now = self._engine.policy  # those may have been put by the control API
            policy = replace(policy, routes=now.routes, kept_hosts=now.kept_hosts)
        self._engine.set_policy(policy)
        self._engine.lanes.places.limit = self.config.global_parallelism
        self._notifier.publish()
        self._engine.wake()

    def _open_store(self, stack: contextlib.AsyncExitStack) -> Store:
        def undone() -> None:
            if self._loop is not None:  # else there is no engine yet that acts on what is undone
                self._engine.reload()
                self._loop.rest()

        def written() -> None:
            self._notifier.publish()
            if self._loop is not None:
                self._loop.go_on()

        later = asyncio.get_running_loop().call_soon

        def opened(path: Path | str) -> Store:
            return Store.open(path, later, written, undone)

        directory = self.config.data_dir
        store = opened(":memory:") if directory is None else open_in(directory, opened)
        stack.callback(store.close)
        for user in self.config.users:
            store.keys.adopt(user.id, user.current_key, user.next_key)
        return store

    def _begin_time(self, stack: contextlib.AsyncExitStack) -> VirtualClock:
        config, system = self.config, self._system_clock
        seen = self._store.last_time.read()
        if seen is not None and self._store.anything_waits():
            system.go_on_from(seen)

        def note_at_the_end() -> None:
            with contextlib.suppress(StoreError):  # a full disk; what was noted before is there
                self._note_time()

        stack.callback(note_at_the_end)
        return VirtualClock(system, config.clock_mode, config.clock_scale, config.clock_start_ms)

    def _note_time(self) -> None:
        self._store.last_time.keep(self._system_clock.now())

    def _build_engine(self, stack: contextlib.AsyncExitStack, own_ports: frozenset[int]) -> None:
        config = self.config
        self._sender = sender = Sender(
            self._clock.now, MAX_STORED_ANSWER, lambda: self._engine.policy.own_ports
        )
        stack.push_async_callback(sender.close)
        self._faults = Faults(sender, self._selects, self._clock.now)
        app_monitor = AppMonitor(
            self._store.due.held, self._release, accepts, tell=self.told.notice
        )
        stack.push_async_callback(app_monitor.stop)
        self._engine = Engine(
            self._store,
            self._clock,
            self._faults,
            id_maker(random.SystemRandom(), self._system_clock.wall),
            policy_of(config, own_ports),
            Lanes(config.global_parallelism),
            self._hooks(app_monitor),
        )
        # A cloud message is replayed with the user's own keys when the cloud's are not known.
        self._engine.attempts.borrow(CLOUD_USER, self._signing_keys(config.users[0].id))
        prepare = self._store.messages.read_ahead
        loop = Loop(self._clock, self._engine.step, self._engine.next_time, prepare)
        self._loop = loop
        self._engine.recover()
        app_monitor.wake()
        self._app = AppHealth(
            config.app_url, accepts, self._notifier.publish, lambda: self._notifier.readers > 0
        )
        stack.push_async_callback(self._app.stop)
        self._build_auto_replay(stack)
        stack.push_async_callback(self._engine.stop, self._grace_s)
        stack.callback(loop.stop)

    def _hooks(self, app_monitor: AppMonitor) -> Hooks:
        """What is made after the engine, because it needs one, is looked up when it is called."""
        config = self.config
        return Hooks(
            on_wake=lambda: self._loop.wake() if self._loop is not None else None,
            on_settled=self._settled,
            on_hold=app_monitor.wake,
            one_by_one=lambda: self._clock.is_frozen,
            explain=Explainer(
                self._signing_keys,
                lambda: self.config.app_url,
                SourceTree(config.watch),
                self._clock.wall,
                lambda: self._own_app,
                config.nearby,
            ),
            is_elsewhere=listens_elsewhere,
            on_dropped=self.told.tell,
            on_touched=lambda seqs: self._touched(*seqs, gap=1),
            why_down=lambda origin: self._own_app.why_down(origin) if self._own_app else None,
            watching=self._own_app.witness.watching if self._own_app else NO_HOOKS.watching,
        )

    def _settled(self, message: Message, attempt: Attempt) -> None:
        self._auto_replay.settled(message, attempt)
        if self._found_app is not None:
            self._found_app.settled(message, attempt)

    def _touched(self, *messages: int, gap: int = 0) -> None:
        self._notifier.touch(messages, self._store.feed.last_seq() - gap)

    def _build_auto_replay(self, stack: contextlib.AsyncExitStack) -> None:
        config = self.config
        own = [path for path in (config.data_dir, config.log_file) if path is not None]
        self._auto_replay = ArmedMessages(
            self._engine,
            config.auto_replay == "failed",
            self._touched,
            self.told.notice,
            lambda: self._on_save.begin(),
        )
        self._on_save = AutoReplay(
            self._auto_replay,
            lambda: edits(Ignored(config.watch, own)),
            accepts,
            self.told.notice,
            report=self.told.tell,
        )
        stack.push_async_callback(self._on_save.stop)

    def _signing_keys(self, user: str) -> tuple[str, str]:
        return self._engine.attempts.signing_keys(user)

    async def _serve(
        self, sockets: list[socket.socket], stack: contextlib.AsyncExitStack, port: int
    ) -> None:
        config = self.config
        gateway = None
        if config.faces_internet:
            from qstash_dev.cloud.gateway import Gateway  # only those who want it pay for it

            gateway = Gateway(
                config, self._engine, self._environ, self._notifier.publish, self.told.notice
            )
        self._gateway = gateway
        context = Context(
            engine=self._engine,
            store=self._store,
            notifier=self._notifier,
            clock=self._clock,
            faults=self._faults,
            auto_replay=self._auto_replay,
            users={user.token: user for user in config.users},
            hosts=config.called_by,
            advertised=config.advertised,
            token_required=config.token_required,
            nearby=config.nearby,
            server=self.describe,
            finished_readable_ms=config.finished_readable_ms,
            tunnel=gateway.describe if gateway else None,
            cloud=gateway.cloud if gateway else None,
            app_url=lambda: self.config.app_url,
            own_app=self._own_app,
            notify=self.told.notify,
        )
        listeners = web.Listeners(make_server(context), self._grace_s)
        stack.push_async_callback(listeners.close)
        stack.callback(self._notifier.close)
        for sock in sockets:
            await listeners.add(sock)
        if gateway is not None:
            await gateway.listen(context, port)
            stack.push_async_callback(gateway.stop)
            policy = self._engine.policy
            own_ports = policy.own_ports | {gateway.port}
            self._engine.set_policy(replace(policy, own_ports=own_ports))

    def _introduction(self, first: socket.socket) -> Started:
        config = self.config
        host, port = first.getsockname()[:2]
        return Started(
            url=f"http://{url_host(host)}:{port}",
            port=port,
            pid=os.getpid(),
            user=config.users[0],
            adopted=str(config.env_file) if config.env_file else None,
            app_url=None if self._own_app else config.app_url,
            advertised=config.advertised,
        )

    def _announce(self, stack: contextlib.AsyncExitStack) -> None:
        if self.config.data_dir is not None:
            self._guard_data(self.config.data_dir, stack)
        if self._console is not None:
            self._console.started(self.started, self._clock.now())
            if self.config.container:
                self.told.notice(PUBLISH_TO.format(port=self.started.port))
            if self._console.shows_events:
                self._report_to(self._console)
        if self.config.notify_url is not None:
            self._tell_of_failures(self.config.notify_url)
        house = Housekeeping(self._engine, self._note_time, self._store.database.copy_log)
        self._tasks.keep("housekeeping", house.run)
        self._tasks.keep("keeping the log short", house.keep_log_short)
        self._tasks.once("warming up", warm_up())
        self._engine.bulk.resume()
        self._engine.wake()

    def _report_to(self, console: Console) -> None:
        async def show(event: Event) -> None:
            console.event(event)

        report = Report(self._store.feed, self._notifier, show, lambda: console.wants_events)
        self._tasks.keep("printing what happens", report.run)

    def _tell_of_failures(self, url: str) -> None:
        def row_of(message_id: str) -> Row | None:
            return self._store.rows.by_id(message_id, self._clock.now())

        hook = FailureHook(url, self.started.shown, row_of, self._sender)
        report = Report(self._store.feed, self._notifier, hook.take)
        self._tasks.keep("telling of failures", report.run)

    def _guard_data(self, directory: Path, stack: contextlib.AsyncExitStack) -> None:
        def record(directory: Path) -> None:
            write_record(directory, self.started)

        own_name = str(self.started.port)
        guard = DataGuard(self._store.database, directory, own_name, record, self.told.tell)
        record(directory)
        stack.callback(lambda: (guard.directory / RECORD).unlink(missing_ok=True))
        stack.callback(guard.look)  # else what happened in the last second would stay unseen
        self._tasks.keep("guarding the data directory", guard.run)
        self._guard = guard

    async def _release(self, awaited: str) -> int:
        count = self._engine.release(awaited)
        await self._store.database.committed()
        return count

    def _selects(self, wanted: str, message_id: str) -> bool:
        now = self._clock.now()
        return self._store.rows.selects(parse_filter(wanted), message_id, now)

    def variables(self) -> dict[str, str]:
        """What the app's environment must hold now; keys may have been rotated."""
        current, next_ = self._signing_keys(self.started.user.id)
        return {
            **variables_of(self.started.url, self.started.user),
            "QSTASH_CURRENT_SIGNING_KEY": current,
            "QSTASH_NEXT_SIGNING_KEY": next_,
        }

    def describe(self) -> documents.Server:
        """It as a whole, as it is now."""
        config, guard, state = self.config, self._guard, self._clock.state()
        process = self._own_app.state if self._own_app else None
        return documents.Server(
            version=__version__,
            pid=self.started.pid,
            url=self.started.shown,
            port=self.started.port,
            started_at=self._start_wall,
            uptime_ms=self._clock.wall() - self._start_wall,
            data_dir=str(guard.directory) if guard else None,
            warning=guard.warning if guard else None,
            app=documents.App(config.app_url, self._app.look(), process),
            clock=documents.Clock(
                state.mode, state.scale, state.offset_ms, self._engine.next_time()
            ),
            tunnel=self._gateway.brief() if self._gateway else documents.Tunnel(),
            external=config.external,
            hold=config.hold,
            paused=self._engine.paused,
            faults=self._faults.active,
            auto_replay=config.auto_replay,
            armed=len(self._auto_replay),
            env={**self.variables(), "QSTASH_URL": self.started.shown},
            narration=self.told.narration,
            notice=self.told.last,
        )


async def serve(
    config: Config,
    console: Console | None = None,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[Started], None] | None = None,
) -> None:
    """Run a server until `stop` is set or the task is cancelled. Raises what `Server.start` does."""
    server = Server(config, console)
    await server.start()
    try:
        if ready is not None:
            ready(server.started)
        await (stop or asyncio.Event()).wait()
    finally:
        await server.stop()


def run(main: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that runs on the fastest event loop there is, with as many
    descriptors as the system grants.
    """
    raise_limit()
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
