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

from router_app.gateway.requests import RouteRequest
from router_app.models import (
    AccessRevision,
    ApiKey,
    Budget,
    Level,
    Membership,
    Role,
    User,
)
from router_app.models.rows import select

MOST_REMEMBERED = 10_000  # people; beyond that all are forgotten and read again
EVERYBODY = 0  # in the place of an id: budgets of the site

_Whose = tuple[str, int]  # whom a budget bounds: ("user", 7), ("member", 7), ("workspace", 3), …


@dataclass(frozen=True, slots=True)
class Key:
    """A live API key as admission needs it."""

    expires_at: datetime | None
    workspace_id: int


@dataclass(frozen=True, slots=True)
class Person:
    """One account as admission needs it."""

    user_id: int
    is_active: bool
    unlimited: bool
    keeps_prompts: bool
    personal_workspace_id: int | None
    asks_in: frozenset[int]  # open workspaces in which the role lets this person spend
    keys: Mapping[int, Key]  # the live ones

    def workspace_of(self, workspace_id: int | None, api_key_id: int | None) -> int | None:
        """Where a request belongs: where its key does, where it was asked, or the person's own."""
        key = None if api_key_id is None else self.keys.get(api_key_id)
        if key is not None:
            return key.workspace_id
        return self.personal_workspace_id if workspace_id is None else workspace_id

    def may_use(self, api_key_id: int | None, now: datetime) -> bool:
        """Whether the key the request came with still opens anything; True without a key."""
        if api_key_id is None:
            return True
        key = self.keys.get(api_key_id)
        return key is not None and (key.expires_at is None or key.expires_at > now)


@dataclass(frozen=True, slots=True)
class Revisions:
    """What tells whether anything remembered is out of date, in one look."""

    access: int
    catalog: int
    any_overdue: bool  # whether a reservation is past its lease, or a top-up past its end


_REVISIONS = (
    "SELECT (SELECT number FROM router_app_accessrevision WHERE id = 1), "
    "(SELECT number FROM router_app_catalogrevision WHERE id = 1), "
    "EXISTS (SELECT 1 FROM router_app_reservation "
    "WHERE state IN ('held', 'sent') AND lease_ends_at <= ?) "
    "OR EXISTS (SELECT 1 FROM router_app_topup WHERE ended_at IS NULL AND until <= ?)"
)


def read_revisions(now: datetime) -> Revisions:
    """Inside the transaction that admits."""
    ((people, catalog, overdue),) = select(_REVISIONS, [now, now])
    return Revisions(people or 0, catalog or 0, bool(overdue))


class Access:
    """The memory of one process."""

    def __init__(self) -> None:
        self.revision = -1
        self.checked_at = 0.0  # time.monotonic() of the last look at the revision
        self._people: dict[int, Person] = {}
        self._budgets: dict[_Whose, tuple[Budget, ...]] = {}  # the active ones
        self._bounding: dict[tuple[object, ...], tuple[Budget, ...]] = {}  # put together of these

    def check(self) -> None:
        """Forget everything if anything changed. Inside a transaction."""
        row = AccessRevision.objects.filter(pk=1).values_list("number", flat=True).first()
        self.note(row or 0)

    def note(self, revision: int) -> None:
        """The revision was read just now."""
        if revision != self.revision or len(self._people) > MOST_REMEMBERED:
            self._people, self._budgets, self._bounding = {}, {}, {}
        self.revision = revision
        self.checked_at = time.monotonic()

    def load(self, requests: Iterable[RouteRequest]) -> None:
        """Read whom and which budgets these need to know, as far as that is not known."""
        asking = list(requests)
        if missing := {request.user_id for request in asking} - self._people.keys():
            self._people.update(_read_people(missing))
        new = [request for request in asking if _facts(request) not in self._bounding]
        wanted = {key for request in new for key in self._whose(request)}
        if unknown := wanted - self._budgets.keys():
            self._budgets.update(_read_budgets(unknown))

    def person(self, user_id: int) -> Person | None:
        """One of those that a loaded request names; None: there is no such account."""
        return self._people.get(user_id)

    def workspace_of(self, request: RouteRequest) -> int | None:
        """Where a loaded request belongs; None for an account that is not there."""
        person = self._people.get(request.user_id)
        if person is None:
            return None
        return person.workspace_of(request.workspace_id, request.api_key_id)

    def budgets_of(self, request: RouteRequest) -> tuple[Budget, ...]:
        """Every active budget of all levels that bounds a loaded request, in primary-key order;
        those for one model only are among them."""
        facts = _facts(request)
        found = self._bounding.get(facts)
        if found is None:
            found = self._bounding[facts] = self._bounds(request)
        return found

    def _bounds(self, request: RouteRequest) -> tuple[Budget, ...]:
        workspace_id, tasks = self.workspace_of(request), ("", request.task.value)
        found = [
            budget
            for key in self._whose(request)
            for budget in self._budgets[key]
            if budget.task_type in tasks
            and (budget.level != Level.MEMBER or budget.workspace_id == workspace_id)
        ]
        return tuple(sorted(found, key=lambda budget: budget.pk))

    def _whose(self, request: RouteRequest) -> list[_Whose]:
        """Whose budgets bound it."""
        workspace_id = self.workspace_of(request)
        if workspace_id is None:
            return []
        found = [
            (Level.SITE.value, EVERYBODY),
            (Level.WORKSPACE.value, workspace_id),
            (Level.MEMBER.value, request.user_id),
            (Level.USER.value, request.user_id),
        ]
        key = request.api_key_id
        return found if key is None else [*found, (Level.KEY.value, key)]

    def forget(self) -> None:
        """As at the start of the process (tests)."""
        self.__init__()  # type: ignore[misc]


def _facts(request: RouteRequest) -> tuple[object, ...]:
    """What decides by which budgets a request is bounded."""
    return request.user_id, request.workspace_id, request.api_key_id, request.task


def _read_budgets(wanted: set[_Whose]) -> dict[_Whose, tuple[Budget, ...]]:
    ids: dict[str, list[int]] = {}
    for level, whose in wanted:
        ids.setdefault(level, []).append(whose)
    people = [*ids.get(Level.MEMBER, ()), *ids.get(Level.USER, ())]
    bounds = (
        Q(level__in=[Level.MEMBER, Level.USER], user_id__in=people)
        | Q(level=Level.WORKSPACE, workspace_id__in=ids.get(Level.WORKSPACE, ()))
        | Q(level=Level.KEY, api_key_id__in=ids.get(Level.KEY, ()))
    )
    if Level.SITE in ids:
        bounds |= Q(level=Level.SITE)
    found: dict[_Whose, list[Budget]] = {key: [] for key in wanted}
    for budget in Budget.objects.filter(bounds, is_active=True).order_by("pk"):
        key = (budget.level, budget.bounds_id)
        if key in found:
            found[key].append(budget)
    return {key: tuple(budgets) for key, budgets in found.items()}


def _read_people(user_ids: set[int]) -> dict[int, Person]:
    facts = ("pk", "is_active", "unlimited", "store_prompts", "personal_workspace")
    users = User.objects.filter(pk__in=user_ids).values_list(*facts)
    asks_in: dict[int, set[int]] = {}
    spending = Membership.objects.filter(
        user_id__in=user_ids, left_at=None, workspace__closed_at=None
    ).exclude(role=Role.VIEWER)
    for user_id, workspace_id in spending.values_list("user_id", "workspace_id"):
        asks_in.setdefault(user_id, set()).add(workspace_id)
    keys: dict[int, dict[int, Key]] = {}
    live = ApiKey.objects.filter(revoked_at=None, user_id__in=user_ids)
    for key in live:
        keys.setdefault(key.user_id, {})[key.pk] = Key(key.expires_at, key.workspace_id)
    return {
        pk: Person(
            pk, is_active, unlimited, keeps, own, frozenset(asks_in.get(pk, ())), keys.get(pk, {})
        )
        for pk, is_active, unlimited, keeps, own in users
    }


access = Access()
