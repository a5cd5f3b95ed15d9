"""What the faces hand to the gateway, and what they get back. Amounts in nano-dollars."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from router_app.budgets.plans import OpenWindow
from router_app.budgets.statements import Statement
from router_app.catalog.snapshot import ProviderSpec
from router_app.errors import RouterError
from router_app.models import RoutingDecision
from router_app.money import Rates
from router_app.providers.base import Usage
from router_app.records import Record
from router_app.routing.decision import Decision
from router_app.routing.needs import Need
from router_app.routing.specs import ModelSpec
from router_app.routing.tasks import Quality, Task

Face = RoutingDecision.Face
Outcome = RoutingDecision.Outcome

MAX_PROMPT_CHARACTERS = 100_000  # of one prompt, whichever face it comes by


class RouteRequest(Record, frozen=True):
    """One prompt, validated by a face. `messages` are OpenAI-shaped, the prompt last."""

    UNSHOWN = frozenset({"messages", "extra", "schema_json"})

    user_id: int
    face: Face
    messages: tuple[Mapping[str, Any], ...]
    task: Task = Task.GENERAL
    quality: Quality = Quality.MEDIUM
    budget_nanos: int | None = None
    model: str | None = None
    max_tokens: int | None = None
    allow_lower_quality: bool = True
    api_key_id: int | None = None
    workspace_id: int | None = None  # None: the key's, else the person's own
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)  # to the provider as it is
    needs: frozenset[Need] = frozenset()  # what a model must be able to do
    reasoning_effort: str | None = None
    images: int = 0  # how many image parts the messages hold
    schema_json: str = ""  # tools and schemas, as the model reads them
    whole: bool = False  # ask the provider for the answer in one piece

    @property
    def shows_thinking(self) -> bool:
        """Whether the caller is sent the model's thinking while it comes."""
        return self.face is Face.V1 and not self.whole

    @property
    def prompt(self) -> str:
        """The text of the last message; of its text parts, where it has several."""
        content = self.messages[-1].get("content")
        if content is None or isinstance(content, str):
            return content or ""
        return "\n".join(part["text"] for part in content if part.get("type") == "text")


class Admission(Record, frozen=True):
    """A decision with the money for it held: what a provider call needs as its argument."""

    decision_id: uuid.UUID
    call_id: uuid.UUID
    reservation_id: uuid.UUID
    attempt: int
    decision: Decision
    spec: ModelSpec
    provider: ProviderSpec
    rates: Rates
    cap_tokens: int
    reserved_nanos: int
    user_id: int
    workspace_id: int
    api_key_id: int | None
    windows: tuple[OpenWindow, ...]  # that hold the money; their counters are of no moment here
    admitted_at: datetime
    lease_ends_at: datetime

    @property
    def counted_input_tokens(self) -> int:
        """Input tokens to charge when the provider does not say: expected plus a quarter, plus the
        model's template, within the bound that was held."""
        chosen = self.decision.chosen
        if chosen is None or chosen.estimate is None:
            return 0
        expected = chosen.estimate.expected_input_tokens
        likely = expected + -(-expected // 4) + self.spec.template_allowance_tokens
        return min(likely, chosen.estimate.bound_input_tokens)


class Answer(Record, frozen=True):
    """How a request ended: the text that came, and what it cost."""

    UNSHOWN = frozenset({"text", "reasoning", "tool_calls"})

    decision_id: uuid.UUID
    call_id: uuid.UUID
    outcome: Outcome
    text: str
    model: str
    model_name: str
    provider: str
    stand_in: bool
    finish_reason: str
    usage: Usage
    estimated_nanos: int
    reserved_nanos: int
    cost_nanos: int  # of the call that answered
    total_cost_nanos: int  # of every attempt
    attempts: int
    decision: Decision
    closed_at: datetime
    budgets: tuple[Statement, ...]  # as they stand after this answer
    error: RouterError | None = None  # it was cut off: the text is not whole
    reasoning: str = ""  # the model's thinking, where it was told
    tool_calls: bytes = b""  # whole answers only: a JSON array, or b""


class Delta(Record, frozen=True):
    """A piece of the answer's text."""

    UNSHOWN = frozenset({"text"})

    text: str


class Thinking(Record, frozen=True):
    """The model is reasoning: nothing to show yet, tokens are being spent."""

    UNSHOWN = frozenset({"text"})

    text: str = ""


class ToolCalls(Record, frozen=True):
    """The model wants tools called: a JSON array, in pieces where the answer is streamed."""

    UNSHOWN = frozenset({"calls"})

    calls: bytes


class Switched(Record, frozen=True):
    """Another attempt begins before any text came: a retry, or the next candidate."""

    model: str
    reason: str


RunEvent = Delta | Thinking | ToolCalls | Switched
