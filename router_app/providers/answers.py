"""What an OpenAI-compatible answer says, chunk by chunk or in one piece, without any IO.

A reader never raises on what a server sent. It keeps the first fault, ends there, and `result()`
says in the end whether the answer was whole. So what came before a fault is still handed out.
"""

import re
from typing import Any

from router_app.providers import failures
from router_app.providers.base import (
    Delta,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from router_app.providers.chunks import Choice, Chunk, Parts, read_chunk, read_json, text_of
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

_NO_EXTRAS: dict[str, Any] = {}
_NO_CALLS: Calls = ()


class Answer:
    """What is known so far. `ended`: nothing further will be taken from this answer."""

    def __init__(self) -> None:
        self.ended = False
        self._deltas: list[Delta] = []  # taken, and not handed out yet
        self._done = False
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._usage_now: Usage | None = None  # what the chunk at hand reports
        self._request_id = ""
        self._model = ""
        self._model_as_sent = ""
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

    def _parts_of(self, choice: Choice) -> Parts | None:
        raise NotImplementedError

    def _take(self, chunk: Chunk) -> None:
        groq = chunk.x_groq if isinstance(chunk.x_groq, dict) else _NO_EXTRAS
        self._usage_now = None
        if groq or chunk.usage or not self._request_id or chunk.model != self._model_as_sent:
            self._take_facts(chunk, groq)
        error = chunk.error or groq.get("error")
        if error:
            self._take_error(error)
        elif chunk.choices:
            choice = chunk.choices[0]
            parts = self._parts_of(choice)
            if parts is not None:
                self._take_parts(parts)
            if choice.finish_reason is not None:
                self._take_reason(choice.finish_reason)

    def _take_facts(self, chunk: Chunk, groq: dict[str, Any]) -> None:
        """Usage comes up to twice with the same numbers: the last valid one counts, no sums."""
        if groq or chunk.usage:
            self._usage_now = read_usage(chunk.usage) or read_usage(groq.get("usage"))
            self._usage = self._usage_now or self._usage
            self._request_id = _name(groq.get("id")) or self._request_id
        if not self._request_id:
            self._request_id = _name(chunk.id)
        if isinstance(chunk.model, str) and chunk.model != self._model_as_sent:
            self._model_as_sent = chunk.model
            self._model = _name(chunk.model) or self._model

    def _take_reason(self, reason: Any) -> None:
        if reason == "error":  # how some routers end a stream that failed behind them
            self._take_error(reason)
        elif isinstance(reason, str):
            self._finish_reason = reason

    def _take_error(self, error: Any) -> None:
        came = self._anything_came
        self.broke(failures.error_inside(error, anything_came=came, usage=self._usage))

    def _take_parts(self, parts: Parts) -> None:
        text = _text(parts.content)
        thought, calls = "", _NO_CALLS
        if parts.reasoning or parts.reasoning_content:
            thought = _text(parts.reasoning) or _text(parts.reasoning_content)
        if parts.tool_calls:
            calls = read_calls(parts.tool_calls)
        if thought or text or calls:
            self._anything_came = True
            self._usage = self._usage_now  # what was reported before this text does not count it
        if thought:
            self._deltas.append(ReasoningDelta(thought))
        if text:
            self._deltas.append(TextDelta(text))
        if calls:
            self._take_calls(calls)

    def _take_calls(self, calls: Calls) -> None:
        if data := written(calls):
            self._deltas.append(ToolCallsDelta(data))

    def _taken(self) -> list[Delta]:
        taken, self._deltas = self._deltas, []
        return taken


class StreamedAnswer(Answer):
    """An answer as server-sent events.

    `join_calls`: who asked for a whole answer gets complete tool calls, at the end; the pieces of
    an answer without an end are no calls.
    """

    def __init__(self, *, join_calls: bool = False) -> None:
        super().__init__()
        self._parser = EventParser()
        self._joiner = Joiner() if join_calls else None

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that `data` completes; without data: the stream has ended."""
        plain = self._parser.plain(data)
        if plain is None:
            self._feed_any(data)
        else:
            for event in plain:
                self._take_data(event)
                if self.ended:
                    break
        if not data:
            self.ended = True
        if self._joiner is not None and self.ended and self.is_whole:
            calls = self._joiner.complete()
            if calls:
                super()._take_calls(calls)
        return self._taken()

    def _feed_any(self, data: bytes) -> None:
        try:
            for event in self._parser.feed(data) if data else self._parser.close():
                self._take_event(event, at_end=not data)
                if self.ended:
                    return
        except TooLarge as error:
            self.broke(failures.garbage(f"too large: {error}"))

    def _take_event(self, event: ServerEvent, *, at_end: bool) -> None:
        if event.name != "error" or event.data.strip() == "[DONE]":
            return self._take_data(event.data, at_end=at_end)
        error = read_json(event.data)
        if isinstance(error, ProviderFailure):
            return self._take_garbage(error, at_end=at_end)
        return self._take_error((isinstance(error, dict) and error.get("error")) or error)

    def _take_data(self, data: bytes | str, *, at_end: bool = False) -> None:
        if data == b"[DONE]":
            self._done = self.ended = True
            return
        chunk = read_chunk(data)
        if isinstance(chunk, Chunk):
            self._take(chunk)
        elif text_of(data).strip() == "[DONE]":
            self._done = self.ended = True
        else:
            self._take_garbage(chunk, at_end=at_end)

    def _take_garbage(self, failure: ProviderFailure, *, at_end: bool) -> None:
        self.broke(failures.broken("the stream was cut") if at_end else failure)

    def _parts_of(self, choice: Choice) -> Parts | None:
        return choice.delta

    def _take_calls(self, calls: Calls) -> None:
        if self._joiner is None:
            super()._take_calls(calls)
        else:
            self._joiner.add(calls)


class WholeAnswer(Answer):
    """An answer in one piece. `as_stream`: its tool calls are numbered as in a stream."""

    def __init__(self, *, as_stream: bool = False) -> None:
        super().__init__()
        self._body = bytearray()
        self._as_stream = as_stream

    def feed(self, data: bytes) -> list[Delta]:
        """Collect; without data (the end of the body) the deltas that it holds."""
        self._body += data
        if len(self._body) > MAX_BODY_BYTES:
            self._body.clear()
            self.broke(failures.garbage(f"too large: more than {MAX_BODY_BYTES:,} bytes"))
        elif not data:
            self._take_body()
            self.ended = True
        return self._taken()

    def _take_body(self) -> None:
        chunk = read_chunk(self._body)
        if not isinstance(chunk, Chunk):
            self.broke(chunk)
            return
        self._take(chunk)
        if self._anything_came and not self.ended:
            self._done = True  # a body that came whole is whole, with or without a reason
        elif not self.is_whole:
            self.broke(failures.garbage("the provider's answer holds none"))

    def _parts_of(self, choice: Choice) -> Parts | None:
        return choice.message

    def _take_calls(self, calls: Calls) -> None:
        super()._take_calls(indexed(calls) if self._as_stream else calls)


def _text(value: Any) -> str:
    """A text as it may be stored and sent on; "" where it is none."""
    if not isinstance(value, str):
        return ""
    if value.isascii() and "\x00" not in value:
        return value
    return UNSTORABLE.sub("\ufffd", value)


def _name(value: Any) -> str:
    """An id or a model's name as it may be stored: short, printable ASCII; else nothing."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""
