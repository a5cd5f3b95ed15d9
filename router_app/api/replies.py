"""What callers get. Amounts are nano-dollars in these models and exact USD numbers in the JSON."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from router_app.analytics.attribution import Grouping, Kind
from router_app.api.amounts import Usd, encode
from router_app.routing.tasks import Quality, Task


class Reply(BaseModel):
    """Base: made by us, so nothing is validated loosely, and nothing is added on the way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def json_text(self) -> bytes:
        """The reply as it is sent."""
        return encode(self.model_dump())


class UsageReply(Reply):
    """Tokens of the call that answered. Cached is a part of input, reasoning a part of output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    source: Annotated[
        str | None,
        Field(description="reported by the provider, counted by us, or presumed; null: a dry run"),
    ]


class ScoreReply(Reply):
    """total = quality + bonus; the highest total wins."""

    total: int
    quality: int
    bonus: int


class DropReply(Reply):
    """Why a model is not in the running: a code for programs, a sentence for people."""

    code: str
    reason: str


class CandidateReply(Reply):
    """One model of the catalogue: its estimate and rank, or why it was dropped."""

    model: str
    name: str
    provider: str
    rank: Annotated[int | None, Field(description="1 was chosen, 2 would be next; null: dropped")]
    score: ScoreReply
    expected_cost: Annotated[Usd | None, Field(description="likely; what the choice is made by")]
    ceiling_cost: Annotated[Usd | None, Field(description="the most it can cost; what is held")]
    input_tokens: Annotated[int | None, Field(description="expected")]
    output_tokens: Annotated[int | None, Field(description="expected")]
    cap_tokens: Annotated[int | None, Field(description="the longest answer it would be let write")]
    dropped: DropReply | None


class ClampReply(Reply):
    """The longest answer was lowered to what a budget pays for."""

    budget: str
    from_tokens: int
    to_tokens: int


class SavingReply(Reply):
    """A budget was ahead of its pace, so the cheapest of near-equal models was preferred."""

    budget: str
    gone: Annotated[Usd, Field(description="of the limit: spent or held")]
    limit: Usd
    passed_seconds: Annotated[int, Field(description="of the period")]
    window_seconds: Annotated[int, Field(description="how long the period is")]
    near_equal_points: Annotated[int, Field(description="so far below the best an equal may score")]
    instead_of: Annotated[str | None, Field(description="the best; null: no equal was cheaper")]


class AttemptReply(Reply):
    """One call to a provider; every attempt is paid for by itself."""

    model: str
    outcome: str
    cost: Usd
    failure: Annotated[str | None, Field(description="in our words")]


class DecisionReply(Reply):
    """The receipt: which models there were, and why this one."""

    policy_version: str
    task_type: Task
    quality: Quality
    floor: Annotated[int, Field(description="the score of quality that was asked for")]
    route: Annotated[str, Field(description="the rule that chose")]
    clamp: ClampReply | None
    saving: SavingReply | None
    candidates: tuple[CandidateReply, ...]
    attempts: Annotated[
        tuple[AttemptReply, ...], Field(description="all calls, if it took more than one")
    ]


class LimitReply(Reply):
    """One budget that applies to this request, as it stands after it."""

    name: str
    period: str
    task_type: Annotated[str | None, Field(description="null: all tasks")]
    limit: Usd
    spent: Usd
    reserved: Annotated[Usd, Field(description="held for calls that are under way")]
    available: Usd
    resets_at: datetime | None


class BudgetReply(Reply):
    """What is left: in the tightest of the budgets, then in each. All null without a limit."""

    tightest: str | None
    left: Usd | None
    resets_at: datetime | None
    limits: tuple[LimitReply, ...]


class RouteReply(Reply):
    """The answer, what it cost, and why this model gave it."""

    id: Annotated[UUID | None, Field(description="of the decision; null for a dry run")]
    model: str
    response: Annotated[str | None, Field(description="null for a dry run")]
    estimated_cost: Usd
    actual_cost: Annotated[Usd, Field(description="of all attempts together")]
    tokens_used: Annotated[int, Field(description="input + output of the call that answered")]
    routing_reason: str
    quality_met: Annotated[bool, Field(description="false: the model is below the quality floor")]
    finish_reason: Annotated[
        str | None,
        Field(description="stop, length, content_filter, tool_calls, stopped or interrupted"),
    ]
    stand_in: Annotated[bool, Field(description="a small local model writes in place of the named")]
    note: str | None
    usage: UsageReply
    decision: DecisionReply
    budget: BudgetReply


class GroupReply(Reply):
    """One member's, key's, task's, model's or conversation's part of a period."""

    kind: Annotated[Kind, Field(description="what the id is an id of")]
    id: str
    name: Annotated[str | None, Field(description="null: a conversation, whose title is private")]
    requests: int
    cost: Usd
    average_cost: Annotated[Usd, Field(description="per request, rounded to the nano-dollar")]
    input_tokens: int
    output_tokens: int


class GroupsReply(Reply):
    """A page of groups, the dearest first; all pages sum to the total."""

    group_by: Grouping
    count: Annotated[int, Field(description="groups on all pages")]
    page: int
    pages: int
    rows: tuple[GroupReply, ...]


class StatsReply(Reply):
    """The caller's own requests in a period, or their team's."""

    total_requests: int
    total_cost: Usd
    average_cost: Annotated[Usd, Field(description="per request, rounded to the nano-dollar")]
    model_usage: Annotated[dict[str, int], Field(description="requests per model")]
    period: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    groups: Annotated[GroupsReply | None, Field(description="null without group_by")]


class HealthReply(Reply):
    """The process answers."""

    status: str
