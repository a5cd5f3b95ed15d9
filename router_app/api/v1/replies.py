"""What callers get, as the schema describes it. The JSON itself is written by `receipts.py`.

Building these models for every answer and every chunk would cost several times what the rest of
this face does; tests hold the JSON to them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from router_app.api.amounts import Usd
from router_app.api.replies import ClampReply, Reply, SavingReply
from router_app.routing.tasks import Quality, Task


class PromptTokensDetails(Reply):
    """Parts of the prompt's tokens."""

    cached_tokens: int


class CompletionTokensDetails(Reply):
    """Parts of the answer's tokens."""

    reasoning_tokens: int


class ChatUsage(Reply):
    """Tokens of the call that answered, and what all attempts together cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails
    cost: Usd


class TightestBudget(Reply):
    """What is left in the tightest of the budgets that cover this request."""

    tightest: Annotated[str | None, Field(description="its name; null: no limit")]
    left: Usd | None
    resets_at: datetime | None


class RouterReply(Reply):
    """Who answered and why, and what it was paid from."""

    id: Annotated[UUID | None, Field(description="of the decision; null for a dry run")]
    call_id: Annotated[UUID | None, Field(description="of the call; null for a dry run")]
    model: str
    provider: str
    reason: str
    quality_met: Annotated[bool, Field(description="false: the model is below the quality floor")]
    task_type: Task
    quality: Quality
    stand_in: Annotated[bool, Field(description="a small local model writes in place of the named")]
    note: str | None
    estimated_cost: Usd
    actual_cost: Annotated[Usd, Field(description="of all attempts together, as `usage.cost`")]
    usage_source: Annotated[
        str | None, Field(description="`reported`, `counted` or `presumed`; null: a dry run")
    ]
    attempts: Annotated[int, Field(description="calls that it took; 0 for a dry run")]
    clamp: ClampReply | None
    saving: SavingReply | None
    budget: TightestBudget


class FunctionReply(Reply):
    """Which function, with what."""

    name: str
    arguments: Annotated[str, Field(description="JSON, as the model wrote it")]


class ToolCallReply(Reply):
    """A call that the model asks for."""

    id: str
    type: Literal["function"]
    function: FunctionReply


class MessageReply(Reply):
    """The answer."""

    role: Literal["assistant"]
    content: Annotated[str | None, Field(description="null where only tools are called")]
    refusal: None
    reasoning: Annotated[
        str, Field(description="the model's thinking; left out where it told none")
    ] = ""
    tool_calls: Annotated[
        list[ToolCallReply], Field(description="left out where no tool is called")
    ] = []


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class ChoiceReply(Reply):
    """The one answer there is."""

    index: Literal[0]
    message: MessageReply
    logprobs: None
    finish_reason: FinishReason


class ChatReply(Reply):
    """A whole answer. A dry run has no `choices`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: Annotated[list[ChoiceReply], Field(max_length=1)]
    usage: ChatUsage
    service_tier: None
    system_fingerprint: None
    router: RouterReply


class FunctionPiece(Reply):
    """A piece of a function's name or arguments."""

    name: str | None = None
    arguments: str | None = None


class ToolCallPiece(Reply):
    """A piece of a call; pieces of one `index` belong together."""

    index: int
    id: str | None = None
    type: str | None = None
    function: FunctionPiece | None = None


class DeltaReply(Reply):
    """What came since the last chunk."""

    role: Literal["assistant"] = "assistant"
    content: Annotated[str | None, Field(description="null only beside the role")] = ""
    reasoning: str = ""
    tool_calls: list[ToolCallPiece] = []


class ChunkChoice(Reply):
    """A piece of the one answer."""

    index: Literal[0]
    delta: DeltaReply
    logprobs: None
    finish_reason: FinishReason | None


class ChunkReply(Reply):
    """A `data:` line of a stream. After the last one comes `data: [DONE]`.

    `router` comes with the finish reason; `usage` in a chunk of its own without choices, where
    `stream_options.include_usage` asked for it.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: None
    choices: Annotated[list[ChunkChoice], Field(max_length=1)]
    usage: ChatUsage | None = None
    router: RouterReply | None = None


class PricingReply(Reply):
    """USD per token, as text."""

    prompt: str
    completion: str
    input_cache_read: str


class ModelReply(Reply):
    """A model that can be asked for, or `auto` with what it is to go by."""

    id: str
    object: Literal["model"]
    created: Annotated[int, Field(description="0: it is not kept")]
    owned_by: Annotated[str, Field(description="its provider; `budget-router` for `auto`")]
    name: str
    context_window: int
    max_completion_tokens: int
    pricing: Annotated[PricingReply | None, Field(description="null for `auto`")]
    supports: list[str]
    quality: Annotated[int | None, Field(description="the score, 0 to 100; null for `auto`")]
    strengths: list[Task]
    active: bool


class ModelsReply(Reply):
    """Every model that can be asked for."""

    object: Literal["list"]
    data: list[ModelReply]


ANY_EVENT: dict[str, Any] = {"type": "string", "description": "Server-sent events."}
