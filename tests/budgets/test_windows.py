"""Periods in 40 time zones, across every change of clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_app.budgets.windows import period_bounds

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Anchorage",
    "America/Argentina/Buenos_Aires",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Denver",
    "America/Havana",
    "America/Halifax",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Dhaka",
    "Asia/Dubai",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Manila",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]

moments = st.datetimes(
    min_value=datetime(2009, 1, 1), max_value=datetime(2037, 1, 1), timezones=st.just(UTC)
)


@settings(max_examples=1500, deadline=None)
@given(now=moments, zone=st.sampled_from(ZONES), period=st.sampled_from(["day", "week", "month"]))
def test_every_moment_lies_in_exactly_one_window(now: datetime, zone: str, period: str) -> None:
    starts_at, ends_at = period_bounds(period, ZoneInfo(zone), now)
    assert ends_at is not None
    assert starts_at <= now < ends_at
    # The last moment of a window is still in it, and the next begins where it ends.
    last = max(starts_at, ends_at - timedelta(microseconds=1))
    assert period_bounds(period, ZoneInfo(zone), last) == (starts_at, ends_at)
    assert period_bounds(period, ZoneInfo(zone), ends_at)[0] == ends_at
    assert period_bounds(period, ZoneInfo(zone), starts_at) == (starts_at, ends_at)


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_year_join_without_gap_or_overlap(zone: str) -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    end = moment + timedelta(days=366)
    hours = set()
    while moment < end:
        starts_at, ends_at = period_bounds("day", ZoneInfo(zone), moment)
        assert ends_at is not None
        hours.add((ends_at - starts_at) / timedelta(hours=1))
        local = starts_at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) in {(0, 0), (1, 0), (0, 30)}
        moment = ends_at
    assert hours <= {22.0, 23.0, 23.5, 24.0, 24.5, 25.0, 26.0}


def test_cairo_has_a_day_without_a_midnight() -> None:
    # On 24 April 2026 the clock jumps from 24:00 the day before to 01:00.
    noon = datetime(2026, 4, 24, 9, tzinfo=UTC)
    starts_at, ends_at = period_bounds("day", ZoneInfo("Africa/Cairo"), noon)
    assert starts_at == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert ends_at == datetime(2026, 4, 24, 21, tzinfo=UTC)
    assert starts_at.astimezone(ZoneInfo("Africa/Cairo")).hour == 1


def test_a_repeated_midnight_belongs_to_one_day() -> None:
    # Havana's clock goes from 01:00 back to 00:00 on 1 November 2026: midnight comes twice.
    first = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    second = first + timedelta(hours=1)
    zone = ZoneInfo("America/Havana")
    assert first.astimezone(zone).time() == second.astimezone(zone).time()
    assert period_bounds("day", zone, first) == period_bounds("day", zone, second)
    assert period_bounds("month", zone, first)[0] == datetime(2026, 11, 1, 4, tzinfo=UTC)


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    sunday_evening = datetime(2026, 11, 22, 14, 59, tzinfo=UTC)
    assert period_bounds("week", zone, sunday_evening) == (
        datetime(2026, 11, 15, 15, tzinfo=UTC),
        datetime(2026, 11, 22, 15, tzinfo=UTC),
    )
    assert period_bounds("month", zone, datetime(2026, 12, 31, 16, tzinfo=UTC))[0] == datetime(
        2026, 12, 31, 15, tzinfo=UTC
    )


def test_total_has_no_end() -> None:
    starts_at, ends_at = period_bounds("total", ZoneInfo("UTC"), datetime.now(UTC))
    assert starts_at.year == 1970
    assert ends_at is None
