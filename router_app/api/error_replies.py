"""The shapes of errors, as the schema describes them. They are written by `errors.py`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from router_app.api.amounts import Usd


class ErrorBody(BaseModel):
    """Why there is no answer. `code` is stable; `message` is for people and may change."""

    model_config = ConfigDict(extra="allow")

    message: str
    type: str
    param: Annotated[str | None, Field(description="the field that is wrong")]
    code: str
    id: Annotated[UUID | None, Field(description="of the decision; only where a call was made")] = (
        None
    )
    actual_cost: Annotated[
        Usd | None, Field(description="of all attempts; only where a call was made")
    ] = None


class ErrorReply(BaseModel):
    """The shape of every error."""

    error: ErrorBody


class BudgetErrorBody(ErrorBody):
    """A budget does not allow the request; what would fit. Nothing was called."""

    budget: Annotated[str, Field(description="its name, or `request` for the request's own")]
    level: Annotated[
        str,
        Field(description="whose it is: site, workspace, member, user, key; request or none"),
    ]
    limit: Usd
    spent: Usd
    reserved: Usd
    available: Usd
    needed: Annotated[Usd, Field(description="for the cheapest model's shortest useful answer")]
    resets_at: datetime | None
    affordable_max_tokens: Annotated[
        int, Field(description="asking again with this max_tokens fits; 0: nothing does")
    ]
    cheapest_model: str | None


class BudgetErrorReply(BaseModel):
    """A 402: money, never rate. Asking again unchanged does not help before `resets_at`."""

    error: BudgetErrorBody


class NoCandidateBody(ErrorBody):
    """No model may serve the request, whatever it may cost."""

    reasons: Annotated[dict[str, str], Field(description="model -> why not")]


class NoCandidateReply(BaseModel):
    """A 422."""

    error: NoCandidateBody
