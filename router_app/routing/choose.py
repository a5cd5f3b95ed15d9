"""`decide`: the rules of `policy.py`, applied in order."""

from collections.abc import Sequence

from router_app.routing.decision import Decision
from router_app.routing.policy import Policy
from router_app.routing.request import Funds, RoutingRequest
from router_app.routing.specs import ModelSpec


def decide(
    request: RoutingRequest, specs: Sequence[ModelSpec], policy: Policy, headroom: Sequence[Funds]
) -> Decision:
    """Choose a model, or say in `refusal` why none; never raises because nothing fits."""
    raise NotImplementedError
