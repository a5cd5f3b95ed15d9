"""Webhooks of the whole site are set up by operators."""

import pytest
from django.test import Client

from router_app.models import Alert, AuditEntry, User, Webhook
from tests.admin.conftest import no_rows, text_of

pytestmark = pytest.mark.django_db
ADD = "/admin/router_app/webhook/add/"


def test_a_webhook_of_the_site(operator: Client, root: User) -> None:
    sent = {"url": "https://hooks.example.com/x", **no_rows("deliveries")}
    shown = text_of(operator.post(ADD, sent, follow=True))

    made = Webhook.objects.get()
    assert (made.workspace, made.created_by) == (None, root)
    assert made.secret in shown, "once"
    listed = text_of(operator.get("/admin/router_app/webhook/"))
    assert "https://hooks.example.com" in listed
    assert made.secret not in listed
    assert AuditEntry.objects.get().action == AuditEntry.Action.WEBHOOK_MADE

    chosen = {"action": "send_a_test", "_selected_action": [made.pk]}
    operator.post("/admin/router_app/webhook/", chosen)
    assert Alert.objects.get().facts == {"webhook": made.pk}

    operator.post("/admin/router_app/webhook/", {**chosen, "action": "end"})
    made.refresh_from_db()
    assert made.ended_at


def test_a_private_address_is_refused(operator: Client) -> None:
    shown = text_of(operator.post(ADD, {"url": "https://169.254.169.254/latest/"}))

    assert "errorlist" in shown
    assert not Webhook.objects.exists()
