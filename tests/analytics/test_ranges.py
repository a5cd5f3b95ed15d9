"""Days as their reader lives them, also where the clock changes."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router_app.analytics.ranges import (
    Range,
    RangeKey,
    Step,
    custom_range,
    named_range,
    start_of_day,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)


def named(key: RangeKey, zone: ZoneInfo = BERLIN, now: datetime = NOW) -> Range:
    return named_range(key, zone=zone, now=now, oldest=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "first", "days"),
    [
        (RangeKey.TODAY, date(2026, 11, 15), 1),
        (RangeKey.WEEK, date(2026, 11, 9), 7),
        (RangeKey.DAYS_30, date(2026, 10, 17), 30),
        (RangeKey.MONTH, date(2026, 11, 1), 15),
        (RangeKey.ALL, date(2026, 3, 1), 260),
    ],
)
def test_each_range_ends_today(key: RangeKey, first: date, days: int) -> None:
    span = named(key)
    assert (span.first, span.last, span.days) == (first, date(2026, 11, 15), days)


def test_today_is_the_readers_today() -> None:
    late = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
    assert named(RangeKey.TODAY, ZoneInfo("Asia/Tokyo"), late).first == date(2026, 11, 16)
    assert named(RangeKey.TODAY, ZoneInfo("America/New_York"), late).first == date(2026, 11, 15)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),  # midnight is skipped
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Havana", date(2026, 3, 8), 23),  # midnight is skipped
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_makes_it(zone: str, day: date, hours: float) -> None:
    span = Range(RangeKey.CUSTOM, day, day, ZoneInfo(zone))
    assert span.ends_at - span.starts_at == timedelta(hours=hours)
    assert span.step is Step.HOUR
    assert len(span.buckets()) == -(-hours // 1)


def test_cairo_begins_its_skipped_midnight_at_one() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    begins = start_of_day(date(2026, 4, 24), cairo)
    assert begins.astimezone(cairo).isoformat() == "2026-04-24T01:00:00+03:00"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Africa/Cairo", "America/Havana", "Asia/Tokyo"])
@pytest.mark.parametrize("days", [1, 2, 31, 92, 93, 800])
def test_buckets_lie_end_to_end(zone: str, days: int) -> None:
    last = date(2026, 11, 15)
    span = Range(RangeKey.CUSTOM, last - timedelta(days=days - 1), last, ZoneInfo(zone))
    buckets = span.buckets()
    assert buckets[0].starts_at == span.starts_at
    assert buckets[-1].ends_at == span.ends_at
    assert all(a.ends_at == b.starts_at for a, b in itertools.pairwise(buckets))
    assert all(bucket.starts_at < bucket.ends_at for bucket in buckets)
    assert len(buckets) < 100


class TestThePeriodBefore:
    def test_is_as_far_along_as_this_one(self) -> None:
        before = named(RangeKey.TODAY).before(NOW)
        assert before is not None
        assert before.starts_at == start_of_day(date(2026, 11, 14), BERLIN)
        assert before.ends_at == NOW - timedelta(days=1)

    def test_of_a_month_is_the_month_before(self) -> None:
        now = datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
        before = named(RangeKey.MONTH, now=now).before(now)
        assert before is not None
        assert before.starts_at == start_of_day(date(2026, 2, 1), BERLIN)
        assert before.ends_at.astimezone(BERLIN) == datetime(2026, 2, 28, 10, 0, tzinfo=BERLIN)

    def test_of_what_is_over_is_whole(self) -> None:
        span = custom_range(date(2026, 11, 1), date(2026, 11, 7), zone=BERLIN, now=NOW)
        before = span.before(NOW)
        assert before is not None
        assert before.starts_at == start_of_day(date(2026, 10, 25), BERLIN)
        assert before.ends_at == span.starts_at

    def test_of_everything_there_is_none(self) -> None:
        assert named(RangeKey.ALL).before(NOW) is None

    def test_never_reaches_into_this_one(self) -> None:
        for hours in range(24 * 40):
            now = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=hours)
            for key in (RangeKey.TODAY, RangeKey.WEEK, RangeKey.MONTH):
                span = named(key, now=now)
                before = span.before(now)
                assert before is not None
                assert before.starts_at <= before.ends_at <= span.starts_at


class TestACustomRange:
    def test_goes_in_either_direction_and_not_into_the_future(self) -> None:
        span = custom_range(date(2027, 5, 1), date(2026, 11, 1), zone=BERLIN, now=NOW)
        assert (span.first, span.last) == (date(2026, 11, 1), date(2026, 11, 15))

    @pytest.mark.parametrize("first", [date.min, date(1900, 1, 1), date.max])
    def test_that_is_absurd_is_cut(self, first: date) -> None:
        span = custom_range(first, date(2026, 11, 1), zone=BERLIN, now=NOW)
        assert len(span.buckets()) <= 500
        assert span.before(NOW) is not None
