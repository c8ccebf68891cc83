"""The same server for tests that do not await: each call runs to its end on a loop of its own.

The loop is a thread's, so that a test whose own loop runs may call it as well.
"""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from qstash_dev.client import ClientError
from qstash_dev.testing.aqstash import AsyncQstash, Schedules

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")
SENTENCES = (AssertionError, ClientError, ValueError)
"""What says all in its text: where in us it was raised tells a test nothing."""


class Loop:
    """An event loop in a thread, until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="qstash-dev", daemon=True)
        self._thread.start()

    def run(self, job: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, or what it raises; pytest then ends at the line of the test."""
        __tracebackhide__ = True
        try:
            return asyncio.run_coroutine_threadsafe(job, self._loop).result()
        except SENTENCES as error:
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Blocking(Generic[A]):
    def __init__(self, awaited: A, loop: Loop) -> None:
        self._awaited, self._loop = awaited, loop


def _of(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Blocking[A], P], T]:
    def call(self: _Blocking[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        return self._loop.run(method(self._awaited, *args, **kwargs))

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    return call


class BlockingSchedules(_Blocking[Schedules]):
    """The schedules of a server."""

    all = _of(Schedules.all)
    run = _of(Schedules.run)


class Qstash(_Blocking[AsyncQstash]):
    """One server, as `AsyncQstash`, without `await`."""

    def __init__(self, server: AsyncQstash, loop: Loop) -> None:
        super().__init__(server, loop)
        self.url, self.token, self.env = server.url, server.token, server.env
        self.schedules = BlockingSchedules(server.schedules, loop)

    messages = _of(AsyncQstash.messages)
    detail = _of(AsyncQstash.detail)
    body = _of(AsyncQstash.body)
    dlq = _of(AsyncQstash.dlq)
    wait = _of(AsyncQstash.wait)
    settle = _of(AsyncQstash.settle)
    advance = _of(AsyncQstash.advance)
    freeze = _of(AsyncQstash.freeze)
    replay = _of(AsyncQstash.replay)
    run = _of(AsyncQstash.run)
    cancel = _of(AsyncQstash.cancel)
    send_fixture = _of(AsyncQstash.send_fixture)
    route = _of(AsyncQstash.route)
    fail = _of(AsyncQstash.fail)
    drop = _of(AsyncQstash.drop)
    duplicate = _of(AsyncQstash.duplicate)
    delay = _of(AsyncQstash.delay)
    assert_delivered = _of(AsyncQstash.assert_delivered)
    assert_failed = _of(AsyncQstash.assert_failed)
    assert_nothing_sent = _of(AsyncQstash.assert_nothing_sent)
    forget = _of(AsyncQstash.forget)
