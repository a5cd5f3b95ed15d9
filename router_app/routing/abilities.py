"""What a model lacks for a request, and the effort it is told to reason with."""

from router_app.routing.needs import Need
from router_app.routing.request import RoutingRequest
from router_app.routing.specs import ModelSpec

_LACKS = {
    Need.TOOLS: "takes no tools",
    Need.VISION: "takes no images",
    Need.JSON_MODE: "has no JSON mode",
    Need.JSON_SCHEMA: "does not keep to a JSON schema",
}
_WANTED = {
    Need.TOOLS: "tools",
    Need.VISION: "images",
    Need.JSON_MODE: "JSON mode",
    Need.JSON_SCHEMA: "a JSON schema",
}


def effort_for(spec: ModelSpec, wished: str | None) -> str | None:
    """The `reasoning_effort` to send to this model; None: do not send the member.

    To a model that does not reason the wish is moot. One that reasons and does not know the value
    is dropped by `lacks`, so nothing is quietly changed into something else.
    """
    return wished if wished in spec.reasoning_efforts else None


def lacks(request: RoutingRequest, spec: ModelSpec) -> str:
    """What the model cannot do of what the request needs, in words; "" if it can do all."""
    effort = request.reasoning_effort
    if effort is None and not request.needs:
        return ""
    unmet = request.needs - spec.supports
    knows = effort is None or not spec.reasoning_efforts or effort in spec.reasoning_efforts
    if knows and not unmet:
        return ""
    missing = [words for need, words in _LACKS.items() if need in unmet]
    return listed(missing if knows else [*missing, f"does not know reasoning effort '{effort}'"])


def wanted(request: RoutingRequest) -> str:
    """What the request needs that not every model can do, in words; "" if it is only text."""
    words = [words for need, words in _WANTED.items() if need in request.needs]
    if request.reasoning_effort is not None:
        words.append(f"reasoning effort '{request.reasoning_effort}'")
    return listed(words)


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
