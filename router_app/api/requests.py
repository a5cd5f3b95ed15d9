"""What callers may send, strictly: unknown fields and strings for numbers are refused."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from router_app.api.amounts import MOST_USD, budget_nanos
from router_app.gateway.keys import Principal
from router_app.gateway.requests import MAX_PROMPT_CHARACTERS, Face, RouteRequest
from router_app.routing.tasks import Quality, Task

MOST_MODEL_CHARACTERS = 160
MOST_OUTPUT_TOKENS = 1_000_000
MOST_PAGES = 1_000_000


EXAMPLE: JsonDict = {
    "prompt": "Explain quicksort",
    "task_type": "code",
    "budget": 0.01,
    "quality": "high",
    "dry_run": True,
}


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul", "must not contain the NUL character")
    return text


def _said_something(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return text


_USD_SCHEMA = {
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": MOST_USD,
    "description": "The most this request may cost, in US dollars; at most 9 decimals.",
    "examples": [0.01],
}

BudgetUsd = Annotated[int, BeforeValidator(budget_nanos), WithJsonSchema(_USD_SCHEMA)]
# Words come as strings, which strict enums would refuse; their values are matched exactly.
TaskWord = Annotated[Task, Field(strict=False)]
QualityWord = Annotated[Quality, Field(strict=False)]


class RouteBody(BaseModel):
    """A prompt, what it is for, and what it may cost."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [EXAMPLE]},
    )

    prompt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_PROMPT_CHARACTERS,
            description="The text to answer. Not blank, no NUL.",
            examples=["Explain quicksort"],
        ),
        AfterValidator(_said_something),
        AfterValidator(_without_nul),
    ]
    budget: BudgetUsd
    task_type: Annotated[
        TaskWord, Field(description="The kind of work; a model gets a bonus for its strengths.")
    ] = Task.GENERAL
    quality: Annotated[
        QualityWord, Field(description="How good the answer must be; sets a floor on the score.")
    ] = Quality.MEDIUM
    model: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MOST_MODEL_CHARACTERS,
            description="Ask this model and no other. Budgets hold all the same.",
        ),
        AfterValidator(lambda text: text and _without_nul(text)),
    ] = None
    max_tokens: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_OUTPUT_TOKENS,
            description="The longest answer wanted, in tokens. A budget may shorten it further.",
        ),
    ] = None
    dry_run: Annotated[
        bool, Field(description="Decide and price only: nothing is called, held or stored.")
    ] = False
    allow_lower_quality: Annotated[
        bool,
        Field(description="Whether a cheaper model below the quality floor may answer instead."),
    ] = True

    def for_caller(self, caller: Principal) -> RouteRequest:
        """The same for the gateway, on behalf of `caller`."""
        return RouteRequest(
            user_id=caller.user_id,
            workspace_id=caller.workspace_id,
            api_key_id=caller.api_key_id,
            face=Face.ROUTE,
            messages=({"role": "user", "content": self.prompt},),
            task=self.task_type,
            quality=self.quality,
            budget_nanos=self.budget,
            model=self.model,
            max_tokens=self.max_tokens,
            allow_lower_quality=self.allow_lower_quality,
        )


def _day(value: Any) -> Any:
    """Only as it is documented; pydantic would take seconds since 1970 for a day, too."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise PydanticCustomError("day", "must be a day as YYYY-MM-DD")
    return value


StatsDay = Annotated[date | None, BeforeValidator(_day)]
GroupsPage = Annotated[int, Field(ge=1, le=MOST_PAGES)]


class Whose(StrEnum):
    """Whose requests `GET /stats` counts."""

    MINE = "mine"
    TEAM = "team"  # everybody's in the workspace of the key


class Period(StrEnum):
    """Which days `GET /stats` counts, in the caller's time zone."""

    DAY = "day"  # today; budgets call it so
    TODAY = "today"
    WEEK = "week"  # the last seven days, today included
    MONTH = "month"  # since the first of this month
    TOTAL = "total"  # since the beginning; budgets call it so
    ALL = "all"
