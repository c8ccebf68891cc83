"""Durations, not-before and retry-after: tables for the rules, hypothesis for the parsers."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.timing import (
    DAY_MS,
    MAX_DURATION_MS,
    format_duration,
    parse_duration,
    parse_not_before,
    parse_retry_after,
)

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("50s", 50 * SECOND),
        ("0s", 0),
        ("10m", 10 * MINUTE),
        ("10h", 10 * HOUR),
        ("1d", DAY_MS),
        ("1d10h30m", DAY_MS + 10 * HOUR + 30 * MINUTE),
        ("1h30m3s", HOUR + 30 * MINUTE + 3 * SECOND),
        ("30", 30 * SECOND),  # a numeric timeout of the workflow SDK
        ("  60s ", 60 * SECOND),
        ("0", 0),
    ],
)
def test_a_duration_is_read_as_milliseconds(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "1.5s",
        "-5s",
        "-5",
        "+5",
        "5 s",
        "1h 30m",
        "1w",
        "1S",
        "10ms",
        "1h30",
        "٣s",
        "1_0",
    ],
)
def test_an_unreadable_duration_is_refused_with_the_value_and_the_grammar(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_duration(text)
    assert repr(text) in str(refused.value)
    assert "1d10h30m" in str(refused.value)


@pytest.mark.parametrize("text", ["999999d", "9" * 30, "9" * 20 + "s"])
def test_a_duration_of_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hundred years"):
        parse_duration(text)


def test_a_huge_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError) as refused:
        parse_duration("9" * 100_000)
    assert len(str(refused.value)) < 300


@given(st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from("smhd")), min_size=1, max_size=6))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    unit = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY_MS}
    text = "".join(f"{count}{name}" for count, name in parts)
    assert parse_duration(text) == sum(count * unit[name] for count, name in parts)


@given(st.text(max_size=80))
def test_any_text_is_a_bounded_duration_or_a_value_error(text: str) -> None:
    try:
        ms = parse_duration(text)
    except ValueError:
        return
    assert 0 <= ms <= MAX_DURATION_MS


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1735689600", 1_735_689_600_000),
        ("1735689600.5", 1_735_689_600_500),
        ("1735689600.123456", 1_735_689_600_123),
        (" 1735689600 ", 1_735_689_600_000),
        ("0", 0),
        ("1735689600.", 1_735_689_600_000),
    ],
)
def test_not_before_is_unix_seconds(text: str, ms: int) -> None:
    assert parse_not_before(text) == ms


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1e9", "NaN", "Infinity", "1735689600s", "1.2.3"]
)
def test_an_unreadable_not_before_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected unix seconds"):
        parse_not_before(text)


def test_not_before_in_milliseconds_names_the_mistake() -> None:
    with pytest.raises(ValueError, match="not milliseconds"):
        parse_not_before("1735689600000")


@given(st.integers(0, 253_402_300_799_000))
def test_not_before_is_exact_to_the_millisecond(ms: int) -> None:
    assert parse_not_before(f"{ms // 1000}.{ms % 1000:03}") == ms


NOW = int(datetime(2026, 8, 21, 12, 0, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0),
        ("5", 5 * SECOND),
        ("1.5", 1_500),
        ("10s", 10 * SECOND),
        ("6m5s", 6 * MINUTE + 5 * SECOND),
        ("1.5s", 1_500),
        ("300ms", 300),
        ("1h", HOUR),
        (".5s", 500),
        ("1us", 1),  # rounded up: never early
        ("1µs", 1),
        ("1μs", 1),
        ("1500000ns", 2),
        ("86400", DAY_MS),
        ("24h", DAY_MS),
        ("Fri, 21 Aug 2026 12:00:30 GMT", 30 * SECOND),
        ("Fri, 21 Aug 2026 12:00:30 UTC", 30 * SECOND),
        ("Fri, 21 Aug 2026 14:00:30 +0200", 30 * SECOND),
        ("Fri, 21 Aug 2026 11:00:00 GMT", 0),  # already past
        ("  5 ", 5 * SECOND),
    ],
)
def test_retry_after_is_seconds_a_date_or_a_go_duration(text: str, wait: int) -> None:
    assert parse_retry_after(text, NOW) == wait


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-5",
        "-5s",
        "5 seconds",
        "1d",  # not a unit of Go
        "86401",
        "24h1s",
        "1735689600",  # a unix time in X-RateLimit-Reset
        "Mon, 31 Aug 2026 12:00:30 GMT",
        "Mon, 31 Feb 2026 12:00:30 GMT",
        "Mon, 31 Aug 2026 25:00:30 GMT",
        "Mon, 31 Xyz 2026 12:00:30 GMT",
        "2026-08-21T12:00:30Z",
        "9" * 5_000,
    ],
)
def test_an_unreadable_or_too_long_retry_after_is_ignored(text: str) -> None:
    assert parse_retry_after(text, NOW) is None


@given(st.integers(0, 86_400))
def test_a_retry_after_date_is_the_time_until_then(seconds: int) -> None:
    at = datetime.fromtimestamp(NOW / 1000 + seconds, UTC)
    assert parse_retry_after(format_datetime(at, usegmt=True), NOW) == seconds * SECOND


@given(st.text(max_size=80), st.integers(0, 4_000_000_000_000))
def test_retry_after_of_any_text_never_raises_and_stays_within_a_day(text: str, now: int) -> None:
    wait = parse_retry_after(text, now)
    assert wait is None or 0 <= wait <= DAY_MS


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (0.3, "0ms"),
        (300, "300ms"),
        (1_000, "1s"),
        (1_560, "1.5s"),
        (9_999, "9.9s"),
        (12_182, "12s"),
        (60_000, "1m"),
        (148_413, "2m28s"),
        (1_808_042, "30m8s"),
        (90 * MINUTE, "1h30m"),
        (HOUR + 5_000, "1h"),
        (6 * HOUR + 7 * MINUTE + 6_000, "6h7m"),
        (DAY_MS, "1d"),
        (34 * HOUR, "1d10h"),
        (-12_000, "-12s"),
    ],
)
def test_a_duration_is_shown_with_its_two_largest_units(ms: float, text: str) -> None:
    assert format_duration(ms) == text


@given(st.integers(10_000, MAX_DURATION_MS))
def test_a_shown_duration_never_exceeds_the_real_one(ms: int) -> None:
    shown = parse_duration(format_duration(ms))
    assert shown <= ms < shown * 1.1 + 1_000
