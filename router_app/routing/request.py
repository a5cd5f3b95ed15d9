"""What a decision is asked for, and the money there is. Amounts in nano-dollars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router_app.routing.needs import Need, is_effort
from router_app.routing.tasks import Quality, Task

REQUEST_BUDGET = "request"  # the name of the request's own budget among the funds


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """One prompt as routing sees it: sizes and wishes, never its text.

    Raises ValueError for a `max_tokens` below 1, negative counts of tokens or images, and a
    `reasoning_effort` that is no lower-case word.
    """

    task: Task
    quality: Quality
    budget_nanos: int | None  # the request's own budget; None: only the windows limit it
    input_tokens: int  # expected, from estimates.tokens.estimate_input_tokens; without images
    input_bound_base: int  # from estimates.tokens.input_bound_base; without allowance and images
    model: str | None = None  # the caller's override: only this id is considered
    max_tokens: int | None = None  # the caller's output cap
    allow_lower_quality: bool = True
    excluded: Mapping[str, str] = field(default_factory=dict)  # model id -> reason in words
    needs: frozenset[Need] = frozenset()  # what the model must be able to do
    reasoning_effort: str | None = None  # sent as `abilities.effort_for` says
    images: int = 0  # image parts; each is `ModelSpec.image_tokens` of input at most
    only: str | None = None  # retry: only this id, though the caller did not ask for it

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        if min(self.input_tokens, self.input_bound_base, self.images) < 0:
            raise ValueError("token counts must be >= 0")
        if self.reasoning_effort is not None and not is_effort(self.reasoning_effort):
            raise ValueError("a reasoning effort is a lower-case word")


@dataclass(frozen=True, slots=True)
class Funds:
    """What one budget window still has. `name` is for people: "alice's monthly budget"."""

    name: str
    available_nanos: int
    budget_pk: int | None = None
    model_pk: int | None = None  # only calls to this model are held in it; None: all


def funds_for(headroom: Sequence[Funds], model_pk: int) -> Sequence[Funds]:
    """The funds that a call to this model is held in."""
    return [funds for funds in headroom if funds.model_pk in (None, model_pk)]
