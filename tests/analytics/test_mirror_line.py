"""One line, said quickly, beside the same said in the plainest words."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router_app.analytics.mirror.facts import Candidate, Facts, Receipt, Score
from router_app.analytics.mirror.line import line_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
nanos = st.integers(0, 2**63 - 1)
counts = st.integers(0, 2**31 - 1)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))
facts = st.builds(
    Facts,
    closing=counts, line=st.none() | counts, call=st.uuids().map(str), closed_at=moments,
    sent_at=st.none() | moments, attempt=counts, user=counts, model_pk=st.integers(1, 3),
    task_type=texts, quality=texts, outcome=texts, failure_kind=texts, finish_reason=texts,
    input_tokens=counts, cached_tokens=counts, output_tokens=counts, reasoning_tokens=counts,
    usage_source=texts, estimated_nanos=nanos | st.integers(0, 2_000), reserved_nanos=nanos,
    cost_nanos=nanos | st.integers(0, 2_000), decision=st.uuids().map(lambda each: each.hex),
    face=texts, quality_met=st.booleans(), prompt=texts, key=st.none() | texts, provider=texts,
    model=texts,
)  # fmt: skip
scores = st.builds(Score, quality=st.integers(0, 100))
candidates = st.builds(
    Candidate, model_pk=st.integers(1, 3), id=st.none() | texts.filter(bool),
    provider=st.none() | texts.filter(bool), score=st.none() | scores,
)  # fmt: skip
receipts = st.builds(
    Receipt, candidates=st.lists(candidates, max_size=3).map(tuple),
    floor=st.none() | st.integers(0, 100),
)  # fmt: skip


@given(facts, receipts, st.sampled_from([None, UTC, timezone(timedelta(hours=-3))]))
def test_says_what_the_plainest_words_say(
    call: Facts, receipt: Receipt, zone: timezone | None
) -> None:
    plain = _plainly(call, receipt)
    if zone is not None:  # PostgreSQL tells moments with a zone, SQLite without
        call.closed_at = _told_in(zone, call.closed_at)
        call.sent_at = call.sent_at and _told_in(zone, call.sent_at)
    line = line_of(call, receipt)
    assert line.isascii()
    assert line.endswith(b"}\n")
    assert not any(byte < 0x20 or byte == 0x7F for byte in line[:-1])
    found = json.loads(line, parse_int=_Digits, parse_float=_Digits)
    assert list(found.items()) == list(plain.items())


class _Digits(str):
    """A number as it is written."""


def _told_in(zone: timezone, moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(zone)


def _plainly(call: Facts, receipt: Receipt) -> dict[str, Any]:
    named = (each for each in receipt.candidates if each.model_pk == call.model_pk)
    known = next(named, Candidate())
    told = known.score is not None and receipt.floor is not None
    met = known.score.quality >= receipt.floor if told else call.quality_met
    spent = None if call.sent_at is None else call.closed_at - call.sent_at
    said = {
        "at": call.closed_at.isoformat(timespec="milliseconds") + "Z",
        "id": f"{call.decision[:8]}-{call.decision[8:12]}-{call.decision[12:16]}-"
              f"{call.decision[16:20]}-{call.decision[20:]}",
        "call": call.call,
        "attempt": str(call.attempt),
        "user": str(call.user),
        "key": call.key,
        "face": call.face,
        "provider": known.provider or call.provider,
        "model": known.id or call.model,
        "task_type": call.task_type,
        "quality": call.quality,
        "quality_met": met,
        "outcome": call.outcome,
        "failure_kind": call.failure_kind or None,
        "finish_reason": call.finish_reason or None,
        "input_tokens": str(call.input_tokens),
        "cached_tokens": str(call.cached_tokens),
        "output_tokens": str(call.output_tokens),
        "reasoning_tokens": str(call.reasoning_tokens),
        "usage_source": call.usage_source or None,
        "estimated_cost": _usd(call.estimated_nanos),
        "reserved": _usd(call.reserved_nanos),
        "actual_cost": _usd(call.cost_nanos),
        "variance_percent": _percent(call.estimated_nanos, call.cost_nanos),
        "milliseconds": None if spent is None else str(round(spent / timedelta(milliseconds=1))),
    }  # fmt: skip
    return {**said, "prompt": call.prompt} if call.prompt else said


def _usd(amount: int) -> str:
    return f"{Decimal(amount).scaleb(-9).normalize():f}"


def _percent(estimated: int, actual: int) -> str | None:
    if estimated == 0:
        return None
    percent = Decimal(100 * (actual - estimated)) / estimated
    return f"{percent.quantize(Decimal('0.1'), rounding=ROUND_HALF_EVEN):f}"
