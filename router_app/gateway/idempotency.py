"""A request with an Idempotency-Key is made once: whose key it is, and what the request came to.

The key is **claimed** by a row made in the transaction that holds the request's money: where one
stands there is a reservation, where none stands nothing was called. When the request has ended its
answer is **recorded** in the row. A row without an answer means that the request is under way, or
that its process ended before it could be recorded; then the outcome stays unknown, since calling
again could be paid for twice.

Functions that read or write rows run on the writer thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from router_app.errors import Charged, KeyInUse, KeyReused, OutcomeUnknown, RouterError
from router_app.gateway.admission import Recorder
from router_app.gateway.expiry import expire_overdue
from router_app.gateway.requests import Admission, Outcome
from router_app.models import IdempotentRequest, RoutingDecision

KEPT_FOR = timedelta(hours=24)  # from the claim on; then the key is free again
RECORDED_WITHIN = timedelta(seconds=30)  # of a decision's end, else it never will be
MOST_FORGOTTEN = 20  # expired rows that one request takes away


@dataclass(frozen=True, slots=True)
class Claim:
    """One person's key, and the request that it stands for."""

    user_id: int
    key: str
    fingerprint: str  # SHA-256 of the request, in hexadecimal


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a request was answered. The body is compressed; empty: too large to be kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Found = Recorded | RouterError | None


class AnsweredBefore(Exception):
    """A request with the same claim was quicker, and has its answer."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__("this request was answered before")
        self.recorded = recorded


def find(claim: Claim) -> Found:
    """What the claim's request was answered, or KeyReused, KeyInUse or OutcomeUnknown.

    None where the key is free.
    """
    now = timezone.now()
    row = _rows(claim).filter(expires_at__gt=now).select_related("decision").first()
    return None if row is None else _found_in(row, claim, now)


def claiming(claim: Claim) -> Recorder:
    """What makes the claim inside an admission's transaction, or undoes the admission.

    A refusal leaves the key free. Raises AnsweredBefore, or what `find` found.
    """

    def record(outcome: Admission | RouterError) -> None:
        _check(find(claim))
        if isinstance(outcome, Admission):
            _claim(claim, outcome)

    return record


def write(claim: Claim, admission: Admission, recorded: Recorded) -> None:
    """Record the answer. What was recorded first stays."""
    unanswered = _rows(claim).filter(decision_id=admission.decision_id, status=None)
    unanswered.update(status=recorded.status, headers=dict(recorded.headers), body=recorded.body)
    forget_expired(timezone.now())


def forget_expired(now: datetime) -> int:
    """Take away some rows that are past their time, with the answers in them; how many."""
    expired = IdempotentRequest.objects.filter(expires_at__lte=now).order_by("expires_at")
    # Rows that another process is taking away are left to it: nobody waits here.
    unlocked = expired.select_for_update(skip_locked=True).values_list("pk", flat=True)
    found = list(unlocked[:MOST_FORGOTTEN])
    if found:
        IdempotentRequest.objects.filter(pk__in=found).delete()
    return len(found)


def _rows(claim: Claim) -> QuerySet[IdempotentRequest]:
    return IdempotentRequest.objects.filter(user_id=claim.user_id, key=claim.key)


def _claim(claim: Claim, admission: Admission) -> None:
    now = timezone.now()
    _rows(claim).filter(expires_at__lte=now).delete()
    row = IdempotentRequest(
        user_id=claim.user_id,
        key=claim.key,
        fingerprint=claim.fingerprint,
        decision_id=admission.decision_id,
        created_at=now,
        expires_at=now + KEPT_FOR,
    )
    # Where another process has just inserted the same key, PostgreSQL waits for its commit, and
    # then inserts nothing. An error in its place would have to be told from all others.
    IdempotentRequest.objects.bulk_create([row], ignore_conflicts=True)
    standing = _rows(claim).select_related("decision").get()
    if standing.decision_id != admission.decision_id:
        _check(_found_in(standing, claim, now))


def _check(found: Found) -> None:
    if isinstance(found, Recorded):
        raise AnsweredBefore(found)
    if found is not None:
        raise found


def _found_in(row: IdempotentRequest, claim: Claim, now: datetime) -> Recorded | RouterError:
    if row.fingerprint != claim.fingerprint:
        return KeyReused()
    decision = row.decision
    if decision is None:  # the column allows it; no claim is made without one
        return KeyInUse()
    if row.status is None:
        return _unanswered(decision, now)
    if not row.body:
        return _unknown(decision, "The answer to this request was too large to be kept.")
    return Recorded(row.status, row.headers, bytes(row.body))


def _unanswered(decision: RoutingDecision, now: datetime) -> RouterError:
    """Still under way, on its way into the row, or lost with its process."""
    if decision.outcome == Outcome.RUNNING:
        expire_overdue(now=now, user_id=decision.user_id)
        decision.refresh_from_db()
    if decision.closed_at is None:
        return KeyInUse()
    # What the clock closed had no process left; else somebody is about to record the answer.
    was_lost = decision.calls.filter(failure_kind="lost").exists()
    if not was_lost and now < decision.closed_at + RECORDED_WITHIN:
        return KeyInUse()
    return _unknown(decision, "The server stopped before the answer to this request was kept.")


def _unknown(decision: RoutingDecision, why: str) -> OutcomeUnknown:
    message = f"{why} It is not made again with this Idempotency-Key; to ask again, use a new one."
    return OutcomeUnknown(message, Charged(str(decision.pk), decision.cost_nanos))
