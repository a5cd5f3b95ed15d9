"""Accounts and limits in the hands of an operator."""

import pytest

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import ApiKey, Budget, User
from tests.admin.conftest import no_rows, text_of
from tests.factories import DOLLAR, make_budget, make_key, make_user, make_window

pytestmark = pytest.mark.django_db
USERS = "/admin/router_app/user/"
BUDGETS = "/admin/router_app/budget/"


def _account(person: User, **changed: str) -> dict[str, str]:
    typed = {
        "username": person.username, "email": person.email, "is_active": "on",
        "time_zone": person.time_zone, "default_task": "general", "default_quality": "medium",
        "default_budget_nanos": "0.001", **no_rows("budgets"),
    }  # fmt: skip
    return {**typed, **changed}


def _limit(typed: str, **fields: str) -> dict[str, str]:
    return {"limit_nanos": typed, "name": "Limited", **fields, **no_rows("windows")}


def test_an_account_made_here_begins_with_a_limit(operator, settings):
    settings.NEW_ACCOUNT_MONTHLY_NANOS = 3 * DOLLAR
    secret = "correct horse battery"
    sent = {"username": "dora", "password1": secret, "password2": secret, "usable_password": "true"}
    response = operator.post(f"{USERS}add/", sent, follow=True)
    assert "Limited to $3.00 a month to begin with" in text_of(response)
    assert Budget.objects.get().limit_nanos == 3 * DOLLAR


def test_no_limit_is_an_explicit_choice_and_taking_it_back_sets_one(operator):
    dora = make_user("dora")
    operator.post(f"{USERS}{dora.pk}/change/", _account(dora, unlimited="on"))
    assert not dora.budgets.exists()
    operator.post(f"{USERS}{dora.pk}/change/", _account(dora))
    assert dora.budgets.count() == 1


def test_moving_somebody_moves_the_days_of_their_limits(operator):
    dora = make_user("dora")
    ensure_starting_budget(dora)
    operator.post(f"{USERS}{dora.pk}/change/", _account(dora, time_zone="Asia/Tokyo"))
    assert dora.budgets.get().time_zone == "Asia/Tokyo"


def test_keys_are_revoked_here_and_not_made(operator):
    key = make_key(make_user())
    chosen = {"action": "revoke_keys", "_selected_action": [str(key.pk)]}
    operator.post("/admin/router_app/apikey/", chosen)
    assert ApiKey.objects.get().revoked_at is not None
    assert operator.get("/admin/router_app/apikey/add/").status_code == 403


def test_keys_are_limited_here_and_nothing_else_of_them_changes(operator, client):
    key = make_key(make_user("dora"), name="nightly")
    url = f"/admin/router_app/apikey/{key.pk}/change/"
    sent = {"requests_per_minute": "60", "concurrent_requests": "0", "name": "x", "hash": "x"}
    assert operator.post(url, sent).status_code == 302
    key.refresh_from_db()
    assert (key.requests_per_minute, key.concurrent_requests) == (60, 0)
    assert (key.name, len(key.hash)) == ("nightly", 64)

    operator.post(url, {"requests_per_minute": "", "concurrent_requests": ""})
    key.refresh_from_db()
    assert (key.requests_per_minute, key.concurrent_requests) == (None, None)

    client.force_login(make_user("temp", is_staff=True))
    assert client.post(url, sent).status_code == 403
    key.refresh_from_db()
    assert key.requests_per_minute is None


def test_a_limit_made_here_is_the_administrators(operator):
    dora = make_user("dora", time_zone="Africa/Cairo")
    sent = {"user": dora.pk, "period": "day", "task_type": "code", "limit_nanos": "1,250"}
    assert operator.post(f"{BUDGETS}add/", sent).status_code == 302
    budget = Budget.objects.get()
    assert (budget.limit_nanos, budget.name) == (1250 * DOLLAR, "Daily limit for code")
    assert budget.set_by_administrator
    assert budget.time_zone == "Africa/Cairo"


def test_a_changed_limit_holds_in_the_running_window(operator):
    budget = make_budget(make_user("dora"), set_by_administrator=True)
    window = make_window(budget, spent_nanos=DOLLAR)
    url = f"{BUDGETS}{budget.pk}/change/"
    assert 'value="5"' in text_of(operator.get(url))

    sent = _limit("$2", is_active="on", set_by_administrator="on")
    assert operator.post(url, sent).status_code == 302

    window.refresh_from_db()
    assert (window.limit_nanos, window.peak_limit_nanos) == (2 * DOLLAR, 5 * DOLLAR)
    page = text_of(operator.get(BUDGETS))
    assert "$2.00" in page
    assert "$1.00" in page  # spent in the running window


@pytest.mark.parametrize("emptied", ["", "null", "[]", '""', "{}"])
def test_a_limit_without_thresholds_tells_nobody(operator, emptied):
    budget = make_budget(make_user("dora"))
    sent = _limit("5", is_active="on", alert_percents=emptied)
    assert operator.post(f"{BUDGETS}{budget.pk}/change/", sent).status_code == 302

    budget.refresh_from_db()
    assert budget.alert_percents == []


def test_changing_an_owners_limit_says_that_the_owner_can_change_it_back(operator):
    budget = make_budget(make_user("dora"))
    sent = _limit("2", is_active="on")
    response = operator.post(f"{BUDGETS}{budget.pk}/change/", sent, follow=True)
    assert "The owner can change it again" in text_of(response)


def test_the_last_limit_is_closed_only_for_who_needs_none(operator):
    dora = make_user("dora")
    budget = make_budget(dora)
    url = f"{BUDGETS}{budget.pk}/change/"
    sent = _limit("5")
    assert "This is the last limit of dora" in text_of(operator.post(url, sent))
    assert Budget.objects.get().is_active

    User.objects.filter(pk=dora.pk).update(unlimited=True)
    assert operator.post(url, sent).status_code == 302
    assert not Budget.objects.get().is_active
