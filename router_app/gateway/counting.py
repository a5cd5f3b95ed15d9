"""What a call that broke is charged: usage counted by us where the provider said none.

Counted is meant to err on the side of the bill: the input with a margin and the model's template,
each delta at least one token, whatever our estimate of its text says. Never more than was held.
"""

from datetime import UTC, datetime

from router_app.estimates.tokens import estimate_tokens
from router_app.gateway.requests import Admission
from router_app.providers.base import Usage, UsageSource


class Meter:
    """Counts what one call streams."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.first_token_at: datetime | None = None
        self._deltas = 0
        self._thinking: list[str] = []
        self._tool_calls: list[bytes] = []
        self.parts: list[str] = []

    def saw_text(self, text: str) -> None:
        """A piece of the answer came."""
        self.parts.append(text)
        self._count()

    def saw_thinking(self, text: str) -> None:
        """A piece of reasoning came: billed, not shown."""
        self._thinking.append(text)
        self._count()

    def saw_tool_calls(self, calls: bytes) -> None:
        """A piece of a tool call came: billed like text."""
        self._tool_calls.append(calls)
        self._count()

    def _count(self) -> None:
        if self._deltas == 0:
            self.first_token_at = datetime.now(UTC)
        self._deltas += 1

    @property
    def saw_anything(self) -> bool:
        """Whether the provider produced a token."""
        return self._deltas > 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.parts)

    @property
    def thinking(self) -> str:
        """The reasoning so far."""
        return "".join(self._thinking)

    @property
    def tool_calls(self) -> bytes:
        """What came of tool calls, in one piece."""
        return b"".join(self._tool_calls)

    def usage(self) -> Usage:
        """The call's tokens as counted."""
        thought = estimate_tokens(self.thinking)
        called = estimate_tokens(self.tool_calls.decode("utf-8", "replace"))
        output = max(estimate_tokens(self.text) + thought + called, self._deltas)
        return Usage(
            input_tokens=self._admission.counted_input_tokens,
            output_tokens=min(output, self._admission.cap_tokens),
            reasoning_tokens=min(thought, self._admission.cap_tokens),
            source=UsageSource.COUNTED,
        )
