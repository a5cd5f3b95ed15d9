"""Deliveries: each is tried by one process at a time, and again until it arrives or is given up.

Whoever tries moves the next try ahead first, by longer than a try takes; so a process that dies in
the middle is followed by another, and at worst a message comes twice, under the same id.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from router_app.alerts.recipients import people_of
from router_app.alerts.words import body_of, told
from router_app.models import Delivery, Webhook
from router_app.webhooks.delivery import deliver_now
from router_app.webhooks.message import Message
from router_app.webhooks.schedule import next_try

logger = logging.getLogger(__name__)

AT_ONCE = 8  # tried at the same time, so that one slow receiver keeps few others waiting
LEASE = timedelta(minutes=2)  # longer than a try takes
GONE = 410

State = Delivery.State


@dataclass(frozen=True, slots=True)
class Result:
    """How a try went; the sentence is ours and may be shown."""

    sentence: str
    delivered: bool
    retry: bool = False
    gone: bool = False  # the receiver wants no more


def send_some() -> int:
    """Try those deliveries that are due, as many as are tried at once; how many."""
    if not (claimed := _claim()):
        return 0
    with ThreadPoolExecutor(len(claimed), thread_name_prefix="alert") as pool:
        # Only the network is used in there: the rows were read before.
        results = pool.map(_try, [_prepared_or_not(delivery) for delivery in claimed])
        for delivery, result in zip(claimed, results, strict=True):
            _book(delivery, result)
    return len(claimed)


def _claim() -> list[Delivery]:
    now = timezone.now()
    due = Delivery.objects.filter(state=State.WAITING, next_try_at__lte=now)
    found = due.order_by("next_try_at").select_related(
        "user", "webhook__workspace", "alert__window__budget", "alert__workspace", "alert__user"
    )
    claimed = []
    for delivery in found[:AT_ONCE]:
        mine = Delivery.objects.filter(
            pk=delivery.pk, state=State.WAITING, next_try_at=delivery.next_try_at
        )
        if mine.update(next_try_at=now + LEASE, attempts=delivery.attempts + 1):
            delivery.attempts += 1
            claimed.append(delivery)
    return claimed


@dataclass(frozen=True, slots=True)
class _Mail:
    address: str
    subject: str
    text: str


def _prepared_or_not(delivery: Delivery) -> Message | _Mail | Result:
    """One that cannot be put into words is given up in time and holds up no other."""
    try:
        return _prepared(delivery)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as failure:
        logger.error("delivery %s cannot be made (%s).", delivery.pk, type(failure).__name__)
        return Result("It could not be put into words.", delivered=False, retry=True)


def _prepared(delivery: Delivery) -> Message | _Mail | Result:
    if delivery.webhook is not None:
        return _message(delivery, delivery.webhook)
    person = delivery.user
    if person is None or not (person.is_active and person.alert_emails and person.email):
        return Result("This person wants no e-mail any more.", delivered=False)
    if not people_of(delivery.alert).filter(pk=person.pk).exists():  # removed since it was written
        return Result("This is no longer for this person.", delivered=False)
    words = told(delivery.alert)
    link = f"\n\n{settings.PUBLIC_URL}{words.link}" if settings.PUBLIC_URL else ""
    profile = "You can turn these e-mails off in your profile."
    subject = " ".join(words.title.split())  # names may hold line breaks, subjects may not
    return _Mail(person.email, subject, f"{words.text}{link}\n\n{profile}\n")


def _message(delivery: Delivery, webhook: Webhook) -> Message | Result:
    if webhook.ended_at is not None or (webhook.workspace and not webhook.workspace.is_open):
        return Result("The webhook was removed.", delivered=False)
    body = json.dumps(body_of(delivery.alert), separators=(",", ":")).encode()
    return Message(id=str(delivery.pk), url=webhook.url, secret=webhook.secret, body=body)


def _try(what: Message | _Mail | Result) -> Result:
    if isinstance(what, Result):
        return what
    if isinstance(what, _Mail):
        return _mail(what)
    outcome = deliver_now(what, allow_loopback=settings.WEBHOOK_LOOPBACK)
    return Result(
        outcome.sentence, outcome.is_delivered, outcome.retry, gone=outcome.status == GONE
    )


def _mail(mail: _Mail) -> Result:
    try:
        send_mail(mail.subject, mail.text, None, [mail.address])
    except (OSError, SMTPException, ValueError) as error:
        logger.warning("an alert could not be sent by e-mail: %s", type(error).__name__)
        return Result("The mail server did not take it.", delivered=False, retry=True)
    return Result("The mail server took it.", delivered=True)


def _book(delivery: Delivery, result: Result) -> None:
    """Unless it took so long that somebody else has tried since: what they book stands."""
    now = timezone.now()
    pause = next_try(delivery.attempts) if result.retry and not result.delivered else None
    changes: dict[str, object] = {"outcome": result.sentence[:200]}
    if pause is not None:
        changes["next_try_at"] = now + pause
    else:
        changes["state"] = State.DELIVERED if result.delivered else State.GIVEN_UP
        changes["ended_at"] = now
    mine = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING, attempts=delivery.attempts)
    with transaction.atomic():
        mine.update(**changes)
        if result.gone and delivery.webhook_id is not None:
            Webhook.objects.filter(pk=delivery.webhook_id, ended_at=None).update(ended_at=now)


def last_deliveries(webhook: Webhook, most: int = 5) -> list[Delivery]:
    """The newest first."""
    return list(webhook.deliveries.order_by("-created_at").select_related("alert")[:most])
