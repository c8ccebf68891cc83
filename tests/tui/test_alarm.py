"""The terminal tells of failures when it is told to, and not at every one of many."""

import pytest

from qstash_dev.devtools.documents import Event, Tick
from qstash_dev.tui.model.alarm import Alarm
from tests.tui.conftest import Open, until
from tests.tui.world import World


def event(state: str = "FAILED", url: str = "http://localhost:3000/api/mail") -> Event:
    return Event(1, 0, "msg_1", state, url=url, method="POST", error="500")


ONE = "\x1b]9;qstash-dev: POST http://localhost:3000/api/mail failed: 500\a"


@pytest.mark.parametrize(
    ("kind", "events", "signal"),
    [
        ("off", [event()], ""),
        ("bell", [event()], "\a"),
        ("osc9", [event()], ONE),
        ("osc9", [event("ERROR"), event("DELIVERED")], ""),
        ("osc9", [event(), event()], "\x1b]9;qstash-dev: 2 messages failed\a"),
    ],
)
def test_a_failure_is_signalled_as_the_person_wants_it(kind, events, signal) -> None:
    alarm = Alarm(kind, lambda: 0.0)
    alarm.hear(events)
    assert alarm.signal() == signal
    assert alarm.signal() == ""


def test_many_failures_are_few_signals() -> None:
    now = 0.0
    alarm = Alarm("osc9", lambda: now)
    signals = []
    for _ in range(100):
        alarm.hear([event()])
        signals.append(alarm.signal())
        now += 0.1
    told = [signal for signal in signals if signal]
    assert told[0] == ONE
    assert len(told) == 4  # in ten seconds


def test_no_message_can_say_anything_to_the_terminal() -> None:
    alarm = Alarm("osc9", lambda: 0.0)
    alarm.hear([event(url="http://x/\a\x1b]52;c;aGk=\x07\n\x9b31m")])
    signal = alarm.signal()
    assert signal.startswith("\x1b]9;")
    assert signal[4:-1].isprintable()


async def test_the_terminal_gets_the_signal(tui: Open, world: World) -> None:
    written: list[str] = []
    async with tui(desktop="bell") as pilot:
        app = pilot.app
        app._driver.write = written.append  # type: ignore[method-assign, union-attr]
        app.session.take(Tick(seq=10_000, now=0, events=[event()]))  # type: ignore[attr-defined]
        await until(pilot, lambda: bool(written))
    assert "\a" in written
