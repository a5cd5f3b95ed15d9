"""Operators' pages open for operators, and money's rows change for nobody."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from router_app.models import (
    Alert,
    ApiKey,
    AuditEntry,
    Budget,
    Call,
    Conversation,
    LanguageModel,
    LedgerEntry,
    Price,
    Provider,
    Reservation,
    RoutingDecision,
    RoutingPolicy,
    TopUp,
    User,
    Webhook,
    Window,
)
from tests.admin.conftest import text_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db

TABLES = [
    Alert, ApiKey, AuditEntry, Budget, Call, Conversation, LanguageModel, LedgerEntry, Price,
    Provider, Reservation, RoutingDecision, RoutingPolicy, TopUp, User, Webhook, Window,
]  # fmt: skip
LEDGER = [
    Alert, AuditEntry, Call, Conversation, LedgerEntry, Reservation, RoutingDecision, TopUp, Window,
]  # fmt: skip
ADD_ONLY = [Price, RoutingPolicy]
NEVER_DELETED = [*LEDGER, *ADD_ONLY, ApiKey, Budget, User, Webhook]


def _url(table, page: str, *args: object) -> str:
    return reverse(f"admin:router_app_{table._meta.model_name}_{page}", args=args)


def test_every_table_of_ours_that_is_registered_is_in_the_list():
    ours = {m for m in admin.site._registry if m._meta.app_label == "router_app"}
    assert ours == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_lists_and_rows_open_for_the_administrator(operator, call, table):
    assert operator.get(_url(table, "changelist")).status_code == 200
    assert operator.get(_url(table, "changelist"), {"q": "alice"}).status_code == 200
    row = table.objects.first()
    assert row is not None
    expected = 403 if table is Conversation else 200  # its page would show its title
    assert operator.get(_url(table, "change", row.pk)).status_code == expected


def test_the_index_groups_the_tables(operator):
    page = text_of(operator.get(reverse("admin:index")))
    order = [page.index(f">{title}") for title in ("Catalogue", "People", "Budgets", "Ledger")]
    assert order == sorted(order)
    assert "Budget Router" in page


@pytest.mark.parametrize("table", TABLES)
def test_people_are_sent_away(client, call, table):
    client.force_login(make_user("charlie"))
    for page in (_url(table, "changelist"), _url(table, "change", table.objects.first().pk)):
        response = client.get(page)
        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]


def test_there_is_one_sign_in_page(client, root):
    response = client.get("/admin/router_app/call/", follow=True)
    assert response.redirect_chain[-1][0] == (
        f"{reverse('account_login')}?next=/admin/router_app/call/"
    )
    sent = {"username": "root", "password": "correct horse battery"}
    assert client.post(reverse("admin:login"), sent).status_code == 302
    assert "_auth_user_id" not in client.session

    client.force_login(make_user("charlie"))
    assert client.get("/admin/", follow=True).status_code == 403
    client.force_login(root)
    assert client.get(reverse("admin:login"))["Location"] == "/admin/"


def test_staff_without_permissions_sees_no_table(client, call):
    client.force_login(make_user("temp", is_staff=True))
    assert client.get(_url(Call, "changelist")).status_code == 403
    assert client.get(_url(Call, "correct", call.pk)).status_code == 403


@pytest.mark.parametrize("table", LEDGER)
def test_the_books_are_changed_by_nobody(operator, call, table):
    row = table.objects.first()
    before = table.objects.filter(pk=row.pk).values().get()
    assert operator.get(_url(table, "add")).status_code == 403
    assert operator.post(_url(table, "add"), {}).status_code == 403
    assert operator.post(_url(table, "change", row.pk), {"amount_nanos": 1}).status_code == 403
    assert table.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("table", NEVER_DELETED)
def test_what_receipts_refer_to_is_never_deleted(operator, call, table):
    row = table.objects.first()
    assert operator.post(_url(table, "delete", row.pk), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    operator.post(_url(table, "changelist"), chosen)
    assert table.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("table", ADD_ONLY)
def test_prices_and_policies_are_not_edited(operator, call, table):
    row = table.objects.first()
    before = table.objects.filter(pk=row.pk).values().get()
    sent = {"input": "9", "floor_low": "9", "_save": "Save"}
    assert operator.post(_url(table, "change", row.pk), sent).status_code == 403
    assert table.objects.filter(pk=row.pk).values().get() == before


def test_words_of_people_and_hashes_of_keys_are_nowhere(operator, call):
    pages = [_url(table, "changelist") for table in TABLES]
    pages += [_url(t, "change", t.objects.first().pk) for t in TABLES if t is not Conversation]
    for page in pages:
        shown = text_of(operator.get(page))
        assert "a secret" not in shown, page
        assert "c0ffee" not in shown, page
        assert Webhook.objects.get().secret not in shown, page


@pytest.mark.parametrize(
    ("table", "column", "begins"),
    [
        (Conversation, "title", "a"),
        (RoutingDecision, "prompt", "a secret"),
        (ApiKey, "hash", "c0"),
        (Webhook, "secret", "wh"),
        (Webhook, "url", "https://hooks.example.com/c"),
    ],
)
def test_what_is_not_shown_cannot_be_guessed_letter_by_letter(
    operator, call, table, column, begins
):
    for lookup in (f"{column}__startswith", column):
        asked = operator.get(_url(table, "changelist"), {lookup: begins})
        assert asked.status_code == 400


def test_an_operator_for_accounts_cannot_make_an_administrator(client, root):
    warden = make_user("warden", is_staff=True)
    rights = ("view_user", "change_user")
    warden.user_permissions.set(Permission.objects.filter(codename__in=rights))
    dora = make_user("dora")
    client.force_login(warden)

    form = client.get(_url(User, "change", dora.pk)).context["adminform"].form
    assert not {"is_superuser", "is_staff", "user_permissions"} & set(form.fields)
    assert client.post(_url(User, "change", root.pk), {"username": "x"}).status_code == 403
