"""The budgets page: seen, set, raised, lowered, closed; by their owner and nobody else."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import Budget, User
from tests.factories import CENT, DOLLAR, make_budget, make_conversation, make_user, make_window

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(client) -> User:
    user = make_user("alice", time_zone="Africa/Cairo")
    ensure_starting_budget(user)
    client.force_login(user)
    return user


def _page(response) -> str:
    return " ".join(response.content.decode().split())


def test_spent_held_and_free_are_shown_apart_with_who_set_it_and_when_it_resets(
    client, alice, time_machine
):
    time_machine.move_to("2026-11-23T10:00:00Z")
    budget = alice.budgets.get()
    make_window(
        budget,
        spent_nanos=125 * CENT,
        reserved_nanos=25 * CENT,
        ends_at="2026-11-30T22:00:00Z",
    )

    page = _page(client.get("/budgets/"))

    assert "Monthly limit" in page
    for amount in ("$1.25", "$0.25", "$3.50", "$5.00"):
        assert amount in page
    assert "Resets on 1 December at 00:00, Cairo time" in page
    assert "Set by you" in page


def test_a_limit_can_save_while_money_goes_faster_than_time(client, alice):
    budget = alice.budgets.get()
    url = reverse("budgets_edit", args=[budget.pk])
    assert 'name="pace_aware"' in _page(client.get(url))
    assert "Saves while money" not in _page(client.get("/budgets/"))

    response = client.post(url, {"limit": "5", "pace_aware": "on"}, follow=True)

    budget.refresh_from_db()
    assert budget.pace_aware
    assert "It saves while money goes faster than time." in _page(response)
    assert "Saves while money goes faster than time." in _page(client.get("/budgets/"))
    assert re.search(r'name="pace_aware"[^>]*checked', _page(client.get(url)))


def test_what_never_ends_has_no_pace(client, alice):
    budget = make_budget(alice, period="total")
    url = reverse("budgets_edit", args=[budget.pk])
    assert "pace_aware" not in _page(client.get(url))
    client.post(url, {"limit": "1", "pace_aware": "on"})
    budget.refresh_from_db()
    assert (budget.limit_nanos, budget.pace_aware) == (DOLLAR, False)


def test_the_pace_of_an_administrators_limit_is_not_its_owners_to_change(client, alice):
    budget = make_budget(alice, period="day", set_by_administrator=True)
    url = reverse("budgets_edit", args=[budget.pk])
    assert client.post(url, {"limit": "5", "pace_aware": "on"}).status_code == 403
    budget.refresh_from_db()
    assert not budget.pace_aware


def test_overage_is_said(client, alice):
    make_window(alice.budgets.get(), spent_nanos=CENT, overage_nanos=2 * CENT)
    page = _page(client.get("/budgets/"))
    assert "$0.02</span> more was billed than had been held" in page


def test_the_story_of_a_limit(client, alice):
    # A daily limit for code is added, with an amount as people type it.
    new = {"period": "day", "task_type": "code", "limit": "$0,50"}
    response = client.post("/budgets/", new, follow=True)
    assert "Daily limit for code of $0.50 is in force." in _page(response)
    budget = alice.budgets.get(period="day")
    assert (budget.limit_nanos, budget.task_type) == (50 * CENT, "code")
    ends_at = timezone.now() + timedelta(hours=9)
    make_window(budget, spent_nanos=30 * CENT, ends_at=ends_at)

    # It is raised.
    url = reverse("budgets_edit", args=[budget.pk])
    assert 'value="0.5"' in _page(client.get(url))
    response = client.post(url, {"limit": "1"}, follow=True)
    assert "Daily limit for code is $1.00 now, also for the running period." in _page(response)
    assert budget.windows.get().limit_nanos == DOLLAR

    # It is lowered below what is spent, and that is said.
    response = client.post(url, {"limit": "0.10"}, follow=True)
    page = _page(response)
    assert "$0.30 of it is spent or held, so requests are refused until it resets" in page
    assert "Nothing is free: requests for code are refused" in page

    # It is closed, after a question.
    close = reverse("budgets_close", args=[budget.pk])
    assert "Close the limit" in _page(client.get(close))
    assert Budget.objects.get(pk=budget.pk).is_active
    response = client.post(close, follow=True)
    assert "Daily limit for code is closed" in _page(response)
    assert not Budget.objects.get(pk=budget.pk).is_active
    assert client.get(url).status_code == 404


def test_the_last_general_limit_offers_no_way_to_close_it(client, alice):
    budget = alice.budgets.get()
    page = _page(client.get(reverse("budgets_edit", args=[budget.pk])))
    assert "can be changed and not closed" in page
    assert reverse("budgets_close", args=[budget.pk]) not in page

    response = client.post(reverse("budgets_close", args=[budget.pk]), follow=True)
    assert "can be changed and not closed" in _page(response)
    assert Budget.objects.get(pk=budget.pk).is_active


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "This field is required."),
        ("lots", "Enter an amount in US dollars, such as 5 or 0.25."),
        ("0.0000000001", "9 decimals"),
        ("100.01", "You can set limits up to $100.00; an administrator can set higher ones."),
        ("-5", "Enter an amount"),
    ],
)
def test_a_wrong_amount_is_explained_and_stays_in_the_form(client, alice, typed, said):
    new = {"period": "week", "task_type": "email", "limit": typed}
    response = client.post("/budgets/", new)

    page = _page(response)
    assert said in page
    assert f'value="{typed}"' in page or not typed
    assert '<option value="week" selected>' in page
    assert "autofocus" in page
    assert '<option value="email" selected>' in page
    assert alice.budgets.count() == 1

    budget = alice.budgets.get()
    response = client.post(reverse("budgets_edit", args=[budget.pk]), {"limit": typed})
    assert said in _page(response)
    assert Budget.objects.get(pk=budget.pk).limit_nanos == 5 * DOLLAR


def test_a_second_one_of_the_same_kind_is_refused(client, alice):
    new = {"period": "month", "task_type": "all", "limit": "1"}
    assert "already have a monthly limit" in _page(client.post("/budgets/", new))


def test_nothing_is_chosen_that_is_not_offered(client, alice):
    new = {"period": "hour", "task_type": "poems", "limit": "1"}
    assert client.post("/budgets/", new).status_code == 200
    assert alice.budgets.count() == 1


def test_an_administrators_limit_is_shown_and_cannot_be_changed(client, alice):
    budget = make_budget(alice, 7 * DOLLAR, set_by_administrator=True, name="From above")
    page = _page(client.get("/budgets/"))
    assert "From above" in page
    assert "Set by an administrator" in page
    assert f'href="{reverse("budgets_edit", args=[budget.pk])}"' not in page

    for name in ("budgets_edit", "budgets_close"):
        url = reverse(name, args=[budget.pk])
        assert client.get(url).status_code == 403
        assert client.post(url, {"limit": "90"}).status_code == 403
    budget.refresh_from_db()
    assert (budget.limit_nanos, budget.is_active) == (7 * DOLLAR, True)


def test_strangers_find_nothing(client, alice):
    budget = alice.budgets.get()
    charlie = make_user("charlie")
    client.force_login(charlie)
    assert "Monthly limit" not in _page(client.get("/budgets/"))
    for name in ("budgets_edit", "budgets_close"):
        url = reverse(name, args=[budget.pk])
        assert client.get(url).status_code == 404
        assert client.post(url, {"limit": "90"}).status_code == 404
    budget.refresh_from_db()
    assert (budget.limit_nanos, budget.is_active) == (5 * DOLLAR, True)


@pytest.mark.parametrize("path", ["/budgets/", "/budgets/1/", "/budgets/1/close/"])
def test_without_signing_in_one_is_sent_to_do_so(client, db, path):
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


def test_who_has_no_limit_is_told_what_that_means(client):
    client.force_login(make_user("nobody"))
    assert "No limit is set for you, so requests are refused." in _page(client.get("/budgets/"))

    client.force_login(make_user("root", unlimited=True))
    assert "lets this account spend without a limit" in _page(client.get("/budgets/"))


def test_signing_up_comes_with_a_limit(client, settings):
    settings.NEW_ACCOUNT_MONTHLY_NANOS = 2 * DOLLAR
    person = {
        "username": "dora",
        "email": "dora@example.org",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
    }
    client.post(reverse("account_signup"), person)
    budget = Budget.objects.get(user__username="dora")
    assert (budget.period, budget.limit_nanos) == ("month", 2 * DOLLAR)


def test_a_refusal_leads_there_and_back(client, alice):
    conversation = make_conversation(alice, title="Where I was")
    address = reverse("chat_conversation", args=[conversation.pk])
    assert address in _page(client.get(reverse("budgets"), {"back": str(conversation.pk)}))
    budget = alice.budgets.get()
    client.post(reverse("budgets_edit", args=[budget.pk]), {"limit": "7"})
    # After the change the way back is offered once more, and then forgotten.
    assert address in _page(client.get(reverse("budgets")))
    assert address not in _page(client.get(reverse("budgets")))


@pytest.mark.parametrize("back", ["nonsense", "https://evil.example/", ""])
def test_there_is_no_way_back_to_elsewhere(client, alice, back):
    strangers = make_conversation(make_user(), title="Somebody else's")
    for value in (back, str(strangers.pk)):
        assert "Back to your question" not in _page(client.get(reverse("budgets"), {"back": value}))
