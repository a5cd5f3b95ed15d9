"""What a provider is to the gateway: one method that streams events, and one failure type.

`complete()` does not exist: a whole answer is a stream that was drained. A provider adapter never
retries; it says in its failure whether retrying makes sense and whether money may have been spent,
and the gateway decides, because every attempt needs a reservation of its own.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from router_app.records import Record


class UsageSource(StrEnum):
    """Where token counts come from."""

    REPORTED = "reported"  # the provider said so
    COUNTED = "counted"  # by us: the stream broke before the provider said
    PRESUMED = "presumed"  # nothing is known


class Usage(Record, frozen=True):
    """Tokens of one call. Cached is a subset of input, reasoning a subset of output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    source: UsageSource = UsageSource.REPORTED


class Endpoint(Record, frozen=True):
    """Where a provider lives. The key never shows in a repr."""

    UNSHOWN = frozenset({"api_key"})

    slug: str
    base_url: str  # ends before "/chat/completions"
    api_key: str = ""


class Limits(Record, frozen=True):
    """Time limits of one call, in seconds; each failure names the one that bit."""

    connect: float = 5.0
    first_token: float = 30.0
    between_tokens: float = 20.0
    whole: float = 60.0  # for an answer in one piece: a fallback must still fit into `total`
    total: float = 120.0


class CallRequest(Record, frozen=True):
    """One attempt. `max_output_tokens` is the very cap that was reserved, and is always sent."""

    UNSHOWN = frozenset({"messages", "extra"})

    endpoint: Endpoint
    model: str
    messages: Sequence[Mapping[str, Any]]
    max_output_tokens: int
    limits: Limits = Limits()
    stream: bool = True  # False: ask for the answer in one piece
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)  # further body members


class TextDelta(Record, frozen=True):
    """A piece of the answer."""

    UNSHOWN = frozenset({"text"})

    text: str


class ReasoningDelta(Record, frozen=True):
    """A piece of the model's thinking: billed as output, not part of the answer."""

    UNSHOWN = frozenset({"text"})

    text: str


class ToolCallsDelta(Record, frozen=True):
    """The model wants tools called: what stood under `tool_calls`, as a JSON array.

    Streamed arrays are pieces that carry an `index`; a whole answer's array is complete.
    """

    UNSHOWN = frozenset({"calls"})

    calls: bytes


class Finished(Record, frozen=True):
    """The last event of a whole answer: nothing follows it."""

    finish_reason: str  # stop, length, tool_calls, content_filter
    usage: Usage | None  # None: the provider did not report any; count it
    provider_request_id: str = ""
    model_returned: str = ""


Delta = TextDelta | ReasoningDelta | ToolCallsDelta
Event = Delta | Finished


class FailureKind(StrEnum):
    """What went wrong, as far as the gateway must tell apart."""

    CONNECT = "connect"  # never reached the provider
    TIMEOUT = "timeout"  # one of Limits
    OVERLOADED = "overloaded"  # 429, 498, 503
    SERVER = "server"  # other 5xx
    REJECTED = "rejected"  # 400, 422: the provider does not take this request
    TOO_LONG = "too_long"  # 413, context_length_exceeded: the prompt does not fit this model
    CREDENTIALS = "credentials"  # 401, 403: our key is wrong
    MODEL_GONE = "model_gone"  # 404 model_not_found, decommissioned
    OUT_OF_MONEY = "out_of_money"  # the provider's own spending limit
    PROTOCOL = "protocol"  # garbage, HTML, a body or line too large, an error inside a 200
    BROKEN_STREAM = "broken_stream"  # ended without an end


class Billing(StrEnum):
    """Whether a failed call may have cost money."""

    NOT_BILLED = "not_billed"  # provably: never sent, or refused with a status that is not billed
    UNKNOWN = "unknown"  # may have: count what came, else presume


class ProviderFailure(Exception):
    """A call that did not end with `Finished`.

    `detail` is in our words and safe to log; the provider's own text is never kept.
    """

    def __init__(
        self,
        kind: FailureKind,
        detail: str,
        *,
        billing: Billing,
        retry: bool = False,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.billing = billing
        self.retry = retry  # the same model may be asked again
        self.retry_after_seconds = retry_after_seconds
        self.status = status
        self.usage = usage  # what the provider reported before it failed, if it did


class Provider(Protocol):
    """An adapter for one wire protocol. Stateless but for its connections."""

    def stream(self, request: CallRequest) -> AsyncGenerator[Event]:
        """Make the call; yield deltas, then exactly one `Finished`. Raises ProviderFailure.

        Closing the iterator early (aclose) closes the connection to the provider.
        """
        ...

    async def aclose(self) -> None:
        """Close idle connections."""
        ...
