"""What an admission is asked for: one attempt of a request, and what came of it."""

import uuid
from collections.abc import Callable, Mapping

import msgspec

from router_app.errors import RouterError
from router_app.estimates.tokens import estimate_input_tokens, input_bound_base
from router_app.gateway.requests import Admission, RouteRequest
from router_app.records import Record

# Runs in the admission's transaction; returns the id of the message to write the answer into.
Recorder = Callable[[Admission | RouterError], uuid.UUID | None]
Outcome = tuple[Admission | RouterError, uuid.UUID | None]


class Attempt(Record, frozen=True):
    """Which attempt of a request is to be admitted, and what the ones before it taught."""

    number: int = 1
    decision_id: uuid.UUID | None = None
    excluded: Mapping[str, str] | None = None  # model id -> why it is out, in words
    only: str | None = None  # retry this very model
    seconds_left: float | None = None  # of the whole request's time


class Sizes(Record, frozen=True):
    """Token counts of the messages; computed once, outside the transaction."""

    input_tokens: int
    input_bound_base: int

    @classmethod
    def of(cls, request: RouteRequest) -> "Sizes":
        """Measure a request, its tools and schemas included; images are the model's business."""
        schemas = request.schema_json
        return cls(
            estimate_input_tokens(request.messages, tools_json=schemas),
            input_bound_base(request.messages, tools_json=schemas),
        )


class Asked(Record, frozen=True):
    """One attempt that wants to be admitted. `made` is what came of it before, where it is done
    again: nobody was told whether that was committed."""

    request: RouteRequest
    sizes: Sizes
    attempt: Attempt = Attempt()
    record: Recorder | None = None
    made: list[Outcome] = msgspec.field(default_factory=list)
