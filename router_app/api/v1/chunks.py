"""The bytes of a stream: everything but the text is made once, and put around each piece."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router_app.api.amounts import encode
from router_app.api.errors import body_of
from router_app.api.v1.receipts import completion_id
from router_app.api.v1.tool_calls import as_told
from router_app.errors import RouterError
from router_app.gateway.requests import Delta, RunEvent, Switched, Thinking, ToolCalls

DONE = b"data: [DONE]\n\n"
WAITING = b": waiting\n\n"  # a comment: it keeps the connection, and clients pass over it
PIECE_BYTES = 65_536  # about what a server holds for a client at once


class Chunks:
    """Writes the chunks of one answer. Before anything else say who speaks."""

    def __init__(
        self, decision_id: uuid.UUID, created: int, *, wants_usage: bool, tells_reasoning: bool
    ) -> None:
        self._shell: dict[str, Any] = {
            "id": completion_id(decision_id),
            "object": "chat.completion.chunk",
            "created": created,
            "model": None,
            "system_fingerprint": None,
        }
        self._usage = {"usage": None} if wants_usage else {}
        self._tells_reasoning = tells_reasoning
        self._has_begun = False
        usage = b',"usage":null' if wants_usage else b""
        self._end = b'},"logprobs":null,"finish_reason":null}]%b}\n\n' % usage

    def speak_as(self, model: str) -> None:
        """Who answers; another one where the first failed before it said anything."""
        if model == self._shell["model"]:
            return
        self._shell["model"] = model
        delta = b'data: %b,"choices":[{"index":0,"delta":{' % encode(self._shell)[:-1]
        self._role = delta + b'"role":"assistant","content":'
        self._text = delta + b'"content":'
        self._thinking = delta + b'"reasoning":'
        self._calls = delta + b'"tool_calls":'

    def pieces(self, events: Iterable[RunEvent]) -> Iterator[bytes]:
        """The events as chunks, put together to pieces of a size worth sending."""
        said = b"".join(map(self._chunk, events))
        if not self._has_begun:
            self._has_begun = True
            said = self._first(events) + said
        for start in range(0, len(said), PIECE_BYTES):
            yield said[start : start + PIECE_BYTES]

    def last(
        self, finish_reason: str | None, router: Mapping[str, Any], usage: Mapping[str, Any]
    ) -> bytes:
        """The end of a whole answer: why it ended, the receipt, and usage where it is wanted.

        Without a reason there was no answer: a dry run.
        """
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason}
        choices = [choice] if finish_reason else []
        end = b"" if self._has_begun or not finish_reason else self._first(())
        end += _event({**self._shell, "choices": choices, **self._usage, "router": router})
        if self._usage:
            end += _event({**self._shell, "choices": [], "usage": usage})
        return end + DONE

    def _first(self, events: Iterable[RunEvent]) -> bytes:
        """The chunk with the role. Where only tools are called, there is no text to add to."""
        only_calls = {type(event) for event in events} - {Thinking, Switched} == {ToolCalls}
        return self._role + (b"null" if only_calls else b'""') + self._end

    def _chunk(self, event: RunEvent) -> bytes:
        if isinstance(event, Delta):
            return self._text + encode(event.text) + self._end
        if isinstance(event, ToolCalls):
            return self._calls + as_told(event.calls) + self._end
        if isinstance(event, Thinking) and event.text and self._tells_reasoning:
            return self._thinking + encode(event.text) + self._end
        return b""


def error_event(error: RouterError) -> bytes:
    """Why the answer ends here. Clients raise it; no `[DONE]` follows."""
    return _event(body_of(error))


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % encode(value)
