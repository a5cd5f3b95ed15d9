"""`check_ledger` and `expire_reservations`."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from router_app.models import Reservation, Window
from tests.budgets import one_by_one
from tests.factories import CENT, make_budget, make_call, make_user, make_window

pytestmark = pytest.mark.django_db


@pytest.fixture
def window(db: None) -> Window:
    """A window in which one call was booked."""
    alice = make_user("alice")
    made = make_window(make_budget(alice))
    make_call(alice, windows=[made], reserved_nanos=CENT)
    return made


def test_clean_books_say_so(window, capsys):
    call_command("check_ledger")
    assert capsys.readouterr().out == "clean: 2 entries, counters and journal agree\n"


def test_a_nano_dollar_too_much_is_found(window, capsys):
    Window.objects.filter(pk=window.pk).update(spent_nanos=window.spent_nanos + 1)
    with pytest.raises(CommandError, match="1 differences in 2 entries") as caught:
        call_command("check_ledger")
    assert caught.value.returncode == 1
    assert f"window {window.pk}: spent is" in capsys.readouterr().out


def test_the_report_can_be_read_by_a_program(window, capsys):
    call_command("check_ledger", "--json")
    assert json.loads(capsys.readouterr().out) == {"clean": True, "entries": 2, "differences": []}

    Window.objects.filter(pk=window.pk).update(spent_nanos=0)
    with pytest.raises(CommandError):
        call_command("check_ledger", json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["clean"] is False
    assert len(report["differences"]) == 1


def test_what_is_past_its_lease_is_closed_and_counted(window, capsys):
    now = timezone.now()
    over = now - timedelta(seconds=1)
    held = [
        one_by_one.reserve(
            user_id=window.budget.user_id, windows=[window], amount_nanos=CENT,
            now=now - timedelta(minutes=5), lease_ends_at=lease,
        )
        for lease in (over, over, now + timedelta(minutes=1))
    ]  # fmt: skip
    Reservation.objects.filter(pk=held[0].pk).update(state="sent")

    call_command("expire_reservations")

    assert capsys.readouterr().out == "1 presumed at the full amount, 1 released\n"
    states = [Reservation.objects.get(pk=each.pk).state for each in held]
    assert states == ["presumed", "released", "held"]
    call_command("check_ledger")
