"""What an OpenAI-compatible answer says, chunk by chunk or in one piece, without any IO.

A reader never raises on what a server sent. It keeps the first fault, ends there, and `result()`
says in the end whether the answer was whole. So what came before a fault is still handed out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from router_app.providers import failures
from router_app.providers.base import Delta as Delta
from router_app.providers.base import (
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from router_app.providers.sse import MAX_BODY_BYTES, EventParser, ServerEvent, TooLarge
from router_app.providers.tool_calls import UNSTORABLE, Calls, Joiner, indexed, read_calls, written
from router_app.providers.usage import read_usage

_FINISH_REASONS = {
    "function_call": "tool_calls",
    "tool_calls": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
_NAME = re.compile(r"[!-~]{1,200}")


class Answer:
    """What is known so far. `ended`: nothing further will be taken from this answer."""

    def __init__(self) -> None:
        self.ended = False
        self._done = False
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._usage_now: Usage | None = None  # what the chunk at hand reports
        self._request_id = ""
        self._model = ""
        self._anything_came = False
        self._failure: ProviderFailure | None = None

    @property
    def is_whole(self) -> bool:
        """The model has finished; only its usage may still come."""
        return self._done or bool(self._finish_reason)

    def broke(self, failure: ProviderFailure) -> None:
        """The connection or its limits ended the answer."""
        self._failure = self._failure or failure
        self.ended = True

    def held_back(self) -> Iterator[Delta]:
        """What is only handed out once the answer is known to be whole."""
        return iter(())

    def result(self) -> Finished:
        """The last event. Raises ProviderFailure unless the answer is whole.

        A fault after the finish reason changes nothing: the answer had been given.
        """
        if not self.is_whole:
            failure = self._failure or failures.broken("the stream ended without an end")
            failure.usage = self._usage
            failure.retry = failure.retry and not self._anything_came
            raise failure
        reason = _FINISH_REASONS.get(self._finish_reason, "stop")
        return Finished(reason, self._usage, self._request_id, self._model)

    def _take(self, answer: Any, member: str) -> Iterator[Delta]:
        """Take one JSON object; `member` of its first choice holds the text."""
        if not isinstance(answer, Mapping):
            return self.broke(failures.garbage("the provider's answer is not an object"))
        extras = _mapping(answer.get("x_groq"))
        self._take_facts(answer, extras)
        error = answer.get("error") or extras.get("error")
        if error:
            return self._take_error(error)
        choice = _first_choice(answer)
        yield from self._take_parts(_mapping(choice.get(member)))
        self._take_reason(choice.get("finish_reason"))

    def _take_reason(self, reason: Any) -> None:
        if reason == "error":  # how some routers end a stream that failed behind them
            self._take_error(reason)
        elif isinstance(reason, str):
            self._finish_reason = reason

    def _take_facts(self, answer: Mapping[str, Any], extras: Mapping[str, Any]) -> None:
        """Usage comes up to twice with the same numbers: the last valid one counts, no sums."""
        self._usage_now = read_usage(answer.get("usage")) or read_usage(extras.get("usage"))
        self._usage = self._usage_now or self._usage
        self._request_id = _name(extras.get("id")) or self._request_id or _name(answer.get("id"))
        self._model = _name(answer.get("model")) or self._model

    def _take_error(self, error: Any) -> None:
        came = self._anything_came
        self.broke(failures.error_inside(error, anything_came=came, usage=self._usage))

    def _take_parts(self, parts: Mapping[str, Any]) -> Iterator[Delta]:
        thought = _text(parts.get("reasoning")) or _text(parts.get("reasoning_content"))
        text = _text(parts.get("content"))
        calls = read_calls(parts.get("tool_calls"))
        if thought or text or calls:
            self._anything_came = True
            self._usage = self._usage_now  # what was reported before this text does not count it
        if thought:
            yield ReasoningDelta(thought)
        if text:
            yield TextDelta(text)
        if calls:
            yield from self._take_calls(calls)

    def _take_calls(self, calls: Calls) -> Iterator[Delta]:
        if data := written(calls):
            yield ToolCallsDelta(data)


class StreamedAnswer(Answer):
    """An answer as server-sent events.

    `join_calls`: who asked for a whole answer gets complete tool calls, at the end; the pieces of
    an answer without an end are no calls.
    """

    def __init__(self, *, join_calls: bool = False) -> None:
        super().__init__()
        self._parser = EventParser()
        self._joiner = Joiner() if join_calls else None

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Yield the deltas that `chunk` completes; an empty chunk is the end of the stream."""
        events = self._parser.feed(chunk) if chunk else self._parser.close()
        try:
            for event in events:
                yield from self._take_event(event, at_end=not chunk)
                if self.ended:
                    return
        except TooLarge as error:
            self.broke(failures.garbage(f"too large: {error}"))
        self.ended = self.ended or not chunk

    def _take_calls(self, calls: Calls) -> Iterator[Delta]:
        if self._joiner is None:
            yield from super()._take_calls(calls)
        else:
            self._joiner.add(calls)

    def held_back(self) -> Iterator[Delta]:
        """What is only handed out once the answer is known to be whole."""
        if self._joiner and self.is_whole and (calls := self._joiner.complete()):
            yield from super()._take_calls(calls)

    def _take_event(self, event: ServerEvent, *, at_end: bool) -> Iterator[Delta]:
        if event.data.strip() == "[DONE]":
            self._done = self.ended = True
            return
        answer = _json(event.data)
        if isinstance(answer, ProviderFailure):
            self.broke(failures.broken("the stream was cut") if at_end else answer)
        elif event.name == "error":
            self._take_error(_mapping(answer).get("error") or answer)
        else:
            yield from self._take(answer, "delta")


class WholeAnswer(Answer):
    """An answer in one piece. `as_stream`: its tool calls are numbered as in a stream."""

    def __init__(self, *, as_stream: bool = False) -> None:
        super().__init__()
        self._body = bytearray()
        self._as_stream = as_stream

    def feed(self, chunk: bytes) -> Iterator[Delta]:
        """Collect; at the end of the body (an empty chunk) yield what it holds."""
        self._body += chunk
        if len(self._body) > MAX_BODY_BYTES:
            self._body.clear()
            self.broke(failures.garbage(f"too large: more than {MAX_BODY_BYTES:,} bytes"))
        elif not chunk:
            yield from self._take_body()
            self.ended = True

    def _take_calls(self, calls: Calls) -> Iterator[Delta]:
        yield from super()._take_calls(indexed(calls) if self._as_stream else calls)

    def _take_body(self) -> Iterator[Delta]:
        answer = _json(self._body.decode("utf-8", "replace"))
        if isinstance(answer, ProviderFailure):
            return self.broke(answer)
        yield from self._take(answer, "message")
        if self._anything_came and not self.ended:
            self._done = True  # a body that came whole is whole, with or without a reason
        elif not self.is_whole:
            self.broke(failures.garbage("the provider's answer holds none"))


def _json(text: str) -> Any:
    """The value, or a ProviderFailure: never the parser's error, which quotes the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return failures.garbage("the provider sent something that is not JSON")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first_choice(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = answer.get("choices")
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _text(value: Any) -> str:
    return UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else ""


def _name(value: Any) -> str:
    """An id or a model's name as it may be stored: short, printable ASCII; else nothing."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""
