"""What else is told: charges that nobody can be sure of, models and providers that are gone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from router_app.errors import RouterError
from router_app.gateway.alerting import _of_the_site
from router_app.gateway.cooling import cooling
from router_app.gateway.expiry import expire_overdue
from router_app.gateway.writer import writer
from router_app.models import Alert, Reservation, User
from router_app.providers.base import Billing, FailureKind, Finished, ProviderFailure, Usage
from router_app.providers.scripted import ScriptedProvider
from tests.gateway.asking import a_request, admit, ask

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "openai/gpt-oss-20b"
Kind = Alert.Kind


def kinds() -> list[str]:
    return list(Alert.objects.order_by("kind").values_list("kind", flat=True))


def test_an_ordinary_answer_is_no_news(alice: User, provider: ScriptedProvider) -> None:
    ask(alice)

    assert kinds() == []


def test_a_bill_above_what_was_held(alice: User, provider: ScriptedProvider) -> None:
    provider.default = (Finished("stop", Usage(10, 1_000_000)),)
    for _ in range(2):
        ask(alice, model=MODEL, max_tokens=100)

    alert = Alert.objects.get()
    assert alert.kind == Kind.OVERAGE
    assert (alert.workspace, alert.user) == (alice.personal_workspace, alice)
    assert alert.facts["amount_nanos"] > 200_000_000


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (FailureKind.MODEL_GONE, [Kind.MODEL_GONE]),  # nothing is routed to it from then on
        (FailureKind.OUT_OF_MONEY, [Kind.OUT_OF_MONEY] * 2),
    ],
)
def test_what_the_site_depends_on_is_told_once_a_day(
    failure: FailureKind,
    told: list[str],
    alice: User,
    provider: ScriptedProvider,
    time_machine,
) -> None:
    noon = timezone.now().replace(hour=12)
    time_machine.move_to(noon, tick=False)
    provider.default = (ProviderFailure(failure, "gone", billing=Billing.NOT_BILLED),)
    for day in (0, 0, 1):
        time_machine.move_to(noon + timedelta(days=day), tick=False)
        cooling.__init__()  # type: ignore[misc]  # it is tried again
        with pytest.raises(RouterError):
            ask(alice, model=MODEL)

    assert kinds() == told
    assert Alert.objects.filter(workspace=None, user=None).count() == len(told)


def test_a_model_with_the_longest_of_names_is_told_on_another_day_too() -> None:
    noon = datetime(2026, 11, 10, 12, tzinfo=UTC)
    keys = {
        _of_the_site(Kind.MODEL_GONE, {"model": "m" * 160}, noon + timedelta(days=day)).key
        for day in range(3)
    }

    assert len(keys) == 3
    assert all(len(key) <= 120 for key in keys)


def test_a_call_of_which_nobody_knows(alice: User, provider: ScriptedProvider) -> None:
    failure = ProviderFailure(FailureKind.TIMEOUT, "silence", billing=Billing.UNKNOWN)
    provider.default = (failure,)
    with pytest.raises(RouterError):
        ask(alice, model=MODEL)

    assert kinds() == [Kind.PRESUMED]


def test_a_call_that_the_clock_closed(alice: User, provider: ScriptedProvider) -> None:
    writer.run_sync(lambda: admit(a_request(alice, model=MODEL)))
    Reservation.objects.update(lease_ends_at=timezone.now() - timedelta(seconds=1))
    assert expire_overdue(now=timezone.now()) == (1, 0)

    alert = Alert.objects.get()
    assert (alert.kind, alert.user) == (Kind.PRESUMED, alice)
