"""Points, and the two orders that candidates are ranked by. Ties never depend on input order."""

from functools import lru_cache

from router_app.routing.candidates import Candidate, Score
from router_app.routing.policy import Policy
from router_app.routing.specs import ModelSpec
from router_app.routing.tasks import Task


def score(spec: ModelSpec, task: Task, policy: Policy) -> Score:
    """The model's quality score, and the bonus if the task is among its strengths."""
    return _points(spec.quality, policy.strength_bonus if task in spec.strengths else 0)


_points = lru_cache(maxsize=1024)(Score)  # a catalogue has few different ones


def by_score(candidate: Candidate) -> tuple[int, int, str, str, int]:
    """Sort key: highest score first, then the cheaper by expected cost, then the id."""
    cost = candidate.priced.expected_cost_nanos
    return (-candidate.score.total, cost, candidate.id, candidate.provider, candidate.model_pk)


def by_price(candidate: Candidate) -> tuple[int, str, str, int]:
    """Sort key: cheapest by expected cost first, then the id. Only for priced candidates."""
    return (candidate.priced.expected_cost_nanos, *by_name(candidate))


def by_name(candidate: Candidate) -> tuple[str, str, int]:
    """Sort key that tells any two models of the catalogue apart."""
    return (candidate.id, candidate.provider, candidate.model_pk)
