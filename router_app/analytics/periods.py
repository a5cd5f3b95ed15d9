"""The periods that usage is rolled up by, and how a range is put together from them. Pure.

Periods begin at whole quarters of an hour, hours and days of UTC. A range of days anywhere is made
of whole UTC days, hours at their edges, and quarters of an hour where a zone's day begins within an
hour. What begins or ends within a quarter, such as "yesterday by this time", leaves a rest.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from router_app.analytics.ranges import Bucket

QUARTER, HOUR, DAY = 900, 3_600, 86_400  # seconds
LENGTHS = (DAY, HOUR, QUARTER)
REST = 0  # the length of what must be looked at call by call
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Piece(NamedTuple):
    """Periods of one length that lie end to end within one bucket."""

    bucket: int  # index into the buckets asked for
    seconds: int  # one of LENGTHS, or REST
    begins: datetime
    ends: datetime


def pieces_of(buckets: Sequence[Bucket]) -> list[Piece]:
    """As few pieces as the buckets can be made of; every instant is in exactly one."""
    return [
        Piece(number, *found)
        for number, bucket in enumerate(buckets)
        for found in _pieces(bucket.starts_at, bucket.ends_at, LENGTHS)
    ]


def period_start(moment: datetime, seconds: int) -> datetime:
    """When the period of this length that the moment is in began."""
    return moment - (moment - _EPOCH) % timedelta(seconds=seconds)


def _pieces(
    begins: datetime, ends: datetime, lengths: Sequence[int]
) -> Iterator[tuple[int, datetime, datetime]]:
    """The longest periods in the middle, shorter ones before and after them."""
    if begins >= ends:
        return
    if not lengths:
        yield REST, begins, ends
        return
    seconds, *shorter = lengths
    first = period_start(begins + timedelta(seconds=seconds) - timedelta.resolution, seconds)
    last = period_start(ends, seconds)
    if first >= last:
        yield from _pieces(begins, ends, shorter)
        return
    yield from _pieces(begins, first, shorter)
    yield seconds, first, last
    yield from _pieces(last, ends, shorter)
