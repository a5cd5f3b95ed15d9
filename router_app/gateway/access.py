"""Who may spend and under which budgets, remembered until a row of it changes.

`AccessRevision` is raised by the database itself with every change of a person, key or budget. It
is read once in each transaction that admits, so nothing here is ever older than that transaction;
limits and counters are not remembered at all. Used on the writer thread only, but for
`checked_at` and `revision`, which the event loop reads.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from router_app.models import AccessRevision, ApiKey, Budget, User
from router_app.models.rows import select

MOST_REMEMBERED = 10_000  # people; beyond that all are forgotten and read again


@dataclass(frozen=True, slots=True)
class Spender:
    """One person as admission needs them. Budgets in primary-key order, only the active ones."""

    user_id: int
    is_active: bool
    unlimited: bool
    keeps_prompts: bool
    budgets: tuple[Budget, ...]
    keys: Mapping[int, datetime | None]  # live keys with when they expire

    def budgets_for(self, task_type: str) -> list[Budget]:
        """Those that cover this task."""
        return [budget for budget in self.budgets if budget.task_type in ("", task_type)]

    def may_use(self, api_key_id: int | None, now: datetime) -> bool:
        """Whether the key the request came with still opens anything; True without a key."""
        if api_key_id is None:
            return True
        expires_at = self.keys.get(api_key_id, now)
        return expires_at is None or expires_at > now


@dataclass(frozen=True, slots=True)
class Revisions:
    """What tells whether anything remembered is out of date, in one look."""

    access: int
    catalog: int
    any_overdue: bool  # whether a reservation is past its lease


_REVISIONS = (
    "SELECT (SELECT number FROM router_app_accessrevision WHERE id = 1), "
    "(SELECT number FROM router_app_catalogrevision WHERE id = 1), "
    "EXISTS (SELECT 1 FROM router_app_reservation "
    "WHERE state IN ('held', 'sent') AND lease_ends_at <= ?)"
)


def read_revisions(now: datetime) -> Revisions:
    """Inside the transaction that admits."""
    ((people, catalog, overdue),) = select(_REVISIONS, [now])
    return Revisions(people or 0, catalog or 0, bool(overdue))


class Access:
    """The memory of one process."""

    def __init__(self) -> None:
        self.revision = -1
        self.checked_at = 0.0  # time.monotonic() of the last look at the revision
        self._spenders: dict[int, Spender] = {}

    def check(self) -> None:
        """Forget everything if anything changed. Inside a transaction."""
        row = AccessRevision.objects.filter(pk=1).values_list("number", flat=True).first()
        self.note(row or 0)

    def note(self, revision: int) -> None:
        """The revision was read just now."""
        if revision != self.revision or len(self._spenders) > MOST_REMEMBERED:
            self._spenders = {}
        self.revision = revision
        self.checked_at = time.monotonic()

    def spenders(self, user_ids: Iterable[int]) -> Mapping[int, Spender]:
        """By id, those that exist; read where they are not known. After `check`."""
        missing = set(user_ids) - self._spenders.keys()
        if missing:
            self._spenders.update(_read(missing))
        return self._spenders

    def spender(self, user_id: int) -> Spender | None:
        """One of those that `spenders` was just asked for; None: there is no such person."""
        return self._spenders.get(user_id)

    def forget(self) -> None:
        """As at the start of the process (tests)."""
        self.__init__()  # type: ignore[misc]


def _read(user_ids: set[int]) -> dict[int, Spender]:
    facts = ("pk", "is_active", "unlimited", "store_prompts")
    users = User.objects.filter(pk__in=user_ids).values_list(*facts)
    budgets: dict[int, list[Budget]] = {}
    for budget in Budget.objects.filter(user_id__in=user_ids, is_active=True).order_by("pk"):
        budgets.setdefault(budget.user_id, []).append(budget)
    keys: dict[int, dict[int, datetime | None]] = {}
    live = ApiKey.objects.filter(Q(revoked_at=None), user_id__in=user_ids)
    for user_id, pk, expires_at in live.values_list("user_id", "pk", "expires_at"):
        keys.setdefault(user_id, {})[pk] = expires_at
    return {
        pk: Spender(pk, is_active, unlimited, keeps, tuple(budgets.get(pk, ())), keys.get(pk, {}))
        for pk, is_active, unlimited, keeps in users
    }


access = Access()
