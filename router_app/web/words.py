"""Codes of the database in the words a person reads."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from router_app.models import Call, RoutingDecision

Outcome = RoutingDecision.Outcome

STATUS = {
    Outcome.RUNNING: "Running",
    Outcome.ANSWERED: "Answered",
    Outcome.STOPPED: "Stopped",
    Outcome.INTERRUPTED: "Interrupted",
    Outcome.FAILED: "Failed",
}
STATUS_LONG = {
    Outcome.RUNNING: "The answer is still being written.",
    Outcome.ANSWERED: "The answer is whole.",
    Outcome.STOPPED: "It was stopped on request; what ran until then is charged.",
    Outcome.INTERRUPTED: "The stream broke; what arrived until then is charged.",
    Outcome.FAILED: "There is no answer.",
}
FACES = {
    RoutingDecision.Face.ROUTE: "API",
    RoutingDecision.Face.CHAT: "Chat",
    RoutingDecision.Face.COMMAND: "Command line",
    RoutingDecision.Face.V1: "API, as OpenAI's",
}
_CALL_OUTCOMES = {
    Call.Outcome.RUNNING: "Running",
    Call.Outcome.ANSWERED: "Answered",
    Call.Outcome.STOPPED: "Stopped: charged for what ran",
    Call.Outcome.INTERRUPTED: "Interrupted: charged for what ran",
    Call.Outcome.FAILED: "Failed",
    Call.Outcome.PRESUMED: "Unknown: the full amount held was booked",
}
_FAILURES = {
    "connect": "The provider could not be reached.",
    "timeout": "The provider took too long.",
    "overloaded": "The provider was overloaded.",
    "server": "The provider had a fault of its own.",
    "rejected": "The provider did not take this request.",
    "credentials": "The provider did not accept this site's key.",
    "model_gone": "The provider no longer serves this model.",
    "out_of_money": "This site's account at the provider is used up.",
    "protocol": "The provider's answer could not be understood.",
    "broken_stream": "The answer broke off before its end.",
    "lost": "The server stopped while this call was under way.",
}
_FINISHES = {
    "stop": "",  # the model had finished: nothing to say
    "length": "Cut at the longest answer that was allowed",
    "content_filter": "Ended by the provider's content filter",
    "tool_calls": "The model asked for a tool",
}
_USAGE_SOURCES = {
    "reported": "as the provider reported",
    "counted": "counted here, because the provider did not report",
    "presumed": "not known, so the full amount held was booked",
}


def status(outcome: str) -> str:
    """A request's state in a word."""
    return STATUS.get(Outcome(outcome), outcome)


def call_outcome(outcome: str, *, was_sent: bool) -> str:
    """How an attempt ended."""
    if not was_sent and outcome != Call.Outcome.RUNNING:
        return "Never sent"
    return _CALL_OUTCOMES.get(Call.Outcome(outcome), outcome)


def failure(kind: str) -> str:
    """What went wrong; empty where nothing did."""
    return _FAILURES.get(kind, kind)


def finish(reason: str) -> str:
    """Why the model stopped writing."""
    return _FINISHES.get(reason, reason)


def usage_source(source: str) -> str:
    """Where token counts come from."""
    return _USAGE_SOURCES.get(source, source)


def first_words(reason: str) -> str:
    """Why a model, up to the numbers: those are in the receipt."""
    return re.split("[:;]", reason, maxsplit=1)[0]


def variance(estimated_nanos: int, actual_nanos: int | None) -> str:
    """Actual against estimated, as "+12.3 %"; empty where there is nothing to compare."""
    if actual_nanos is None or estimated_nanos == 0:
        return ""
    exact = Decimal(100 * (actual_nanos - estimated_nanos)) / estimated_nanos
    percent = exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN)
    sign = "−" if percent < 0 else "+" if percent > 0 else "±"
    return f"{sign}{abs(percent)} %"
