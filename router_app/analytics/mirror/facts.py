"""What the lines say, read from the database: many at a time, as one piece of JSON.

A burst closes thousands of calls a second beside the thread that reads them here. Between any two
rows that thread would give the interpreter away and wait to get it back, so the database puts a
whole look together and it is taken apart at once; receipts only as far as a line needs them.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from django.db import connection

LINES_AT_ONCE = 100  # half a millisecond's work: nobody else may run in between


class Score(msgspec.Struct):
    """How a candidate was rated."""

    quality: int


class Candidate(msgspec.Struct):
    """A model as the receipt knew it."""

    model_pk: int | None = None
    id: str | None = None
    provider: str | None = None
    score: Score | None = None


class Receipt(msgspec.Struct):
    """What a line wants to know of a decision's receipt."""

    candidates: tuple[Candidate, ...] = ()
    floor: int | None = None


class Facts(msgspec.Struct, array_like=True):
    """A closed call; what of it and around it never changes, but for `line`."""

    closing: int  # ClosedCall's primary key
    line: int | None
    call: str
    closed_at: datetime | None
    sent_at: datetime | None
    attempt: int
    user: int
    model_pk: int
    task_type: str
    quality: str
    outcome: str
    failure_kind: str
    finish_reason: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    usage_source: str
    estimated_nanos: int
    reserved_nanos: int
    cost_nanos: int
    decision: str
    face: str
    quality_met: bool | int  # SQLite knows no booleans
    prompt: str
    key: str | None
    provider: str  # as it is called now; the receipt says what it was called then
    model: str


def due(after: int = 0) -> Iterator[tuple[Facts, Receipt]]:
    """Closed calls whose lines are due, in the order of closing; from a closing's key on."""
    while found := _read(_statement("closing.line IS NULL", "closing.id"), after):
        yield from found
        after = found[-1][0].closing


def numbered(after: int = 0) -> Iterator[tuple[Facts, Receipt]]:
    """Those that have lines, in their order; from a line's number on."""
    while found := _read(_statement("closing.line IS NOT NULL", "closing.line"), after):
        yield from found
        after = found[-1][0].line or after


def _read(statement: str, after: int) -> list[tuple[Facts, Receipt]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [after, LINES_AT_ONCE])
        look: str | None = cursor.fetchone()[0]
    if look is None:
        return []
    found = [(facts, _receipt(receipt)) for facts, receipt in _decoder.decode(look)]
    found.sort(key=lambda each: (each[0].line or 0, each[0].closing))
    return found


def _receipt(text: msgspec.Raw) -> Receipt:
    try:
        return _receipts.decode(text)
    except msgspec.ValidationError:
        return Receipt()  # of another shape than any of ours: it names no model


_decoder = msgspec.json.Decoder(list[tuple[Facts, msgspec.Raw]])
_receipts = msgspec.json.Decoder(Receipt)

_FACTS = """
    closing.id, closing.line, call.id, call.closed_at, call.sent_at, call.attempt, call.user_id,
    call.model_id, call.task_type, call.quality, call.outcome, call.failure_kind,
    call.finish_reason, call.input_tokens, call.cached_tokens, call.output_tokens,
    call.reasoning_tokens, call.usage_source, call.estimated_nanos, call.reserved_nanos,
    call.cost_nanos, decision.id, decision.face, decision.quality_met, decision.prompt, key.prefix,
    provider.slug, model.model_id
"""
_ITEM = {
    "sqlite": f"'[' || json_array({_FACTS}) || ',' || decision.receipt || ']'",
    "postgresql": f"json_build_array(json_build_array({_FACTS}), decision.receipt)",
}
_ALL = {"sqlite": "'[' || group_concat(item) || ']'", "postgresql": "json_agg(item)::text"}


def _statement(condition: str, order: str) -> str:
    return f"""
        SELECT {_ALL[connection.vendor]} FROM (
            SELECT {_ITEM[connection.vendor]} AS item
            FROM router_app_closedcall closing
            JOIN router_app_call call ON call.id = closing.call_id
            JOIN router_app_routingdecision decision ON decision.id = call.decision_id
            JOIN router_app_languagemodel model ON model.id = call.model_id
            JOIN router_app_provider provider ON provider.id = model.provider_id
            LEFT JOIN router_app_apikey key ON key.id = decision.api_key_id
            WHERE {condition} AND {order} > %s ORDER BY {order} LIMIT %s
        ) look
    """  # noqa: S608
