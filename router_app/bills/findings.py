"""What the calls of a period came to, by model, and what each cause could explain of a difference.

The calls of everybody are read, a workspace's after the other along the index of its calls. That
takes the longer the more there are, so it is done when a bill is entered or checked again, never to
show one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from router_app.bills.verdict import Cause, Code, Findings
from router_app.models import Price
from router_app.money import Rates, token_cost_nanos

PLAIN = "plain"  # answered, as the provider reported, or decided on since


@dataclass(frozen=True, slots=True)
class Days:
    """A period as a provider counts it: whole days of a zone, both ends included."""

    first: date
    last: date
    time_zone: str

    @property
    def starts_at(self) -> datetime:
        return _midnight(self.first, self.time_zone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return _midnight(self.last + timedelta(days=1), self.time_zone)


class Sums(NamedTuple):
    """Calls of one model, price and class."""

    calls: int = 0
    charged_nanos: int = 0
    held_nanos: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    with_cached: int = 0  # calls that had cached tokens


_Sums = dict[tuple[int, str], Sums]  # of one model, by price and class


def findings_of(days: Days) -> dict[int, Findings]:
    """By model, for every model that was called in the period."""
    by_model: dict[int, _Sums] = defaultdict(dict)
    for model, price, kind, sums in _read(days):
        by_model[model][price, kind] = sums
    rates = _rates(by_model, days)
    return {model: _findings(sums, rates[model]) for model, sums in by_model.items()}


def _findings(sums: _Sums, rates: Mapping[int, Rates]) -> Findings:
    whole = _together(sums.values())
    causes = (
        _presumed(_of(sums, Code.PRESUMED)),
        _counted(_of(sums, Code.COUNTED)),
        _failed(_of(sums, Code.FAILED)),
        _not_booked(Code.UNBILLED, _of(sums, Code.UNBILLED)),
        _not_booked(Code.OPEN, _of(sums, Code.OPEN)),
        _cached(sums, rates),
        _price(sums, rates),
    )
    found = tuple(each for each in causes if each.above_nanos or each.below_nanos)
    return Findings(whole.charged_nanos, whole.calls, found)


def _of(sums: _Sums, kind: str) -> Sums:
    return _together(each for (_, its), each in sums.items() if its == kind)


def _together(parts: Iterable[Sums]) -> Sums:
    columns = zip(Sums(), *parts, strict=True)
    return Sums(*map(sum, columns))


def _presumed(sums: Sums) -> Cause:
    """Booked at all that was held: the provider may have billed anything down to nothing."""
    return Cause(Code.PRESUMED, sums.calls, above_nanos=sums.charged_nanos)


def _counted(sums: Sums) -> Cause:
    """Counted here: the provider may have billed nothing, or up to what was held."""
    more = max(0, sums.held_nanos - sums.charged_nanos)
    return Cause(Code.COUNTED, sums.calls, above_nanos=sums.charged_nanos, below_nanos=more)


def _failed(sums: Sums) -> Cause:
    """Charged without a whole answer: the provider may have waived it."""
    return Cause(Code.FAILED, sums.calls, above_nanos=sums.charged_nanos)


def _not_booked(code: Code, sums: Sums) -> Cause:
    """Sent and not booked: the provider may have billed up to what was held."""
    return Cause(code, sums.calls, below_nanos=sums.held_nanos)


def _cached(sums: _Sums, rates: Mapping[int, Rates]) -> Cause:
    """Cached tokens at the plain input rate instead: cached x (input - cached rate)."""
    more, calls = 0, 0
    for (price, _), each in sums.items():
        plain, tokens = rates[price], each.cached_tokens
        calls += each.with_cached
        more += token_cost_nanos(plain, input_tokens=tokens, output_tokens=0)
        more -= token_cost_nanos(plain, input_tokens=tokens, cached_tokens=tokens, output_tokens=0)
    return Cause(Code.CACHED, calls, above_nanos=max(0, -more), below_nanos=max(0, more))


def _price(sums: _Sums, rates: Mapping[int, Rates]) -> Cause:
    """All reported tokens at one of the period's prices instead of at each call's own."""
    known = _of(sums, PLAIN)
    if len(rates) < 2 or not known.calls:
        return Cause(Code.PRICE, 0)
    own = sum(_cost(rates[price], each) for (price, kind), each in sums.items() if kind == PLAIN)
    others = [_cost(each, known) for each in rates.values()]
    return Cause(
        Code.PRICE,
        known.calls,
        above_nanos=max(0, own - min(others)),
        below_nanos=max(0, max(others) - own),
    )


def _cost(rates: Rates, sums: Sums) -> int:
    return token_cost_nanos(
        rates,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cached_tokens=sums.cached_tokens,
    )


def _rates(by_model: Mapping[int, _Sums], days: Days) -> dict[int, dict[int, Rates]]:
    """By model and price: those that calls had, and those that came into force meanwhile."""
    used = {price for sums in by_model.values() for price, _ in sums}
    came = Q(model__in=by_model, valid_from__gt=days.starts_at, valid_from__lt=days.ends_at)
    found: dict[int, dict[int, Rates]] = defaultdict(dict)
    for price in Price.objects.filter(Q(pk__in=used) | came):
        found[price.model_id][price.pk] = Rates(price.input, price.cached_rate, price.output)
    return found


def _read(days: Days) -> Iterable[tuple[int, int, str, Sums]]:
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [adapt(days.starts_at), adapt(days.ends_at)])
        rows = cursor.fetchall()
    return [(model, price, kind, Sums(*map(int, sums))) for model, price, kind, *sums in rows]


def _midnight(day: date, time_zone: str) -> datetime:
    # In a gap fold=0 takes the offset before the change, which is the moment of the change itself.
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


# CROSS JOIN makes SQLite take each workspace's calls of the period from their index.
_SUMS = f"""
SELECT model_id, price_id, kind, COUNT(*), SUM(total), SUM(reserved_nanos),
    SUM(input_tokens), SUM(cached_tokens), SUM(output_tokens),
    SUM(CASE WHEN cached_tokens > 0 THEN 1 ELSE 0 END)
FROM (
    SELECT call.model_id, call.price_id, call.reserved_nanos, call.input_tokens,
        call.cached_tokens, call.output_tokens, call.cost_nanos + call.correction_nanos AS total,
        CASE
            WHEN call.outcome = 'running' THEN '{Code.OPEN}'
            WHEN call.decided_at IS NOT NULL THEN '{PLAIN}'
            WHEN call.usage_source = 'presumed' THEN '{Code.PRESUMED}'
            WHEN call.outcome <> 'answered' AND call.cost_nanos = 0 THEN '{Code.UNBILLED}'
            WHEN call.usage_source = 'counted' THEN '{Code.COUNTED}'
            WHEN call.outcome <> 'answered' THEN '{Code.FAILED}'
            ELSE '{PLAIN}'
        END AS kind
    FROM router_app_workspace workspace CROSS JOIN router_app_call call
    WHERE call.workspace_id = workspace.id AND call.sent_at IS NOT NULL
        AND call.created_at >= %s AND call.created_at < %s
) call
GROUP BY model_id, price_id, kind
"""  # noqa: S608
