"""The body of a chat completion, strictly: OpenAI's members, and `router` for what is ours.

Every member may be null where it may be left out, because clients send such nulls.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict

from router_app.api.requests import (
    MOST_MODEL_CHARACTERS,
    MOST_OUTPUT_TOKENS,
    BudgetUsd,
    QualityWord,
    TaskWord,
)
from router_app.api.v1.messages import Messages, without_nul
from router_app.api.v1.tools import ResponseFormat, ToolChoice, Tools
from router_app.api.v1.unsupported import NEVER, USE_TOOLS, only

MOST_STOPS = 4
MOST_STOP_CHARACTERS = 1_000
MOST_USER_CHARACTERS = 256
MOST_LABELS = 16

EXAMPLE: JsonDict = {
    "model": "auto:code",
    "messages": [{"role": "user", "content": "Explain quicksort"}],
    "router": {"budget": 0.01, "dry_run": True},
}

StopWord = Annotated[str, Field(min_length=1, max_length=MOST_STOP_CHARACTERS)]
Tokens = Annotated[int, Field(ge=1, le=MOST_OUTPUT_TOKENS)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"]


def _kind_of_stop(stop: Any) -> str | None:
    if isinstance(stop, str):
        return "<string>"
    return "<list>" if isinstance(stop, list) else None


Stop = Annotated[
    Annotated[StopWord, Tag("<string>")]
    | Annotated[list[StopWord], Field(max_length=MOST_STOPS), Tag("<list>")],
    Discriminator(
        _kind_of_stop,
        custom_error_type="stop",
        custom_error_message="must be a string or a list of strings",
    ),
]


class Body(BaseModel):
    """Base: unknown members and strings for numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


class RouterWishes(Body):
    """What the router can be told. SDKs send it as extra body."""

    task_type: Annotated[TaskWord | None, Field(description="null: general")] = None
    quality: Annotated[QualityWord | None, Field(description="null: medium")] = None
    budget: Annotated[
        BudgetUsd | None, Field(description="null: only the caller's own budgets hold")
    ] = None
    allow_lower_quality: Annotated[bool | None, Field(description="null: true")] = None
    dry_run: Annotated[
        bool | None,
        Field(description="Decide and price only: nothing is called, held or stored."),
    ] = None


class StreamOptions(Body):
    """What a stream tells besides the answer."""

    include_usage: Annotated[bool | None, Field(description="one more chunk, with `usage`")] = None
    include_obfuscation: Annotated[Any, only(False)] = None


class ChatBody(Body):
    """A conversation to go on with, and how."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    model: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MOST_MODEL_CHARACTERS,
            description="`auto`, `auto:` with a task, a quality or both, or a model's id.",
            examples=["auto", "auto:code:high"],
        ),
        AfterValidator(without_nul),
    ]
    messages: Messages
    router: RouterWishes | None = None

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: Stop | None = None
    user: Annotated[str, Field(max_length=MOST_USER_CHARACTERS)] | None = None
    reasoning_effort: Annotated[
        Effort | None, Field(description="Told to models that reason; others take no notice.")
    ] = None
    include_reasoning: Annotated[
        bool | None, Field(description="false: the model's thinking is not told")
    ] = None
    reasoning_format: Annotated[
        Literal["parsed", "hidden"] | None, Field(description="`hidden`: it is not told")
    ] = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None

    metadata: Annotated[
        Annotated[dict[str, str], Field(max_length=MOST_LABELS)] | None,
        Field(description="Taken and not used."),
    ] = None
    prompt_cache_key: Annotated[str | None, Field(description="Taken and not used.")] = None
    prompt_cache_retention: Annotated[str | None, Field(description="Taken and not used.")] = None
    safety_identifier: Annotated[str | None, Field(description="Taken and not used.")] = None

    n: Annotated[Any, only(1)] = None
    logprobs: Annotated[Any, only(False)] = None
    top_logprobs: Annotated[Any, only(0)] = None
    frequency_penalty: Annotated[Any, only(0)] = None
    presence_penalty: Annotated[Any, only(0)] = None
    logit_bias: Annotated[Any, only({})] = None
    store: Annotated[Any, only(False)] = None
    service_tier: Annotated[Any, only("auto", "default", "on_demand")] = None
    modalities: Annotated[Any, only(["text"])] = None
    verbosity: Annotated[Any, only("medium")] = None
    disable_tool_validation: Annotated[Any, only(False)] = None
    functions: Annotated[Any, USE_TOOLS] = None
    function_call: Annotated[Any, USE_TOOLS] = None
    audio: Annotated[Any, NEVER] = None
    prediction: Annotated[Any, NEVER] = None
    moderation: Annotated[Any, NEVER] = None
    web_search_options: Annotated[Any, NEVER] = None
    search_settings: Annotated[Any, NEVER] = None
    documents: Annotated[Any, NEVER] = None
    citation_options: Annotated[Any, NEVER] = None
    compound_custom: Annotated[Any, NEVER] = None
    prompt_cache_options: Annotated[Any, NEVER] = None

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted piece by piece."""
        return self.stream is True

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with a chunk of usage."""
        return self.stream_options is not None and self.stream_options.include_usage is True

    @property
    def tells_reasoning(self) -> bool:
        """Whether the caller wants to see the model's thinking, where there is any."""
        return self.include_reasoning is not False and self.reasoning_format != "hidden"

    @property
    def wishes(self) -> RouterWishes:
        """What the router was told; nothing where nothing was."""
        return self.router or _NO_WISHES


_NO_WISHES = RouterWishes()
