"""Webhooks of a workspace, or of the site: made, ended, tried."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from router_app.models import Alert, AuditEntry, Delivery, User, Webhook, Workspace
from router_app.webhooks.destination import check_url
from router_app.webhooks.signing import new_secret

MOST = 10  # live ones of one workspace


class TooMany(Exception):
    """There are as many webhooks here as there may be; the text is for people."""


def check(url: str) -> None:
    """Raise InvalidRequest, in words for people, for an address that is never sent to."""
    check_url(url, allow_loopback=settings.WEBHOOK_LOOPBACK)


def make_webhook(workspace: Workspace | None, *, url: str, by: User) -> Webhook:
    """A new webhook; its secret is on it. Raises InvalidRequest and TooMany."""
    check(url)
    with transaction.atomic():
        if workspace is not None:
            Workspace.objects.select_for_update().get(pk=workspace.pk)
        if webhooks_in(workspace).count() >= MOST:
            raise TooMany(f"There are {MOST} webhooks here already; remove one first.")
        made = Webhook.objects.create(
            workspace=workspace, url=url, secret=new_secret(), created_by=by
        )
        _note(AuditEntry.Action.WEBHOOK_MADE, made, by)
    return made


def end_webhook(webhook: Webhook, *, by: User) -> None:
    """It is told nothing more."""
    with transaction.atomic():
        live = Webhook.objects.filter(pk=webhook.pk, ended_at=None)
        if live.update(ended_at=timezone.now()):
            _note(AuditEntry.Action.WEBHOOK_ENDED, webhook, by)


def send_test(webhook: Webhook) -> Alert:
    """An alert that only this webhook is told; the worker sends it soon, instead of an earlier test
    that still waits.

    So however often it is asked for, no more than one test of a webhook stands in the line in which
    everybody's messages wait.
    """
    tests = webhook.deliveries.filter(alert__kind=Alert.Kind.TEST)
    tests.filter(state=Delivery.State.WAITING).update(
        state=Delivery.State.GIVEN_UP,
        outcome="Another test was sent instead.",
        ended_at=timezone.now(),
    )
    alert, _ = Alert.objects.get_or_create(
        key=f"test:{webhook.pk}:{tests.count()}",  # the same until it has become a delivery
        defaults={
            "kind": Alert.Kind.TEST,
            "workspace_id": webhook.workspace_id,
            "facts": {"webhook": webhook.pk},
        },
    )
    return alert


def webhooks_in(workspace: Workspace | None) -> QuerySet[Webhook]:
    """The live ones."""
    return Webhook.objects.filter(workspace=workspace, ended_at=None)


def _note(action: AuditEntry.Action, webhook: Webhook, by: User) -> None:
    """Where it goes, without the path: that may be a secret."""
    AuditEntry.note(
        action,
        f"webhook to {host_of(webhook.url)}",
        actor_id=by.pk,
        workspace_id=webhook.workspace_id,
    )


def host_of(url: str) -> str:
    """ "https://hooks.example.com" of the whole address."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"
