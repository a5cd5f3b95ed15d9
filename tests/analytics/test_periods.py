"""Ranges put together from whole periods: nothing left out, nothing twice, few of them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.analytics.periods import (
    DAY,
    HOUR,
    QUARTER,
    REST,
    Piece,
    period_start,
    pieces_of,
)
from router_app.analytics.ranges import Bucket, custom_range

NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)
ZONES = [
    "UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla", "America/St_Johns",
    "Pacific/Chatham", "Australia/Lord_Howe", "Pacific/Apia", "America/Los_Angeles",
]  # fmt: skip
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(st.lists(moments, min_size=2, max_size=6, unique=True).map(sorted))
def test_every_instant_is_in_one_piece_of_its_bucket(cuts: list[datetime]) -> None:
    buckets = [Bucket(a, b) for a, b in pairwise(cuts)]
    pieces = pieces_of(buckets)
    assert pieces[0].begins == cuts[0]
    assert pieces[-1].ends == cuts[-1]
    assert all(a.ends == b.begins for a, b in pairwise(pieces))
    for piece in pieces:
        bucket = buckets[piece.bucket]
        assert bucket.starts_at <= piece.begins < piece.ends <= bucket.ends_at
        if piece.seconds != REST:
            assert period_start(piece.begins, piece.seconds) == piece.begins
            assert period_start(piece.ends, piece.seconds) == piece.ends


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_any_zone_leave_no_rest(zone: str) -> None:
    span = custom_range(date(2026, 1, 1), date(2026, 11, 15), zone=ZoneInfo(zone), now=NOW)
    for buckets in (span.buckets(), [Bucket(span.starts_at, span.ends_at)]):
        assert REST not in {piece.seconds for piece in pieces_of(buckets)}


def test_a_year_is_a_few_hundred_periods() -> None:
    span = custom_range(
        date(2026, 1, 1), date(2026, 11, 15), zone=ZoneInfo("Asia/Kolkata"), now=NOW
    )
    pieces = pieces_of(span.buckets())
    periods = sum((each.ends - each.begins) // timedelta(seconds=each.seconds) for each in pieces)
    assert periods < 319 + 11 * 2 * (24 + 4)


def test_a_moment_within_a_quarter_leaves_a_rest_at_that_end_only() -> None:
    at = datetime(2026, 11, 14, 10, 37, 30, tzinfo=UTC)
    assert pieces_of([Bucket(datetime(2026, 11, 12, 23, tzinfo=UTC), at)]) == [
        Piece(0, HOUR, at.replace(day=12, hour=23, minute=0, second=0), _day(13)),
        Piece(0, DAY, _day(13), _day(14)),
        Piece(0, HOUR, _day(14), at.replace(minute=0, second=0)),
        Piece(0, QUARTER, at.replace(minute=0, second=0), at.replace(minute=30, second=0)),
        Piece(0, REST, at.replace(minute=30, second=0), at),
    ]


def test_nothing_is_no_piece() -> None:
    assert pieces_of([]) == pieces_of([Bucket(NOW, NOW)]) == []


def _day(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)
