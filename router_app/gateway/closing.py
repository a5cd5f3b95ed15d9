"""Settle and record, in one transaction: the bread below the filling.

A call is closed once. Money, call, decision, message and the line for the request log change
together or not at all, for all calls that end at that moment. Everything here runs on the writer
thread.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from router_app.analytics.usage import UsageFacts, Whose, add_usage
from router_app.budgets import ledger
from router_app.budgets.ledger import Counters
from router_app.budgets.statements import in_order, statement_of
from router_app.errors import AlreadyClosed
from router_app.gateway.alerting import note_alerts, note_presumed
from router_app.gateway.ended import Closed, Closure, Ending
from router_app.models import Call, ClosedCall, Message, RoutingDecision, Window
from router_app.models.rows import Row, insert_rows, update_rows
from router_app.providers.base import Usage, UsageSource

Outcome = RoutingDecision.Outcome


def close_all(closures: Sequence[Closure]) -> list[Closed]:
    """Book the attempts and write down what happened; if the clock closed one before, that stands.

    Raises AlreadyClosed for several of which one was closed before: each is then closed alone.
    """
    now = timezone.now()
    try:
        counters = ledger.close_many([c.as_ledger_knows_it() for c in closures], now=now)
    except AlreadyClosed:
        if len(closures) > 1:
            raise
        return [_closed_before(closures[0], now)]
    _record_calls(closures, now)
    _record_decisions(closures, now)
    for closure in closures:
        _finish_message(closure.ending)
    note_alerts(closures, counters, now=now)
    return [_closed(closure, counters, now) for closure in closures]


def note_closed(calls: Sequence[Call]) -> None:
    """Calls were closed by the clock: the same consequences."""
    costs: defaultdict[uuid.UUID, int] = defaultdict(int)
    for call in calls:
        costs[call.decision_id] += call.cost_nanos
    update_rows(
        RoutingDecision,
        ("id", "cost_nanos"),
        list(costs.items()),
        adding=frozenset({"cost_nanos"}),
    )
    insert_rows(ClosedCall, ("call_id",), [(call.pk,) for call in calls])
    add_usage([UsageFacts.of(call) for call in calls])
    note_presumed(calls, now=timezone.now())


def give_up(
    decision_id: uuid.UUID,
    *,
    message_id: uuid.UUID | None,
    error: dict[str, object],
    stopped: bool = False,
) -> int:
    """No attempt brought text and none follows; returns what they cost, in nanos."""
    outcome = Outcome.STOPPED if stopped else Outcome.FAILED
    running = RoutingDecision.objects.filter(pk=decision_id, outcome=Outcome.RUNNING)
    running.update(outcome=outcome, closed_at=timezone.now())
    if message_id is not None:
        state = Message.State.STOPPED if stopped else Message.State.FAILED
        Message.objects.filter(pk=message_id).update(state=state, error=error)
    return _total_cost(decision_id)


def note_progress(decision_id: uuid.UUID, message_id: uuid.UUID, text: str) -> bool:
    """Keep the text so far; returns whether the person asked to stop.

    The message may be gone with its conversation; the decision stays.
    """
    Message.objects.filter(pk=message_id, state=Message.State.WRITING).update(text=text)
    stopping = RoutingDecision.objects.filter(pk=decision_id, stop_requested_at__isnull=False)
    return stopping.exists()


_CALL = (
    "id",
    "outcome",
    "failure_kind",
    "failure_detail",
    "finish_reason",
    "cost_nanos",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "usage_source",
    "provider_request_id",
    "sent_at",
    "first_token_at",
    "closed_at",
)


def _record_calls(closures: Sequence[Closure], now: datetime) -> None:
    update_rows(Call, _CALL, [_call(closure, now) for closure in closures])
    insert_rows(ClosedCall, ("call_id",), [(c.admission.call_id,) for c in closures])
    add_usage([_usage_facts(closure) for closure in closures])


def _call(closure: Closure, now: datetime) -> Row:
    ending = closure.ending
    usage = ending.usage or Usage(0, 0)
    source = usage.source if ending.usage else UsageSource.PRESUMED
    return (
        closure.admission.call_id,
        ending.outcome.value,
        ending.failure.kind.value if ending.failure else "",
        ending.failure.detail[:200] if ending.failure else "",
        ending.finish_reason[:20],
        closure.cost_nanos,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        "" if ending.released else source.value,
        ending.provider_request_id[:120],
        closure.admission.admitted_at if ending.was_sent else None,
        ending.first_token_at,
        now,
    )


def _usage_facts(closure: Closure) -> UsageFacts:
    admission, usage = closure.admission, closure.ending.usage or Usage(0, 0)
    chosen = admission.decision.chosen
    assert chosen is not None  # noqa: S101
    return UsageFacts(
        whose=Whose(
            admission.workspace_id,
            admission.user_id,
            chosen.model_pk,
            admission.decision.task.value,
            admission.api_key_id or 0,
        ),
        at=admission.admitted_at,
        cost_nanos=closure.cost_nanos,
        estimated_nanos=chosen.priced.estimated_cost_nanos,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        was_sent=closure.ending.was_sent,
        attempt=admission.attempt,
        decision_id=admission.decision_id,
    )


def _record_decisions(closures: Sequence[Closure], now: datetime) -> None:
    """Costs add up over the attempts; the last one ends the request."""
    ended = [c for c in closures if c.ending.last]
    update_rows(
        RoutingDecision,
        ("id", "cost_nanos", "outcome", "closed_at"),
        [
            (c.admission.decision_id, c.cost_nanos, _decision_outcome(c.ending.outcome), now)
            for c in ended
        ],
        adding=frozenset({"cost_nanos"}),
    )
    update_rows(
        RoutingDecision,
        ("id", "cost_nanos"),
        [(c.admission.decision_id, c.cost_nanos) for c in closures if not c.ending.last],
        adding=frozenset({"cost_nanos"}),
    )


def _decision_outcome(outcome: Call.Outcome) -> str:
    return (Outcome.INTERRUPTED if outcome == Call.Outcome.PRESUMED else outcome).value


def _finish_message(ending: Ending) -> None:
    if ending.message_id is None or not ending.last:
        return
    states = {
        Call.Outcome.ANSWERED: Message.State.COMPLETE,
        Call.Outcome.STOPPED: Message.State.STOPPED,
        Call.Outcome.INTERRUPTED: Message.State.INTERRUPTED,
    }
    state = states.get(ending.outcome, Message.State.FAILED)
    Message.objects.filter(pk=ending.message_id).update(
        text=ending.text, state=state, error=ending.error
    )


def _closed(closure: Closure, counters: Mapping[int, Counters], now: datetime) -> Closed:
    admission = closure.admission
    total = closure.cost_nanos
    if admission.attempt > 1:
        total = _total_cost(admission.decision_id)
    if not closure.ending.last:
        return Closed(closure.cost_nanos, total, now, ())
    budgets = in_order(statement_of(w.budget, w, counters[w.pk]) for w in admission.windows)
    return Closed(closure.cost_nanos, total, now, tuple(budgets))


def _closed_before(closure: Closure, now: datetime) -> Closed:
    """The clock was quicker, and presumed; or this was done before, and nobody was told of the
    commit. The message still gets its text."""
    admission, ending = closure.admission, closure.ending
    if ending.last:
        running = RoutingDecision.objects.filter(pk=admission.decision_id, outcome=Outcome.RUNNING)
        running.update(outcome=_decision_outcome(ending.outcome), closed_at=now)
        _finish_message(ending)
    cost = Call.objects.values_list("cost_nanos", flat=True).get(pk=admission.call_id)
    found = Window.objects.in_bulk([window.pk for window in admission.windows])
    budgets = in_order(statement_of(w.budget, found[w.pk]) for w in admission.windows)
    return Closed(cost, _total_cost(admission.decision_id), now, tuple(budgets))


def _total_cost(decision_id: uuid.UUID) -> int:
    return RoutingDecision.objects.values_list("cost_nanos", flat=True).get(pk=decision_id)
