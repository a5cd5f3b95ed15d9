"""`prove_budget` shows that a budget holds, and fails where it does not."""

import re
from collections.abc import Sequence

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from router_app.budgets import ledger
from router_app.budgets.plans import OpenWindow
from router_app.models import Budget, Call, User, Window

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _catalog(transactional_db: None, catalog: None) -> None:
    """The proof chooses among the models of a new installation."""


def test_it_passes_what_fits_and_not_a_nano_more(capsys):
    call_command("prove_budget", calls=60, fits=7)

    said = capsys.readouterr().out
    assert re.search(r"^passed +7$", said, re.M)
    assert re.search(r"^refused +53$", said, re.M)
    window = Window.objects.get()
    assert window.spent_nanos == window.limit_nanos
    assert (window.reserved_nanos, window.overage_nanos) == (0, 0)
    assert Call.objects.filter(outcome="answered").count() == Call.objects.count() == 7
    assert "The budget holds. Ledger clean:" in said


def test_the_temporary_account_is_closed_and_its_rows_stay(capsys):
    call_command("prove_budget", "--calls", "3", "--fits", "5")
    person = User.objects.get(username__startswith="prove-")
    assert not person.is_active
    assert not person.has_usable_password()
    assert not Budget.objects.filter(is_active=True).exists()
    assert re.search(r"^passed +3$", capsys.readouterr().out, re.M)


def test_it_can_be_kept_to_look_at(capsys):
    call_command("prove_budget", "--calls", "2", "--fits", "1", "--keep")
    assert User.objects.get(username__startswith="prove-").is_active


def test_it_notices_a_ledger_that_lets_too_much_through(monkeypatch, capsys):
    def careless(holds: Sequence[ledger.Hold]) -> None:
        for hold in holds:
            windows = Window.objects.filter(pk__in=hold.window_ids)
            windows.update(
                peak_limit_nanos=2**60, reserved_nanos=F("reserved_nanos") + hold.amount_nanos
            )

    monkeypatch.setattr(ledger, "_hold", careless)
    monkeypatch.setattr(OpenWindow, "left_nanos", property(lambda _: 10**9))
    with pytest.raises(CommandError, match="8 passed where 2 fit") as caught:
        call_command("prove_budget", calls=8, fits=2)
    assert caught.value.returncode == 1
    assert "more was spent than the limit allows" in str(caught.value)


def test_it_notices_a_ledger_that_lets_too_little_through(monkeypatch, capsys):
    def strict(holds: Sequence[ledger.Hold]) -> None:
        raise ledger.DoesNotFit(frozenset())

    monkeypatch.setattr(ledger, "_hold", strict)
    with pytest.raises(CommandError, match="0 passed where 2 fit") as caught:
        call_command("prove_budget", calls=4, fits=2)
    assert caught.value.returncode == 1


def test_it_needs_no_provider_in_use(settings, capsys):
    settings.DEMO_BASE_URL = ""
    call_command("prove_budget", calls=4, fits=2)
    assert settings.DEMO_BASE_URL == ""


def test_without_a_model_it_says_so(capsys):
    from router_app.models import LanguageModel

    for model in LanguageModel.objects.all():
        model.status = "off"
        model.save()
    with pytest.raises(CommandError, match="Nothing could be proved"):
        call_command("prove_budget", calls=4, fits=2)
