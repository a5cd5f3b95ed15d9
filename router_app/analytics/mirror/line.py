"""What one line of the request log says.

Only facts that never change once the call is closed: later corrections, a renamed person or model
and further attempts of the same request leave a line as it is, so that the file can be made again
byte for byte. Prompts are in it only where their owner turned storing them on.
"""

from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from router_app.analytics.mirror.facts import Candidate, Facts, Receipt
from router_app.money import plain_usd

_UNNAMED = Candidate()


def line_of(call: Facts, receipt: Receipt) -> bytes:
    """The line, with its newline, of a closed call.

    Pure ASCII: control characters and Unicode's line separators are escaped, so that no tool
    takes one line for two. Amounts are USD with every digit down to the nano-dollar.
    """
    known = _candidate(call, receipt)
    provider, model = known.provider or call.provider, known.id or call.model
    met = "true" if _quality_met(call, receipt, known) else "false"
    prompt = f',"prompt":{_escaped(call.prompt)}' if call.prompt else ""
    return (
        f'{{"at":{_instant(call.closed_at)},"id":{_uuid(call.decision)},"call":{_uuid(call.call)}'
        f',"attempt":{call.attempt},"user":{call.user},"key":{_text(call.key)}'
        f',"face":{_text(call.face)},"provider":{_text(provider)},"model":{_text(model)}'
        f',"task_type":{_text(call.task_type)},"quality":{_text(call.quality)},"quality_met":{met}'
        f',"outcome":{_text(call.outcome)},"failure_kind":{_text(call.failure_kind or None)}'
        f',"finish_reason":{_text(call.finish_reason or None)}{_amounts(call)}'
        f',"milliseconds":{_milliseconds(call.sent_at, call.closed_at)}{prompt}}}\n'
    ).encode("ascii")


def _amounts(call: Facts) -> str:
    estimated, actual = call.estimated_nanos, call.cost_nanos
    return (
        f',"input_tokens":{call.input_tokens},"cached_tokens":{call.cached_tokens}'
        f',"output_tokens":{call.output_tokens},"reasoning_tokens":{call.reasoning_tokens}'
        f',"usage_source":{_text(call.usage_source or None)}'
        f',"estimated_cost":{plain_usd(estimated)},"reserved":{plain_usd(call.reserved_nanos)}'
        f',"actual_cost":{plain_usd(actual)}'
        f',"variance_percent":{_variance_percent(estimated, actual)}'
    )


def _candidate(call: Facts, receipt: Receipt) -> Candidate:
    """The call's model as the receipt knew it; nameless if the receipt does not name it."""
    for candidate in receipt.candidates:
        if candidate.model_pk == call.model_pk:
            return candidate
    return _UNNAMED


def _quality_met(call: Facts, receipt: Receipt, known: Candidate) -> bool:
    # The decision's own flag speaks of its latest attempt, which may be another model.
    if known.score is None or receipt.floor is None:
        return bool(call.quality_met)
    return known.score.quality >= receipt.floor


def _variance_percent(estimated_nanos: int, actual_nanos: int) -> str:
    """To a tenth, a half to the even one; in integers only."""
    if estimated_nanos == 0:
        return "null"
    difference = actual_nanos - estimated_nanos
    tenths, rest = divmod(1000 * abs(difference), estimated_nanos)
    tenths += 2 * rest + tenths % 2 > estimated_nanos
    return f"{'-' if difference < 0 else ''}{tenths // 10}.{tenths % 10}"


def _milliseconds(sent_at: datetime | None, closed_at: datetime | None) -> str:
    """From sending to closing; null for a call that was never sent."""
    if sent_at is None or closed_at is None:
        return "null"
    return str(round((closed_at - sent_at).total_seconds() * 1000))


def _instant(moment: datetime | None) -> str:
    if moment is None:
        return "null"
    if moment.tzinfo is not None:  # SQLite's are told without, in UTC
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f'"{moment.isoformat(timespec="milliseconds")}Z"'


def _uuid(text: str) -> str:
    if len(text) == 32:  # as SQLite keeps them
        return f'"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"'
    return f'"{text}"'


@lru_cache(maxsize=1024)  # names and words that come again and again
def _text(text: str | None) -> str:
    return "null" if text is None else _escaped(text)


def _escaped(text: str) -> str:
    return quoted(text).replace("\x7f", "\\u007f")
