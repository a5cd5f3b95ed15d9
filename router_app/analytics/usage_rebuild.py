"""What the usage rollup must say, from the calls themselves: making it again, and checking it.

Calls are gone through by person, in slices of whole UTC days that the database sums on its own: a
server may go on meanwhile, and memory stays small however many calls there are.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from router_app.analytics.periods import DAY, HOUR, QUARTER, period_start
from router_app.analytics.usage import KEY, SUMS
from router_app.models import Call, RoutingDecision, UsageRollup

MOST_CALLS = 20_000  # of one slice, unless a single day has more: who closes a call waits for it
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Slice(NamedTuple):
    """One person's calls in one workspace of some days."""

    workspace_id: int
    user_id: int
    begins: datetime
    ends: datetime


def slices() -> Iterator[Slice]:
    """All calls and all of the rollup, in pieces that can be worked on one after the other."""
    pair = ("workspace_id", "user_id")
    called = RoutingDecision.objects.values_list(*pair).distinct()
    summed = UsageRollup.objects.values_list(*pair).distinct()
    for workspace_id, user_id in sorted({*called, *summed}):
        begins = _FIRST
        while begins < _LAST:
            ends = _end_of_slice(workspace_id, user_id, begins)
            yield Slice(workspace_id, user_id, begins, ends)
            begins = ends


def rebuild(part: Slice) -> int:
    """Make the rollup of a slice again; returns how many calls it sums."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Nobody adds to a sum between our reading and writing; SQLite has one writer anyway.
            cursor.execute(f"LOCK TABLE {_TABLE} IN SHARE ROW EXCLUSIVE MODE")
        values = _values(part)
        cursor.execute(f"DELETE FROM {_TABLE} {_IN_SLICE}", values)  # noqa: S608
        cursor.execute(_insert(_from_calls()), values)
        for seconds in (HOUR, DAY):
            cursor.execute(_insert(_from_quarters(seconds)), values)
        cursor.execute(_COUNTED, [*values, DAY])
        return int(cursor.fetchone()[0] or 0)


def differences(part: Slice) -> Iterator[str]:
    """A sentence for every row of a slice that does not say what the calls say."""
    for seconds in (QUARTER, HOUR, DAY):
        right = _from_calls() if seconds == QUARTER else _from_quarters(seconds)
        with connection.cursor() as cursor:
            cursor.execute(_difference(right), [*_values(part), *_values(part), seconds])
            rows = cursor.fetchall()
        for row in rows:
            yield _sentence(part.user_id, dict(zip((*KEY[2:], *SUMS), row, strict=True)))


def total_differences() -> Iterator[str]:
    """The same for whole persons, models and tasks: one look at every call, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        rows = cursor.fetchall()
    for workspace_id, user_id, seconds, model_pk, task_type, *off in rows:
        wrong = _wrong(dict(zip(SUMS, off, strict=True)))
        where = f"in workspace {workspace_id}, periods of {seconds} s, model {model_pk}"
        yield f"usage of person {user_id} {where}, {task_type}: {wrong}"


def _sentence(user_id: int, off: dict[str, Any]) -> str:
    where = f"{off['seconds']} s from {off['starts_at']}, model {off['model_id']}"
    return f"usage of person {user_id}, {where}, {off['task_type']}: {_wrong(off)}"


def _wrong(off: dict[str, Any]) -> str:
    return ", ".join(f"{-int(off[name]):+} {name}" for name in SUMS if off[name])


def _end_of_slice(workspace_id: int, user_id: int, begins: datetime) -> datetime:
    """A midnight by which the person has made some ten thousand calls since `begins`."""
    calls = Call.objects.filter(
        workspace=workspace_id, user=user_id, created_at__gte=begins
    ).order_by("created_at")
    beyond = calls.values_list("created_at", flat=True)[MOST_CALLS : MOST_CALLS + 1]
    for moment in beyond:
        midnight = period_start(moment, DAY)
        first = calls.values_list("created_at", flat=True)[0]
        return max(midnight, period_start(first, DAY) + timedelta(days=1))
    return _LAST


def _values(part: Slice) -> list[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    return [part.workspace_id, part.user_id, adapt(part.begins), adapt(part.ends)]


def _start(column: str, seconds: int) -> str:
    if connection.vendor == "sqlite":  # which would round a second's last half millisecond up
        second = f"strftime('%%s', substr({column}, 1, 19))"
        return f"datetime({second} / {seconds} * {seconds}, 'unixepoch')"
    return f"to_timestamp(floor(extract(epoch FROM {column}) / {seconds}) * {seconds})"


def _insert(select: str) -> str:
    return f"INSERT INTO {_TABLE} ({_COLUMNS}) {select}"


def _from_calls() -> str:
    return f"""
        SELECT workspace_id, user_id, {QUARTER}, {_start("created_at", QUARTER)}, model_id,
            task_type, {_KEY_ID}, {_SUMS}
        FROM router_app_call closed
        WHERE workspace_id = %s AND user_id = %s AND created_at >= %s AND created_at < %s
            AND outcome <> 'running'
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """  # noqa: S608


def _from_quarters(seconds: int) -> str:
    sums = ", ".join(f"SUM({name})" for name in SUMS)
    return f"""
        SELECT workspace_id, user_id, {seconds}, {_start("starts_at", seconds)}, model_id,
            task_type, key_id, {sums}
        FROM {_TABLE} {_IN_SLICE} AND seconds = {QUARTER}
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """  # noqa: S608


def _difference(right: str) -> str:
    """What is right less what is there, where that is not nothing."""
    there = ", ".join((*KEY, *(f"-{name}" for name in SUMS)))
    return f"""
        WITH counted ({_COLUMNS}) AS ({right}), compared ({_COLUMNS}) AS (
            SELECT * FROM counted
            UNION ALL SELECT {there} FROM {_TABLE} {_IN_SLICE} AND seconds = %s
        )
        SELECT {", ".join((*KEY[2:], *(f"SUM({name})" for name in SUMS)))} FROM compared
        GROUP BY {", ".join(KEY)} HAVING {" OR ".join(f"SUM({name}) <> 0" for name in SUMS)}
        ORDER BY {", ".join(KEY[2:])}
    """  # noqa: S608


_TABLE = UsageRollup._meta.db_table
_COLUMNS = ", ".join((*KEY, *SUMS))
_KEY_ID = """(
    SELECT COALESCE(request.api_key_id, 0) FROM router_app_routingdecision request
    WHERE request.id = closed.decision_id
)"""
_SUMS = """
    COUNT(*),
    SUM(CASE WHEN sent_at IS NULL OR EXISTS (
        SELECT 1 FROM router_app_call later
        WHERE later.decision_id = closed.decision_id AND later.attempt > closed.attempt
            AND later.sent_at IS NOT NULL AND later.outcome <> 'running'
    ) THEN 0 ELSE 1 END),
    SUM(cost_nanos + correction_nanos), SUM(estimated_nanos),
    SUM(input_tokens), SUM(cached_tokens), SUM(output_tokens), SUM(reasoning_tokens)
"""
_OF_TOTALS = "workspace_id, user_id, seconds, model_id, task_type"
_TOTALS = f"""
    WITH counted (workspace_id, user_id, model_id, task_type, {", ".join(SUMS)}) AS (
        SELECT workspace_id, user_id, model_id, task_type, {_SUMS} FROM router_app_call closed
        WHERE outcome <> 'running' GROUP BY 1, 2, 3, 4
    ), lengths (seconds) AS (
        VALUES ({QUARTER}), ({HOUR}), ({DAY})
    ), compared ({_OF_TOTALS}, {", ".join(SUMS)}) AS (
        SELECT {_OF_TOTALS}, {", ".join(SUMS)} FROM counted CROSS JOIN lengths
        UNION ALL SELECT {_OF_TOTALS}, {", ".join(f"-{n}" for n in SUMS)}
        FROM {_TABLE}
    )
    SELECT {_OF_TOTALS}, {", ".join(f"SUM({name})" for name in SUMS)}
    FROM compared GROUP BY 1, 2, 3, 4, 5
    HAVING {" OR ".join(f"SUM({name}) <> 0" for name in SUMS)} ORDER BY 1, 2, 3, 4, 5
"""  # noqa: S608
_IN_SLICE = "WHERE workspace_id = %s AND user_id = %s AND starts_at >= %s AND starts_at < %s"
_COUNTED = f"SELECT SUM(calls) FROM {_TABLE} {_IN_SLICE} AND seconds = %s"  # noqa: S608
