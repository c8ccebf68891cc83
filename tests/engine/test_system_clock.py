"""The clock of the system, as somebody sets it, and a computer that sleeps."""

import pytest

from qstash_dev.engine.clock import SystemClock

START = 1_767_225_600_000
HOUR = 3_600_000


class Machine:
    """Its wall clock and the time that passes, in milliseconds."""

    def __init__(self):
        self.wall = START
        self.passed = 5_000
        self.clock = SystemClock(lambda: self.wall * 1_000_000, lambda: self.passed * 1_000_000)

    def live(self, ms):
        self.wall += ms
        self.passed += ms


@pytest.fixture
def machine():
    return Machine()


def test_it_is_the_wall_clock(machine):
    machine.live(1_234)
    assert machine.clock.now() == machine.clock.wall() == START + 1_234
    assert machine.clock.seconds_until(START + 2_234) == pytest.approx(1, abs=1e-3)


def test_set_back_it_goes_on_by_the_time_that_passes(machine, caplog):
    due_at = machine.clock.now() + 10_000
    machine.live(4_000)
    machine.wall -= HOUR
    assert machine.clock.seconds_until(due_at) == pytest.approx(6, abs=1e-3)
    machine.live(6_000)
    assert machine.clock.now() == due_at
    assert machine.clock.wall() == due_at - HOUR  # for signatures
    assert [record.getMessage()[:47] for record in caplog.records] == [
        "the system's clock was set back by 3600 s: mess"
    ]


def test_after_it_was_set_back_it_meets_the_wall_clock_again(machine):
    machine.wall -= HOUR
    machine.live(1_000)
    assert machine.clock.now() == START + 1_000
    machine.wall += 2 * HOUR
    assert machine.clock.now() == machine.wall == START + 1_000 + HOUR


def test_after_a_sleep_it_is_as_late_as_the_wall_clock(machine):
    machine.wall += 8 * HOUR  # what passes stands still meanwhile
    assert machine.clock.now() == START + 8 * HOUR
    machine.live(1)
    assert machine.clock.now() == START + 8 * HOUR + 1


def test_what_takes_long_between_two_looks_puts_it_ahead_of_nothing(machine):
    machine.live(1)
    walls = iter((machine.wall, machine.wall + 50))

    def wall():
        now = next(walls) * 1_000_000
        machine.live(50)  # the process does not run
        return now

    clock = SystemClock(lambda: machine.wall * 1_000_000, lambda: machine.passed * 1_000_000)
    clock._wall_ns = wall
    clock.now()
    assert clock.now() <= machine.wall


def test_a_new_process_goes_on_from_what_the_last_one_saw(machine, caplog):
    machine.clock.go_on_from(START + HOUR)
    assert machine.clock.now() == START + HOUR
    machine.live(1_000)
    assert machine.clock.now() == START + HOUR + 1_000
    assert "was set back by 3600 s" in caplog.records[0].getMessage()


def test_what_the_last_process_saw_in_the_past_says_nothing(machine, caplog):
    machine.clock.go_on_from(START - HOUR)
    assert machine.clock.now() == START
    assert not caplog.records


def test_a_clock_that_was_years_ahead_was_wrong_then(machine, caplog):
    machine.clock.go_on_from(START + 366 * 24 * HOUR)
    assert machine.clock.now() == START
    (warning,) = caplog.records
    assert "is 366 days behind what it showed" in warning.getMessage()
