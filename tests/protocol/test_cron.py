"""Firing times, with both turns of the clock on both sides of the Atlantic."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.cron import MINUTE_MS, Cron, next_after, parse_cron, upcoming


def ms(text: str) -> int:
    """Epoch milliseconds of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def firings(cron: str, start: str, count: int) -> list[str]:
    parsed = parse_cron(cron)
    zone = ZoneInfo(parsed.zone)
    times = upcoming(parsed, ms(start), count)
    return [datetime.fromtimestamp(at / 1000, zone).strftime("%m-%d %H:%M %z") for at in times]


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("*/5 * * * *", Cron("*/5 * * * *", "*/5 * * * *", "UTC")),
        ("  0 9 * * MON-FRI  ", Cron("0 9 * * MON-FRI", "0 9 * * MON-FRI", "UTC")),
        (
            "CRON_TZ=Europe/Berlin 0  9 * * 1",
            Cron("CRON_TZ=Europe/Berlin 0  9 * * 1", "0 9 * * 1", "Europe/Berlin"),
        ),
        ("CRON_TZ=UTC * * * * *", Cron("CRON_TZ=UTC * * * * *", "* * * * *", "UTC")),
        ("0 0 29 2 *", Cron("0 0 29 2 *", "0 0 29 2 *", "UTC")),
    ],
)
def test_an_expression_is_kept_trimmed_with_its_zone(text: str, cron: Cron) -> None:
    assert parse_cron(text) == cron


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no fields"),
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("@daily", "has 1 field: expected five"),
        ("CRON_TZ=Europe/Berlin", "has no fields"),
        ("60 * * * *", "minute field '60'"),
        ("*/0 * * * *", "minute field '*/0'"),
        ("* 24 * * *", "hour field '24'"),
        ("* 5-2 * * *", "hour field '5-2'"),
        ("* * 0 * *", "day-of-month field '0'"),
        ("* * 32 * *", "day-of-month field '32'"),
        ("* * * 13 *", "month field '13'"),
        ("* * * FOO *", "month field 'FOO'"),
        ("* * * * 8", "day-of-week field '8'"),
        ("* * * * MON#6", "day-of-week field 'MON#6'"),
        ("* * * * MON#1/2", "day-of-week field 'MON#1/2'"),
        ("a * * * *", "minute field 'a'"),
        ("1,,2 * * * *", "minute field '1,,2'"),
        ("-1 * * * *", "minute field '-1'"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("CRON_TZ=Mars/Base 0 0 * * *", "time zone 'Mars/Base' is not known"),
        ("CRON_TZ=Europe/Berln 0 0 * * *", "Did you mean 'Europe/Berlin'?"),
        ("CRON_TZ=Europe 0 0 * * *", "time zone 'Europe' is not known"),
        ("CRON_TZ=../etc/passwd 0 0 * * *", "time zone '../etc/passwd' is not known"),
        ("CRON_TZ=/etc/localtime 0 0 * * *", "is not known"),
        ("CRON_TZ= 0 0 * * *", "time zone '' is not known"),
        ("1," * 200 + "1 * * * *", "longer than 250 characters"),
    ],
)
def test_a_mistake_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_cron(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("cron", "now", "then"),
    [
        ("* * * * *", "2026-08-21T12:00:00+00:00", "2026-08-21T12:01:00+00:00"),
        ("* * * * *", "2026-08-21T12:00:59.999+00:00", "2026-08-21T12:01:00+00:00"),
        ("* * * * *", "2026-08-21T11:59:59.001+00:00", "2026-08-21T12:00:00+00:00"),
        ("*/5 * * * *", "2026-08-21T12:04:59+00:00", "2026-08-21T12:05:00+00:00"),
        ("0 9 * * MON-FRI", "2026-08-21T10:00:00+00:00", "2026-08-24T09:00:00+00:00"),
        ("0 0 1 1 *", "2026-08-21T12:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("0 0 29 2 *", "2026-08-21T12:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        ("0 0 * * 0", "2026-08-21T12:00:00+00:00", "2026-08-23T00:00:00+00:00"),
        ("0 0 * * 7", "2026-08-21T12:00:00+00:00", "2026-08-23T00:00:00+00:00"),
        # A day of the month or a day of the week, when both are given.
        ("0 0 1 * MON", "2026-08-21T12:00:00+00:00", "2026-08-24T00:00:00+00:00"),
        (
            "CRON_TZ=Asia/Kolkata 0 9 * * *",
            "2026-08-21T12:00:00+00:00",
            "2026-08-22T03:30:00+00:00",
        ),
        ("CRON_TZ=Etc/UTC 0 9 * * *", "2026-08-21T12:00:00+00:00", "2026-08-22T09:00:00+00:00"),
    ],
)
def test_the_next_firing_is_strictly_later(cron: str, now: str, then: str) -> None:
    assert next_after(parse_cron(cron), ms(now)) == ms(then)


NEW_YORK = "CRON_TZ=America/New_York"  # 8 March 2026 at 2:00 and 1 November 2026 at 2:00
BERLIN = "CRON_TZ=Europe/Berlin"  # 29 March 2026 at 2:00 and 25 October 2026 at 3:00


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        (
            NEW_YORK,
            "2026-03-07T00:00:00-05:00",
            ["03-07 02:30 -0500", "03-08 03:00 -0400", "03-09 02:30 -0400"],
        ),
        (
            BERLIN,
            "2026-03-28T00:00:00+01:00",
            ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"],
        ),
    ],
)
def test_a_time_that_spring_skips_fires_right_after_the_gap(
    zone: str, start: str, expected: list[str]
) -> None:
    assert firings(f"{zone} 30 2 * * *", start, 3) == expected


@pytest.mark.parametrize(
    ("cron", "start", "expected"),
    [
        (
            f"{NEW_YORK} 30 1 * * *",
            "2026-10-31T00:00:00-04:00",
            ["10-31 01:30 -0400", "11-01 01:30 -0400", "11-02 01:30 -0500"],
        ),
        (
            f"{BERLIN} 30 2 * * *",
            "2026-10-24T00:00:00+02:00",
            ["10-24 02:30 +0200", "10-25 02:30 +0200", "10-26 02:30 +0100"],
        ),
    ],
)
def test_a_time_that_autumn_repeats_fires_once(cron: str, start: str, expected: list[str]) -> None:
    assert firings(cron, start, 3) == expected


@pytest.mark.parametrize(
    ("cron", "now", "then"),
    [
        (f"{NEW_YORK} 30 1 * * *", "2026-11-01T01:10:00-05:00", "2026-11-02T01:30:00-05:00"),
        (f"{BERLIN} 30 2 * * *", "2026-10-25T02:10:00+01:00", "2026-10-26T02:30:00+01:00"),
    ],
)
def test_asked_in_the_second_pass_of_the_hour_the_answer_is_later(
    cron: str, now: str, then: str
) -> None:
    assert next_after(parse_cron(cron), ms(now)) == ms(then)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, "2026-03-07T23:59:00-05:00", 23),
        (NEW_YORK, "2026-10-31T23:59:00-04:00", 25),
        (BERLIN, "2026-03-28T23:59:00+01:00", 23),
        (BERLIN, "2026-10-24T23:59:00+02:00", 25),
    ],
)
def test_every_hour_is_by_elapsed_time_on_short_and_long_days(
    zone: str, day: str, hours: int
) -> None:
    cron = parse_cron(f"{zone} 0 * * * *")
    times = upcoming(cron, ms(day), 26)
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {3_600_000}
    local = [datetime.fromtimestamp(at / 1000, ZoneInfo(cron.zone)) for at in times]
    assert sum(at.date() == local[0].date() for at in local) == hours


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
def test_a_wall_clock_time_keeps_its_hour_through_the_year(zone: str) -> None:
    shown = firings(f"{zone} 15 9 * * *", "2026-01-01T00:00:00+00:00", 365)
    assert {text[6:11] for text in shown} == {"09:15"}
    assert len({text[:5] for text in shown}) == 365


def test_upcoming_begins_with_the_next_firing() -> None:
    cron = parse_cron("*/10 * * * *")
    now = ms("2026-08-21T12:00:00+00:00")
    assert upcoming(cron, now, 0) == ()
    assert upcoming(cron, now, 3) == (now + 600_000, now + 1_200_000, now + 1_800_000)
    assert upcoming(cron, now, 1) == (next_after(cron, now),)


ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"]


@given(
    minute=st.sampled_from(["*", "*/7", "0", "30", "5,55"]),
    hour=st.sampled_from(["*", "*/2", "0", "1", "2", "1-3"]),
    zone=st.sampled_from(ZONES),
    now=st.integers(ms("2024-01-01T00:00:00+00:00"), ms("2028-01-01T00:00:00+00:00")),
)
def test_firings_are_whole_minutes_in_ascending_order(
    minute: str, hour: str, zone: str, now: int
) -> None:
    cron = parse_cron(f"CRON_TZ={zone} {minute} {hour} * * *")
    times = upcoming(cron, now, 40)
    assert times == upcoming(cron, times[0] - MINUTE_MS, 40)
    assert times[0] > now
    assert all(at % 60_000 == 0 for at in times)
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


@given(st.text(alphabet="0123456789*/,-#LW MONJAN", max_size=24), st.text(max_size=10))
def test_any_text_is_a_cron_that_fires_or_a_value_error(fields: str, prefix: str) -> None:
    for text in (fields, f"CRON_TZ={prefix} {fields}", f"{fields} * *", f"0 {fields} * * *"):
        try:
            cron = parse_cron(text)
        except ValueError:
            continue
        assert (next_after(cron, 0) or 0) > 0


def test_firings_do_not_depend_on_the_zone_of_the_machine() -> None:
    at = next_after(parse_cron("0 0 * * *"), ms("2026-08-21T12:00:00+00:00"))
    assert at is not None
    assert datetime.fromtimestamp(at / 1000, UTC).isoformat() == "2026-08-22T00:00:00+00:00"


@pytest.mark.parametrize(
    ("cron", "now"),
    [
        ("* * * * *", "9999-12-31T23:59:59+00:00"),
        ("0 0 29 2 *", "9999-03-01T00:00:00+00:00"),
        ("CRON_TZ=Asia/Tokyo * * * * *", "9999-12-31T23:00:00+00:00"),
        ("CRON_TZ=America/New_York 59 23 31 12 *", "9999-12-31T23:59:00+00:00"),
    ],
)
def test_where_dates_end_there_is_no_next_firing(cron, now):
    assert next_after(parse_cron(cron), ms(now)) is None
    assert upcoming(parse_cron(cron), ms(now), 3) == ()
