"""From an alert to those it is for. Each alert is spread once, whichever process does it."""

import logging
from collections.abc import Iterable, Sequence

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from router_app.alerts.recipients import people_of, webhooks_of
from router_app.alerts.words import told
from router_app.models import Alert, Delivery, Notice, User, Webhook

logger = logging.getLogger(__name__)

AT_ONCE = 100


def spread_pending() -> int:
    """Spread all alerts that wait; how many."""
    spread = 0
    while waiting := _waiting():
        highest = _highest(waiting)
        spread += sum(_try(alert, quietly=alert.pk not in highest) for alert in waiting)
    return spread


def _try(alert: Alert, *, quietly: bool) -> bool:
    """The same, but one that cannot be told does not keep all later ones from being told: it is
    put aside, and stays among the alerts that operators see."""
    try:
        return _spread(alert, quietly=quietly)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as failure:
        logger.error("alert %s cannot be told (%s).", alert.key, type(failure).__name__)
        return _spread(alert, quietly=True)


def _waiting() -> list[Alert]:
    unspread = Alert.objects.filter(spread_at=None).order_by("at", "pk")
    return list(unspread.select_related("window__budget__api_key", "workspace", "user")[:AT_ONCE])


def _highest(alerts: Iterable[Alert]) -> set[object]:
    """All but the lower ones of several thresholds that one window reached at once: who hears that
    all is spent need not hear of 80 % too."""
    best: dict[object, Alert] = {}
    for alert in alerts:
        about = alert.window_id or alert.pk
        if about not in best or (alert.percent or 0) > (best[about].percent or 0):
            best[about] = alert
    return {alert.pk for alert in best.values()}


def _spread(alert: Alert, *, quietly: bool) -> bool:
    """Whether it was this process that did."""
    now = timezone.now()
    with transaction.atomic():
        claimed = Alert.objects.filter(pk=alert.pk, spread_at=None).update(spread_at=now)
        if claimed and not quietly:
            people = list(people_of(alert))
            _notify(alert, people)
            _send(alert, people, webhooks_of(alert))
    return bool(claimed)


def _notify(alert: Alert, people: Sequence[User]) -> None:
    words = told(alert)
    Notice.objects.bulk_create(
        Notice(
            alert=alert,
            user=person,
            title=words.title[:200],
            text=words.text[:500],
            link=words.link,
        )
        for person in people
    )


def _send(alert: Alert, people: Sequence[User], webhooks: Iterable[Webhook]) -> None:
    by_mail = [person for person in people if person.alert_emails and person.email]
    Delivery.objects.bulk_create(
        [
            *(Delivery(alert=alert, user=person) for person in by_mail),
            *(Delivery(alert=alert, webhook=webhook) for webhook in webhooks),
        ]
    )


def is_anything_waiting() -> bool:
    """Whether an alert is unspread or a delivery is due: one look, at two small indexes."""
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_try_at__lte=timezone.now())
    return Alert.objects.filter(spread_at=None).exists() or due.exists()
