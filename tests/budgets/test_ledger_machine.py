"""A machine that does whatever it likes to the ledger, beside a model of plain Python numbers.

Three ask: Alice with a key in a team, Bob in the same team, and Alice at home. Limits of every
level bound them, each those that the table below says. It runs on whichever database the tests run
on.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import astuple

from router_app.budgets import corrections, ledger
from router_app.budgets.limits import create_budget, set_limit
from router_app.budgets.plans import OpenWindow, current_windows
from router_app.budgets.reconcile import differences
from router_app.budgets.topups import end_expired, top_up
from router_app.errors import AlreadyClosed
from router_app.gateway.access import access
from router_app.models import Budget, Level, Reservation, User, Window
from router_app.models.ids import new_id
from tests.budgets import one_by_one
from tests.factories import make_key, make_team, make_user
from tests.gateway.asking import a_request

State = Reservation.State
START = datetime(2026, 3, 27, 20, tzinfo=UTC)  # Berlin changes its clocks on the 29th
LEASE = timedelta(minutes=2)

# Whom each limit bounds, for which task, and how high it begins.
KEYED, BOB, HOME = "alice with a key", "bob", "alice at home"
ACTORS = (KEYED, BOB, HOME)
LIMITS = {
    "site": ("week", 4_000, "", ACTORS),
    "team": ("month", 5_000, "", (KEYED, BOB)),
    "team, code": ("day", 1_500, "code", (KEYED, BOB)),
    "member": ("week", 1_900, "", (KEYED,)),
    "alice": ("day", 1_000, "", (KEYED, HOME)),
    "alice, code": ("total", 1_800, "code", (KEYED, HOME)),
    "bob": ("week", 2_500, "", (BOB,)),
    "key": ("total", 1_400, "", (KEYED,)),
}


@dataclass
class Counters:
    """One window as the model sees it."""

    limit: int
    spent: int = 0
    reserved: int = 0
    overage: int = 0

    @property
    def used(self) -> int:
        return self.spent + self.overage + self.reserved


@dataclass
class Held:
    """One reservation as the model sees it."""

    amount: int
    windows: list[int]
    lease_ends_at: datetime
    state: str = "held"
    actual: int = 0
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)  # window -> spent, overage


class LedgerMachine(RuleBasedStateMachine):
    reservations = Bundle("reservations")
    actors, tasks = st.sampled_from(ACTORS), st.sampled_from(["code", "email"])
    names = st.sampled_from(sorted(LIMITS))

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = START
        access.forget()  # what it knows was undone with the run before
        self.alice, self.bob = (make_user(name) for name in ("machine", "bob"))
        self.team = make_team(self.alice, member=[self.bob])
        self.key = make_key(self.alice, workspace=self.team)
        self.budgets = {
            name: create_budget(
                period=period, limit_nanos=limit, task_type=task, name=name, **self.whom(name)
            )
            for name, (period, limit, task, _) in LIMITS.items()
        }
        Budget.objects.update(time_zone="Europe/Berlin")
        self.limits = {self.budgets[name].pk: LIMITS[name][1] for name in LIMITS}
        self.operator = User.objects.create_superuser("operator")
        self.counters: dict[int, Counters] = {}
        self.held: dict[Any, Held] = {}
        self.top_ups: dict[int, tuple[int, int, datetime | None]] = {}  # window, amount, until

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        access.forget()

    def whom(self, name: str) -> dict[str, Any]:
        return {
            "site": {"level": Level.SITE},
            "team": {"level": Level.WORKSPACE, "workspace": self.team},
            "team, code": {"level": Level.WORKSPACE, "workspace": self.team},
            "member": {"level": Level.MEMBER, "workspace": self.team, "user": self.alice},
            "alice": {"user": self.alice},
            "alice, code": {"user": self.alice},
            "bob": {"user": self.bob},
            "key": {"level": Level.KEY, "api_key": self.key},
        }[name]

    def windows(self, actor: str, task: str) -> list[OpenWindow]:
        """Found as an admission finds them, and checked to be those of the table."""
        user = self.bob if actor == BOB else self.alice
        place = {
            KEYED: {"api_key_id": self.key.pk},
            BOB: {"workspace_id": self.team.pk},
            HOME: {},
        }[actor]
        request = a_request(user, task=task, **place)
        access.check()
        access.load([request])
        found = list(current_windows(access.budgets_of(request), self.now).values())
        assert {window.budget.name for window in found} == {
            name for name, (_, _, of, whom) in LIMITS.items() if actor in whom and of in ("", task)
        }
        for window in found:
            self.counters.setdefault(window.pk, Counters(self.limits[window.budget.pk]))
        return sorted(found, key=lambda window: window.pk)

    @rule(target=reservations, amount=st.integers(0, 1_200), actor=actors, task=tasks)
    def reserve(self, amount: int, actor: str, task: str) -> Any:
        windows = self.windows(actor, task)
        models = [self.counters[window.pk] for window in windows]
        fits = all(m.used + amount <= m.limit for m in models)
        try:
            row = one_by_one.reserve(
                user_id=self.alice.pk,
                windows=windows,
                amount_nanos=amount,
                now=self.now,
                lease_ends_at=self.now + LEASE,
            )
        except ledger.DoesNotFit:
            assert not fits
            return None
        assert fits
        for model in models:
            model.reserved += amount
        self.held[row.pk] = Held(amount, [window.pk for window in windows], self.now + LEASE)
        return row.pk

    @rule(
        target=reservations,
        wanted=st.lists(st.tuples(st.integers(0, 400), actors, tasks), min_size=2, max_size=4),
    )
    def reserve_several_at_once(self, wanted: list[tuple[int, str, str]]) -> Any:
        windows = {
            (actor, task): [w.pk for w in self.windows(actor, task)] for _, actor, task in wanted
        }
        lease_ends_at = self.now + LEASE
        holds = [
            ledger.Hold(self.alice.pk, windows[actor, task], amount, lease_ends_at, new_id())
            for amount, actor, task in wanted
        ]
        sums: Counter[int] = Counter()
        for hold in holds:
            sums.update(dict.fromkeys(hold.window_ids, hold.amount_nanos))
        models = {pk: self.counters[pk] for pk in sums}
        fits = all(m.used + sums[pk] <= m.limit for pk, m in models.items())
        try:
            ledger.reserve_many(holds, now=self.now)
        except ledger.DoesNotFit:
            assert not fits
            return multiple()
        assert fits
        for pk, model in models.items():
            model.reserved += sums[pk]
        for hold in holds:
            self.held[hold.reservation_id] = Held(
                hold.amount_nanos, list(hold.window_ids), lease_ends_at
            )
        return multiple(*(hold.reservation_id for hold in holds))

    @rule(ends=st.lists(st.tuples(reservations, st.integers(0, 800)), min_size=2, max_size=4))
    def settle_several_at_once(self, ends: list[tuple[Any, int]]) -> None:
        ends = [(key, actual) for key, actual in ends if key is not None]
        keys = [key for key, _ in ends]
        are_open = all(self.held[key].state in ("held", "sent") for key in keys)
        closings = [one_by_one.closing_of(key, State.SETTLED, actual) for key, actual in ends]
        if not are_open or len(set(keys)) < len(keys):
            with pytest.raises(AlreadyClosed), transaction.atomic():
                ledger.close_many(closings, now=self.now)
            return
        counters = ledger.close_many(closings, now=self.now)
        for key, actual in ends:
            self.note_closed(self.held[key], "settled", actual)
        for pk, told in counters.items():
            model = self.counters[pk]
            assert astuple(told) == (model.limit, model.spent, model.reserved, model.overage)

    @rule(key=reservations)
    def send(self, key: Any) -> None:
        if key is None:
            return
        held = self.held[key]
        may = held.state == "held" and held.lease_ends_at > self.now
        assert one_by_one.mark_sent(key, now=self.now) is may
        if may:
            held.state = "sent"

    @rule(key=reservations, actual=st.integers(0, 2_000))
    def settle(self, key: Any, actual: int) -> None:
        self.close(
            key,
            "settled",
            actual,
            lambda: one_by_one.settle(key, actual_nanos=actual, now=self.now),
        )

    @rule(key=reservations)
    def release(self, key: Any) -> None:
        self.close(key, "released", 0, lambda: one_by_one.release(key, now=self.now))

    @rule(key=reservations)
    def presume(self, key: Any) -> None:
        amount = self.held[key].amount if key else 0
        self.close(key, "presumed", amount, lambda: one_by_one.presume(key, now=self.now))

    def close(self, key: Any, state: str, actual: int, act: Any) -> None:
        if key is None:
            return
        held = self.held[key]
        if held.state not in ("held", "sent"):
            with pytest.raises(AlreadyClosed):
                act()
            return
        act()
        self.note_closed(held, state, actual)

    def note_closed(self, held: Held, state: str, actual: int) -> None:
        held.state, held.actual = state, actual
        for pk in held.windows:
            spent, overage = min(actual, held.amount), max(0, actual - held.amount)
            model = self.counters[pk]
            model.reserved -= held.amount
            model.spent += spent
            model.overage += overage
            held.parts[pk] = (spent, overage)

    @rule(key=reservations, actual=st.integers(0, 2_000))
    def correct(self, key: Any, actual: int) -> None:
        if key is None or self.held[key].state in ("held", "sent"):
            return
        held = self.held[key]
        corrections.correct(
            key, actual_nanos=actual, author_id=None, reason="machine", now=self.now
        )
        held.actual = actual
        for pk in held.windows:
            row, model = Window.objects.get(pk=pk), self.counters[pk]
            # Between spent and overage the ledger may choose by room; their sum is the truth.
            booked = row.spent_nanos + row.overage_nanos
            assert booked - model.spent - model.overage == actual - sum(held.parts[pk])
            spent = row.spent_nanos - model.spent
            held.parts[pk] = (held.parts[pk][0] + spent, actual - held.parts[pk][0] - spent)
            model.spent, model.overage = row.spent_nanos, row.overage_nanos

    @rule(name=names, limit=st.integers(0, 3_000))
    def change_a_limit(self, name: str, limit: int) -> None:
        budget = self.budgets[name]
        set_limit(budget, limit_nanos=limit, now=self.now)
        self.limits[budget.pk] = limit
        for window in Window.objects.filter(budget=budget).exclude(ends_at__lte=self.now):
            if window.pk in self.counters:
                more = sum(amount for pk, amount, _ in self.top_ups.values() if pk == window.pk)
                self.counters[window.pk].limit = limit + more

    @rule(name=names, amount=st.integers(1, 800), minutes=st.sampled_from([None, 5, 90]))
    def top_up_a_period(self, name: str, amount: int, minutes: int | None) -> None:
        budget, (_, _, task, whom) = self.budgets[name], LIMITS[name]
        windows = self.windows(whom[0], task or "email")
        by = {"site": self.operator, "bob": self.bob}.get(name, self.alice)
        window = next(w for w in windows if w.budget.pk == budget.pk)
        until = self.now + timedelta(minutes=minutes) if minutes else None
        made = top_up(
            budget, amount_nanos=amount, reason="machine", author=by, now=self.now,
            until=until,
        )  # fmt: skip
        self.top_ups[made.pk] = (window.pk, amount, made.until)
        self.counters[window.pk].limit += amount

    @rule()
    def top_ups_end(self) -> None:
        over = {pk for pk, (*_, until) in self.top_ups.items() if until and until <= self.now}
        assert end_expired(self.now) == len(over)
        for pk in over:
            window_id, amount, _ = self.top_ups.pop(pk)
            self.counters[window_id].limit -= amount

    @rule(minutes=st.sampled_from([1, 5, 60, 600, 1440, 10_080]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def the_clock_closes_what_is_overdue(self) -> None:
        late = {row.pk for row in ledger.overdue(self.now)}
        expected = {
            key for key, held in self.held.items()
            if held.state in ("held", "sent") and held.lease_ends_at <= self.now
        }  # fmt: skip
        assert late == expected
        ledger.expire_many(ledger.overdue(self.now), now=self.now)
        for key in late:
            held = self.held[key]
            if held.state == "sent":
                self.note_closed(held, "presumed", held.amount)
            else:
                self.note_closed(held, "released", 0)

    @invariant()
    def counters_are_the_models(self) -> None:
        rows = Window.objects.in_bulk(list(self.counters))
        for pk, model in self.counters.items():
            row = rows[pk]
            assert (row.spent_nanos, row.reserved_nanos, row.overage_nanos) == (
                model.spent, model.reserved, model.overage,
            )  # fmt: skip
            assert row.limit_nanos == model.limit
            assert row.spent_nanos + row.reserved_nanos <= row.peak_limit_nanos

    @invariant()
    def the_books_are_clean(self) -> None:
        unexpected = [line for line in differences(self.now) if "after its lease" not in line]
        assert unexpected == []
        assert Reservation.objects.count() == len(self.held)


@pytest.mark.django_db
def test_ledger_against_a_plain_model() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
