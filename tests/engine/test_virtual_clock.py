import pytest

from qstash_dev.engine.clock import END_OF_TIME, VirtualClock

START = 1_700_000_000_000


class Wall:
    def __init__(self):
        self.ms = START

    def now(self):
        return self.ms

    wall = now

    def seconds_until(self, at):
        return max(0.0, (at - self.ms) / 1000)


@pytest.fixture
def wall():
    return Wall()


def test_a_frozen_clock_moves_only_by_advance(wall):
    clock = VirtualClock(wall, "frozen")
    wall.ms += 5_000
    assert clock.now() == START
    clock.advance(3_000)
    assert clock.now() == START + 3_000
    assert clock.seconds_until(START + 3_001) is None
    assert clock.seconds_until(START + 3_000) == 0


def test_a_frozen_clock_can_stand_anywhere(wall):
    clock = VirtualClock(wall, "frozen", start=START - 86_400_000)
    assert clock.now() == START - 86_400_000
    assert clock.state().offset_ms == -86_400_000


def test_a_scaled_clock_runs_on_from_where_it_was(wall):
    clock = VirtualClock(wall, "frozen")
    clock.advance(10_000)
    clock.set("scaled", 60)
    wall.ms += 1_000
    assert clock.now() == START + 10_000 + 60_000
    assert clock.seconds_until(START + 10_000 + 180_000) == 2  # 120 s at 60x


def test_real_returns_to_the_wall_clock(wall):
    clock = VirtualClock(wall, "scaled", 100)
    wall.ms += 1_000
    clock.set("real")
    assert clock.now() == wall.ms
    assert clock.state().offset_ms == 0


def test_an_advanced_real_clock_stays_ahead_by_that_much(wall):
    clock = VirtualClock(wall)
    clock.advance(7_200_000)
    wall.ms += 1_000
    assert clock.now() == START + 7_201_000
    assert clock.state().offset_ms == 7_200_000


def test_wall_time_is_never_virtual(wall):
    clock = VirtualClock(wall, "frozen")
    clock.advance(7_200_000)
    assert clock.wall() == START


@pytest.mark.parametrize("ms", [-1, END_OF_TIME])
def test_a_jump_back_or_beyond_all_dates_is_refused(wall, ms):
    with pytest.raises(ValueError):
        VirtualClock(wall).advance(ms)


@pytest.mark.parametrize("scale", [0, -1, 1_000_001])
def test_a_scale_out_of_range_is_refused(wall, scale):
    with pytest.raises(ValueError, match="scale"):
        VirtualClock(wall, "scaled", scale)


class Ticking:
    """Wall time that passes between any two looks at it."""

    def __init__(self) -> None:
        self.shown = START

    def now(self) -> int:
        self.shown += 1
        return self.shown

    wall = now

    def seconds_until(self, at: int) -> float | None:
        return at - self.now()


def test_time_that_passes_while_it_is_read_is_no_offset():
    clock = VirtualClock(Ticking())
    clock.advance(7_200_000)
    assert clock.state().offset_ms == 7_200_000
    clock.set("real")
    assert clock.state().offset_ms == 0
