"""The one thing an operator may do to the books: correct what a call cost, with a reason."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from router_app.budgets.reconcile import differences
from router_app.models import Call, LedgerEntry, Window
from tests.admin.conftest import text_of
from tests.factories import CENT, make_user

pytestmark = pytest.mark.django_db


def _url(call: Call) -> str:
    return f"/admin/router_app/call/{call.pk}/correct/"


def test_a_correction_is_a_new_entry_with_author_and_reason(operator, root, call):
    spent = Window.objects.get().spent_nanos
    before = call.total_nanos
    assert "Correct the cost" in text_of(operator.get(f"/admin/router_app/call/{call.pk}/change/"))
    assert "Booked now" in text_of(operator.get(_url(call)))

    sent = {"actual": "0.005", "reason": "invoice of November"}
    response = operator.post(_url(call), sent, follow=True)

    assert "Cost corrected by" in text_of(response)
    call.refresh_from_db()
    assert call.total_nanos == CENT // 2
    entry = LedgerEntry.objects.last()
    assert (entry.kind, entry.author, entry.reason) == ("correct", root, "invoice of November")
    assert Window.objects.get().spent_nanos == spent + CENT // 2 - before
    assert list(differences(timezone.now())) == []
    assert LogEntry.objects.filter(user=root, object_id=str(call.pk)).exists()


def test_the_list_leads_to_the_form_for_one_call(operator, call):
    chosen = {"action": "correct_cost", "_selected_action": [str(call.pk)]}
    response = operator.post("/admin/router_app/call/", chosen)
    assert response["Location"] == _url(call)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"actual": "", "reason": "x"}, "This field is required."),
        ({"actual": "0.001", "reason": " "}, "This field is required."),
        ({"actual": "-1", "reason": "x"}, "Enter an amount"),
        ({"actual": "10001", "reason": "x"}, "highest amount"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_booked(operator, call, sent, said):
    entries = LedgerEntry.objects.count()
    assert said in text_of(operator.post(_url(call), sent))
    assert LedgerEntry.objects.count() == entries


def test_sending_the_form_twice_books_once(operator, call):
    sent = {"actual": "0.005", "reason": "invoice"}
    operator.post(_url(call), sent)
    entries = LedgerEntry.objects.count()
    assert "what is booked already" in text_of(operator.post(_url(call), sent))
    assert LedgerEntry.objects.count() == entries


def test_a_running_call_is_not_corrected(operator, call):
    Call.objects.filter(pk=call.pk).update(closed_at=None)
    type(call.reservation).objects.filter(pk=call.reservation_id).update(actual_nanos=None)
    assert "still running" in text_of(operator.get(_url(call)))
    response = operator.post(_url(call), {"actual": "0.005", "reason": "x"})
    assert "still running" in text_of(response)
    assert not LedgerEntry.objects.filter(kind="correct").exists()


def test_who_may_only_look_may_not_correct(client, call):
    clerk = make_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(_url(call)).status_code == 403
    assert client.post(_url(call), {"actual": "1", "reason": "x"}).status_code == 403
