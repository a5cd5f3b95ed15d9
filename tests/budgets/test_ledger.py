"""The ledger one step at a time: what each word does to the counters, and what it refuses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from router_app.budgets import corrections, ledger
from router_app.budgets.limits import create_budget, set_limit
from router_app.budgets.plans import OpenWindow
from router_app.budgets.reconcile import differences
from router_app.errors import AlreadyClosed
from router_app.models import LedgerEntry, Reservation, User, Window
from tests.budgets import one_by_one
from tests.budgets.applying import applying_budgets, windows_for

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def bob(db: None) -> User:
    user = User.objects.create_user("bob")
    create_budget(user=user, period="day", limit_nanos=500)
    create_budget(user=user, period="month", limit_nanos=1000)
    create_budget(user=user, period="total", limit_nanos=300, task_type="code")
    return user


def its_windows(user: User, task: str = "general") -> list[OpenWindow]:
    return windows_for(user.pk, task, NOW)


def hold(user: User, nanos: int, task: str = "general") -> Reservation:
    return one_by_one.reserve(
        user_id=user.pk,
        windows=its_windows(user, task),
        amount_nanos=nanos,
        now=NOW,
        lease_ends_at=NOW + timedelta(minutes=2),
    )


def counters(user: User, task: str = "code") -> list[tuple[int, int, int]]:
    return [(w.spent_nanos, w.reserved_nanos, w.overage_nanos) for w in its_windows(user, task)]


def test_holds_in_every_window_and_settles_the_truth(bob: User) -> None:
    reservation = hold(bob, 200, "code")
    assert counters(bob) == [(0, 200, 0)] * 3
    one_by_one.settle(reservation.pk, actual_nanos=120, now=NOW)
    assert counters(bob) == [(120, 0, 0)] * 3
    assert list(differences(NOW)) == []


def test_all_or_nothing_names_the_window_that_bit(bob: User) -> None:
    with pytest.raises(ledger.DoesNotFit) as refused:
        hold(bob, 301, "code")
    (tight,) = Window.objects.filter(pk__in=refused.value.window_ids)
    assert tight.limit_nanos == 300
    assert counters(bob) == [(0, 0, 0)] * 3
    assert not Reservation.objects.exists() and not LedgerEntry.objects.exists()


def test_to_the_last_nano_and_not_one_more(bob: User) -> None:
    hold(bob, 499)
    hold(bob, 1)
    with pytest.raises(ledger.DoesNotFit):
        hold(bob, 1)


def test_release_gives_back_everything(bob: User) -> None:
    one_by_one.release(hold(bob, 500).pk, now=NOW)
    assert counters(bob, "general") == [(0, 0, 0)] * 2
    hold(bob, 500)


def test_presume_books_the_full_amount(bob: User) -> None:
    reservation = hold(bob, 400)
    one_by_one.presume(reservation.pk, now=NOW)
    assert counters(bob, "general") == [(400, 0, 0)] * 2
    reservation.refresh_from_db()
    assert (reservation.state, reservation.actual_nanos) == ("presumed", 400)


def test_overage_is_booked_shown_and_not_spendable_again(bob: User) -> None:
    one_by_one.settle(hold(bob, 100).pk, actual_nanos=450, now=NOW)
    assert counters(bob, "general") == [(100, 0, 350)] * 2
    assert its_windows(bob)[0].free_nanos == 50
    with pytest.raises(ledger.DoesNotFit):
        hold(bob, 51)
    hold(bob, 50)
    assert list(differences(NOW)) == []


def test_overage_beyond_the_limit_never_strands_the_hold(bob: User) -> None:
    one_by_one.settle(hold(bob, 500).pk, actual_nanos=10_000, now=NOW)
    assert counters(bob, "general") == [(500, 0, 9500)] * 2
    assert its_windows(bob)[0].free_nanos == 0


@pytest.mark.parametrize(
    "again",
    [
        lambda pk: one_by_one.settle(pk, actual_nanos=1, now=NOW),
        lambda pk: one_by_one.release(pk, now=NOW),
        lambda pk: one_by_one.presume(pk, now=NOW),
    ],
)
def test_closes_once(bob: User, again: Callable[[object], None]) -> None:
    reservation = hold(bob, 100)
    one_by_one.settle(reservation.pk, actual_nanos=60, now=NOW)
    with pytest.raises(AlreadyClosed):
        again(reservation.pk)
    assert counters(bob, "general") == [(60, 0, 0)] * 2


def test_sent_once_and_not_after_the_lease(bob: User) -> None:
    reservation = hold(bob, 10)
    assert one_by_one.mark_sent(reservation.pk, now=NOW)
    assert not one_by_one.mark_sent(reservation.pk, now=NOW)
    late = hold(bob, 10)
    assert not one_by_one.mark_sent(late.pk, now=NOW + timedelta(minutes=3))


def test_lowering_a_limit_below_what_is_spent_refuses_from_then_on(bob: User) -> None:
    one_by_one.settle(hold(bob, 400).pk, actual_nanos=400, now=NOW)
    held = hold(bob, 50)
    set_limit(applying_budgets(bob.pk, "general")[0], limit_nanos=100, now=NOW)
    assert its_windows(bob)[0].free_nanos == 0
    with pytest.raises(ledger.DoesNotFit):
        hold(bob, 1)
    # What was held before is still closed with the truth.
    one_by_one.settle(held.pk, actual_nanos=50, now=NOW)
    assert counters(bob, "general")[0] == (450, 0, 0)
    set_limit(applying_budgets(bob.pk, "general")[0], limit_nanos=451, now=NOW)
    hold(bob, 1)
    assert list(differences(NOW)) == []


def test_settles_in_the_window_that_was_charged_also_after_midnight(bob: User) -> None:
    reservation = hold(bob, 100)
    tomorrow = NOW + timedelta(days=1)
    one_by_one.settle(reservation.pk, actual_nanos=70, now=tomorrow)
    fresh = windows_for(bob.pk, "general", tomorrow)
    day = next(window for window in fresh if window.budget.period == "day")
    assert (day.spent_nanos, day.free_nanos) == (0, 500)
    assert counters(bob, "general")[0] == (70, 0, 0)


def test_corrections_are_new_entries_with_author_and_reason(bob: User) -> None:
    reservation = hold(bob, 400)
    one_by_one.presume(reservation.pk, now=NOW)
    before = list(LedgerEntry.objects.values())
    delta = corrections.correct(
        reservation.pk, actual_nanos=150, author_id=bob.pk, reason="provider's bill", now=NOW
    )
    assert delta == -250
    assert counters(bob, "general") == [(150, 0, 0)] * 2
    assert list(LedgerEntry.objects.values())[: len(before)] == before
    entry = LedgerEntry.objects.last()
    assert entry is not None
    assert (entry.kind, entry.author_id, entry.reason) == ("correct", bob.pk, "provider's bill")
    assert list(differences(NOW)) == []


def test_a_correction_upwards_without_room_is_overage(bob: User) -> None:
    first = hold(bob, 400)
    one_by_one.settle(first.pk, actual_nanos=100, now=NOW)
    one_by_one.settle(hold(bob, 400).pk, actual_nanos=400, now=NOW)
    corrections.correct(first.pk, actual_nanos=300, author_id=None, reason="late bill", now=NOW)
    assert counters(bob, "general") == [(500, 0, 200), (700, 0, 0)]
    # And back again: nothing is lost on the way.
    corrections.correct(first.pk, actual_nanos=0, author_id=None, reason="refunded", now=NOW)
    assert [c[0] + c[2] for c in counters(bob, "general")] == [400, 400]
    assert list(differences(NOW)) == []


def test_an_open_reservation_cannot_be_corrected(bob: User) -> None:
    with pytest.raises(ValueError, match="closed"):
        corrections.correct(hold(bob, 1).pk, actual_nanos=0, author_id=None, reason="x", now=NOW)


def test_entries_are_never_changed_or_deleted(bob: User) -> None:
    hold(bob, 1)
    entry = LedgerEntry.objects.first()
    assert entry is not None
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


@pytest.mark.parametrize("counter", ["spent_nanos", "reserved_nanos"])
def test_the_database_has_the_last_word_on_the_limit(bob: User, counter: str) -> None:
    its_windows(bob)
    with pytest.raises(IntegrityError), transaction.atomic():
        Window.objects.update(**{counter: F("peak_limit_nanos") + 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        Window.objects.update(**{counter: -1})


def test_check_finds_a_counter_that_was_tampered_with(bob: User) -> None:
    hold(bob, 10)
    Window.objects.filter(budget__period="day").update(spent_nanos=7)
    found = list(differences(NOW))
    assert len(found) == 1 and "spent is 7 nanos, its journal says 0" in found[0]


def test_check_finds_a_reservation_past_its_lease(bob: User) -> None:
    reservation = hold(bob, 10)
    found = list(differences(NOW + timedelta(minutes=5)))
    assert found == [f"reservation {reservation.pk} is still held after its lease"]


def test_a_new_time_zone_never_overlaps_an_old_window(bob: User) -> None:
    first = its_windows(bob)
    bob.budgets.update(time_zone="Pacific/Kiritimati")
    assert its_windows(bob) == first
    after = (first[0].ends_at or NOW) + timedelta(seconds=1)
    fresh = windows_for(bob.pk, "general", after)
    day = next(window for window in fresh if window.budget.period == "day")
    assert day.starts_at >= first[0].ends_at


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's way of telling its plan")
def test_overdue_ones_are_found_without_reading_those_that_are_closed() -> None:
    # Of a million calls a handful is open, and somebody looks every second.
    plans = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        cursor = connection.connection.execute(
            f"EXPLAIN QUERY PLAN {sql % (('?',) * len(params))}", params
        )
        plans.append(cursor.fetchone()[3])
        return execute(sql, params, *more)

    with connection.execute_wrapper(explain):
        ledger.overdue(NOW)
    (plan,) = plans
    assert plan.startswith("SEARCH router_app_reservation USING INDEX open_reservations")
