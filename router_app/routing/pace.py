"""Saving ahead of pace: where money goes faster than time, the cheaper of near-equals is preferred.

A budget is *ahead of its pace* while the share of its limit that is gone is greater than the share
of its window that has passed. For medium quality the best model then gives way to the cheapest of
those that score at most `Policy.near_equal_points` less. Low quality is cheap anyway, and who asks
for high wants the best; a window without an end has no pace.
"""

from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct

from router_app.routing.candidates import Candidate
from router_app.routing.policy import Policy
from router_app.routing.request import RoutingRequest
from router_app.routing.scoring import by_score
from router_app.routing.tasks import Quality


class Pace(Struct, frozen=True, gc=False):
    """How far the money and the time of one window are gone. Only for windows that end."""

    budget: str  # its name
    budget_pk: int
    gone_nanos: int  # of the limit: spent, billed above what was held, and held
    limit_nanos: int
    passed_seconds: int
    window_seconds: int
    model_pk: int | None = None  # only calls to this model are held in it; None: all

    @property
    def is_ahead(self) -> bool:
        """Whether gone / limit > passed / window; in integers, so that nothing is rounded."""
        return self.gone_nanos * self.window_seconds > self.limit_nanos * self.passed_seconds

    @property
    def lead(self) -> Fraction:
        """By how much: gone / limit - passed / window. Of no limit everything is gone."""
        gone = Fraction(self.gone_nanos, self.limit_nanos) if self.limit_nanos else Fraction(1)
        return gone - Fraction(self.passed_seconds, self.window_seconds)

    @property
    def words(self) -> str:
        """ "62.1 % of Monthly limit is gone and 40.0 % of its period"."""
        gone = _percent(self.gone_nanos, self.limit_nanos)
        passed = _percent(self.passed_seconds, self.window_seconds)
        return f"{gone} of {self.budget} is gone and {passed} of its period"


class Saving(Struct, frozen=True):
    """The rule was in force for a decision: because of which budget, and instead of whom."""

    pace: Pace
    near_equal_points: int
    instead_of: str | None = None  # id of the best model; None: it is the cheapest of its equals
    points_given_up: int = 0


def by_pace(
    request: RoutingRequest, ranked: list[Candidate], policy: Policy, paces: Sequence[Pace]
) -> tuple[list[Candidate], Saving | None]:
    """The candidates in the order in which to ask them, and why that changed, if the rule applies.

    `ranked` is by score and not empty. The rule looks at the budgets that the best would be held
    in; of several ahead of their pace the one that leads most is named. A retry goes where it
    is told.
    """
    best = ranked[0]
    if request.quality is not Quality.MEDIUM or request.only is not None:
        return ranked, None
    ahead = [pace for pace in paces if pace.is_ahead and pace.model_pk in (None, best.model_pk)]
    if not ahead:
        return ranked, None
    pace = max(ahead, key=lambda each: (each.lead, -each.budget_pk))
    floor = best.score.total - policy.near_equal_points
    cheapest_first = sorted(ranked, key=lambda each: _near_equals_first(each, floor))
    chosen = cheapest_first[0]
    return cheapest_first, Saving(
        pace=pace,
        near_equal_points=policy.near_equal_points,
        instead_of=None if chosen is best else best.id,
        points_given_up=best.score.total - chosen.score.total,
    )


def _near_equals_first(candidate: Candidate, floor: int) -> tuple[object, ...]:
    """Sort key: near-equals by their expected cost, of which the better breaks ties; then the
    others by score."""
    if candidate.score.total < floor:
        return (1, *by_score(candidate))
    return (0, candidate.priced.expected_cost_nanos, *by_score(candidate))


def _percent(part: int, whole: int) -> str:
    """Rounded down to a tenth: "62.1 %"."""
    tenths = 1000 * part // whole if whole else 1000
    return f"{tenths // 10}.{tenths % 10} %"
