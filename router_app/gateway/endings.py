"""From how a call ended to how it is booked: the one place that decides between settle, release
and presume.

- a whole answer: settled at the reported usage, or at the counted where none was reported
- stopped by the person: settled at what ran; before it was sent: released
- failed, provably not billed, nothing came: released
- failed after something came, or with usage reported: settled at that
- failed, nothing came, nobody knows: presumed at the full amount
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from router_app.gateway.counting import Meter
from router_app.gateway.ended import Ending
from router_app.models import Call
from router_app.providers.base import Billing, Finished, ProviderFailure, Usage


@dataclass(frozen=True, slots=True)
class Stopped:
    """The person, or the server's end, stopped the call."""

    by_server: bool = False
    was_sent: bool = True  # False: the provider never heard of it


CallEnd = Finished | ProviderFailure | Stopped


def ending_of(
    end: CallEnd,
    meter: Meter,
    *,
    first_token_at: datetime | None = None,
    message_id: uuid.UUID | None = None,
    shows_thinking: bool = False,
) -> Ending:
    """How to book this end. One of which the caller saw something is the request's last: nothing
    is retried after. `shows_thinking`: the caller sees the model's thinking too."""
    seen = bool(meter.text or meter.tool_calls or (shows_thinking and meter.thinking))
    outcome, error = _outcome(end, seen)
    failure = end if isinstance(end, ProviderFailure) else None
    finished = end if isinstance(end, Finished) else None
    usage = _usage(end, meter)
    return Ending(
        outcome=outcome,
        usage=usage,
        released=usage is None and _is_free(end),
        was_sent=not isinstance(end, Stopped) or end.was_sent,
        finish_reason=finished.finish_reason if finished else "",
        failure=failure,
        provider_request_id=finished.provider_request_id if finished else "",
        first_token_at=first_token_at,
        last=outcome != Call.Outcome.FAILED,
        message_id=message_id,
        text=meter.text,
        error=error,
    )


def _outcome(end: CallEnd, seen: bool) -> tuple[Call.Outcome, dict[str, object] | None]:
    if isinstance(end, Finished):
        return Call.Outcome.ANSWERED, None
    if isinstance(end, Stopped):
        if end.by_server and not end.was_sent:
            message = "The server could not send this in time; no model was asked."
            return Call.Outcome.INTERRUPTED, {"code": "unavailable", "message": message}
        if end.by_server:
            message = "The server was shut down while this answer was being written."
            return Call.Outcome.INTERRUPTED, {"code": "shut_down", "message": message}
        return Call.Outcome.STOPPED, None
    if seen:
        message = "The connection to the provider broke before the answer was whole."
        return Call.Outcome.INTERRUPTED, {"code": "interrupted", "message": message}
    return Call.Outcome.FAILED, None


def _is_free(end: CallEnd) -> bool:
    """Whether nothing can have been billed, where nothing came."""
    if isinstance(end, ProviderFailure):
        return end.billing is Billing.NOT_BILLED
    return isinstance(end, Stopped) and not end.was_sent


def _usage(end: CallEnd, meter: Meter) -> Usage | None:
    if isinstance(end, Stopped) and not end.was_sent:
        return None
    reported = None if isinstance(end, Stopped) else end.usage
    if reported is not None and (reported.output_tokens or not meter.saw_anything):
        return reported  # no output reported for an answer that we read is no report
    if isinstance(end, ProviderFailure) and not meter.saw_anything:
        return None
    return meter.usage()
