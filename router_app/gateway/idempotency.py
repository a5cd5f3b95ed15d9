"""A request with an Idempotency-Key is made once: whose key it is, and what the request came to.

The key is **claimed** by a row made in the transaction that holds the request's money: where one
stands there is a reservation, where none stands nothing was called. When the request has ended its
answer is **recorded** in the row. A row without an answer means that the request is under way, or
that its process ended before it could be recorded; then the outcome stays unknown, since calling
again could be paid for twice.

Functions that read or write rows run on the writer thread.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from router_app.errors import Charged, KeyInUse, KeyReused, OutcomeUnknown, RouterError
from router_app.gateway.asked import Recorder
from router_app.gateway.expiry import expire_overdue
from router_app.gateway.requests import Admission, Outcome
from router_app.models import IdempotentRequest, RoutingDecision
from router_app.models.rows import select

KEPT_FOR = timedelta(hours=24)  # from the claim on; then the key is free again
RECORDED_WITHIN = timedelta(seconds=30)  # of a decision's end, else it never will be
MOST_FORGOTTEN = 20  # expired rows that one request takes away


_COLUMNS = (
    "user_id",
    "key",
    "fingerprint",
    "decision_id",
    "headers",
    "body",
    "created_at",
    "expires_at",
)
_TABLE = IdempotentRequest._meta.db_table
# A row that is past its time makes place for a new one.
_CLAIM = f"""
    INSERT INTO {_TABLE} ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" for _ in _COLUMNS)})
    ON CONFLICT (user_id, key) DO UPDATE
    SET status = NULL, {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])}
    WHERE {_TABLE}.expires_at <= excluded.created_at RETURNING id
"""  # noqa: S608


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


def find_all(claims: Sequence[Claim]) -> list[Found]:
    """What each claim's request was answered, or KeyReused, KeyInUse or OutcomeUnknown.

    None where the key is free.
    """
    now = timezone.now()
    rows = IdempotentRequest.objects.filter(
        user_id__in={claim.user_id for claim in claims},
        key__in={claim.key for claim in claims},
        expires_at__gt=now,
    )
    by_key = {(row.user_id, row.key): row for row in rows}
    standing = (by_key.get((claim.user_id, claim.key)) for claim in claims)
    return [
        None if row is None else _found_in(row, claim, now)
        for claim, row in zip(claims, standing, strict=True)
    ]


def claiming(claim: Claim) -> Recorder:
    """What makes the claim inside an admission's transaction, or undoes the admission.

    A refusal leaves the key free. Raises AnsweredBefore, or the error that was found.
    """

    def record(outcome: Admission | RouterError) -> None:
        if isinstance(outcome, RouterError) or not _claim(claim, outcome):
            _raise(find_all([claim])[0])
            if isinstance(outcome, Admission):
                raise KeyInUse  # its time was over between two glances: soon the key is free

    return record


def write_all(answers: Sequence[tuple[uuid.UUID, Recorded]]) -> list[None]:
    """Record answers, each by its decision. What was recorded first stays."""
    for decision_id, recorded in answers:
        unanswered = IdempotentRequest.objects.filter(decision_id=decision_id, status=None)
        unanswered.update(
            status=recorded.status, headers=dict(recorded.headers), body=recorded.body
        )
    forget_expired(timezone.now())
    return [None] * len(answers)


def forget_expired(now: datetime) -> int:
    """Take away some rows that are past their time, with the answers in them; how many."""
    expired = IdempotentRequest.objects.filter(expires_at__lte=now).order_by("expires_at")
    # Rows that another process is taking away are left to it: nobody waits here.
    unlocked = expired.select_for_update(skip_locked=True).values_list("pk", flat=True)
    found = list(unlocked[:MOST_FORGOTTEN])
    if found:
        IdempotentRequest.objects.filter(pk__in=found).delete()
    return len(found)


def _claim(claim: Claim, admission: Admission) -> bool:
    """One statement, so that it cannot fail: False where the key is taken.

    Where another process has just claimed the same key, PostgreSQL waits for its commit.
    """
    now = timezone.now()
    row = (claim.user_id, claim.key, claim.fingerprint, admission.decision_id)
    return bool(select(_CLAIM, (*row, "{}", b"", now, now + KEPT_FOR)))


def _raise(found: Found) -> None:
    if isinstance(found, Recorded):
        raise AnsweredBefore(found)
    if found is not None:
        raise found


def _found_in(row: IdempotentRequest, claim: Claim, now: datetime) -> Recorded | RouterError:
    if row.fingerprint != claim.fingerprint:
        return KeyReused()
    if row.status is not None and row.body:
        return Recorded(row.status, row.headers, bytes(row.body))
    decision = row.decision
    if decision is None:  # the column allows it; no claim is made without one
        return KeyInUse()
    if row.status is not None:
        return _unknown(decision, "The answer to this request was too large to be kept.")
    return _unanswered(decision, now)


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
