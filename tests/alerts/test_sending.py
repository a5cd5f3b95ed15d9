"""Deliveries arrive, are tried again, are given up; never twice at the same time."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone

from router_app.alerts import sending
from router_app.alerts.hooks import TooMany, end_webhook, make_webhook, send_test
from router_app.alerts.sending import send_some
from router_app.alerts.spreading import is_anything_waiting, spread_pending
from router_app.alerts.words import Told
from router_app.alerts.worker import AlertWorker
from router_app.budgets.limits import create_budget
from router_app.budgets.thresholds import note_reached
from router_app.errors import InvalidRequest
from router_app.models import Alert, AuditEntry, Delivery, Membership, Notice, User, Webhook
from router_app.webhooks.signing import verify
from router_app.workspaces.members import remove_member
from tests.factories import DOLLAR, make_team, make_user, make_window
from tests.serving.processes import wait_until
from tests.webhooks.receiver import Receiver, says

pytestmark = pytest.mark.django_db(transaction=True)

OK = "HTTP/1.1 204 No Content\n\n"
State = Delivery.State


@pytest.fixture
def ann(settings) -> User:
    settings.WEBHOOK_LOOPBACK = True
    return make_user("ann", email="")


def hooked(user: User, port: int) -> Webhook:
    return make_webhook(user.personal_workspace, url=f"http://127.0.0.1:{port}/in?t=s3", by=user)


def send_to(user: User, answer: str, tries: int = 1) -> tuple[Webhook, Receiver]:
    """A test to a receiver that answers so, tried so many times."""

    async def run() -> tuple[Webhook, Receiver]:
        async with Receiver(says(answer)) as receiver:
            webhook = await in_thread(_begin, user, receiver.port)
            for _ in range(tries):
                await in_thread(_try)
        return webhook, receiver

    return asyncio.run(run())


def send_due() -> None:
    while send_some():
        pass


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Call it in a thread that leaves no connection behind."""

    def work() -> Any:
        try:
            return function(*args)
        finally:
            connections.close_all()

    return await asyncio.to_thread(work)


def _begin(user: User, port: int) -> Webhook:
    webhook = hooked(user, port)
    send_test(webhook)
    spread_pending()
    return webhook


def _try() -> None:
    Delivery.objects.filter(state=State.WAITING).update(next_try_at=timezone.now())
    send_due()


def test_a_webhook_is_told_in_signed_json(ann: User) -> None:
    webhook, receiver = send_to(ann, OK)

    (posted,) = receiver.posted
    assert posted.line == "POST /in?t=s3 HTTP/1.1"
    assert verify(webhook.secret, posted.headers, posted.body)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 1)
    assert posted.headers["webhook-id"] == str(delivery.pk)
    body = json.loads(posted.body)
    assert body["type"] == "test"
    assert body["workspace"] == {"id": webhook.workspace_id, "name": "ann"}


def test_a_limit_in_json(ann: User) -> None:
    budget = create_budget(user=ann, period="month", limit_nanos=DOLLAR)
    window = make_window(budget, spent_nanos=DOLLAR * 4 // 5, overage_nanos=1)
    note_reached([window.pk], now=timezone.now())

    async def run() -> Receiver:
        async with Receiver(says(OK)) as receiver:
            await in_thread(hooked, ann, receiver.port)
            await in_thread(spread_pending)
            await in_thread(send_due)
        return receiver

    (posted,) = asyncio.run(run()).posted
    told = json.loads(posted.body)["budget"]
    assert {name: told[name] for name in ("id", "level", "percent", "limit_usd", "spent_usd")} == {
        "id": budget.pk, "level": "user", "percent": 80, "limit_usd": "1", "spent_usd":
        "0.800000001",
    }  # fmt: skip


def test_a_failure_is_tried_again_under_the_same_id(ann: User) -> None:
    _, receiver = send_to(ann, "HTTP/1.1 503 No\n\n", tries=2)

    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 1
    assert len(receiver.posted) == 2
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (State.WAITING, 2)
    assert delivery.outcome == "The receiver answered with HTTP 503."
    assert delivery.next_try_at > timezone.now() + timedelta(seconds=100)


def test_it_is_given_up_at_last(ann: User) -> None:
    send_to(ann, "HTTP/1.1 500 No\n\n", tries=6)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (State.GIVEN_UP, 6)
    assert delivery.ended_at is not None
    assert not is_anything_waiting()


def test_gone_means_never_again(ann: User) -> None:
    webhook, _ = send_to(ann, "HTTP/1.1 410 Gone\n\n")

    webhook.refresh_from_db()
    assert webhook.ended_at is not None
    assert Delivery.objects.get().state == State.GIVEN_UP


def test_a_redirect_is_not_followed(ann: User) -> None:
    _, receiver = send_to(ann, "HTTP/1.1 302 Found\nLocation: http://127.0.0.1/\n\n")

    assert len(receiver.posted) == 1
    assert "redirects are not followed" in Delivery.objects.get().outcome


def test_one_that_was_removed_meanwhile_hears_nothing(ann: User) -> None:
    webhook = hooked(ann, 1024)
    send_test(webhook)
    spread_pending()
    end_webhook(webhook, by=ann)
    send_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.outcome) == (State.GIVEN_UP, "The webhook was removed.")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://10.0.0.1/", "https://localhost/", "https://a:b@c.de/", "x"],
)
def test_other_addresses_are_not_taken(url: str, settings) -> None:
    settings.WEBHOOK_LOOPBACK = False
    ann = make_user("ann")
    with pytest.raises(InvalidRequest):
        make_webhook(ann.personal_workspace, url=url, by=ann)

    assert not Webhook.objects.exists()


def test_a_private_address_is_never_contacted(ann: User, settings) -> None:
    async def run() -> Receiver:
        async with Receiver(says(OK)) as receiver:
            await in_thread(_begin, ann, receiver.port)
            settings.WEBHOOK_LOOPBACK = False  # what was allowed when it was made
            await in_thread(send_due)
        return receiver

    assert asyncio.run(run()).connections == 0
    assert Delivery.objects.get().state == State.GIVEN_UP


def test_of_many_tests_of_one_webhook_one_waits(ann: User, time_machine) -> None:
    webhook = hooked(ann, 1024)
    noon = datetime(2026, 11, 10, 12, tzinfo=UTC)
    for second in range(30):
        time_machine.move_to(noon + timedelta(seconds=second), tick=False)
        send_test(webhook)
        if second % 3 == 0:
            spread_pending()
    spread_pending()

    assert webhook.deliveries.filter(state=State.WAITING).count() == 1
    assert webhook.deliveries.latest("created_at").state == State.WAITING, "the last one"


def test_there_are_not_endless_ones(ann: User) -> None:
    for port in range(1, 11):
        hooked(ann, 1024 + port)
    with pytest.raises(TooMany):
        hooked(ann, 2000)


def test_the_trail_says_where_to_and_no_secret(ann: User) -> None:
    webhook = hooked(ann, 1024)
    end_webhook(webhook, by=ann)

    made, ended = AuditEntry.objects.filter(action__startswith="webhook").order_by("pk")
    assert made.subject == ended.subject == "webhook to http://127.0.0.1:1024"
    assert (made.actor, made.workspace) == (ann, ann.personal_workspace)


def test_e_mail(ann: User, settings) -> None:
    settings.PUBLIC_URL = "https://router.example.com"
    User.objects.filter(pk=ann.pk).update(email="ann@example.org")
    budget = create_budget(user=ann, period="total", limit_nanos=DOLLAR)
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    send_due()

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["ann@example.org"], "Total limit is spent")
    assert "Requests are refused until it is raised." in sent.body
    assert "https://router.example.com/budgets/" in sent.body


def test_a_name_of_several_lines_is_one_line_in_a_subject(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(email="ann@example.org")
    budget = create_budget(
        user=ann, period="total", limit_nanos=DOLLAR, name="Mine\r\nBcc: eve@example.org"
    )
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    send_due()

    (sent,) = mail.outbox
    assert (sent.to, sent.bcc) == (["ann@example.org"], [])
    assert sent.subject == "Mine Bcc: eve@example.org is spent"


def test_a_mail_server_that_is_away_is_asked_again(ann: User, settings, caplog) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    User.objects.filter(pk=ann.pk).update(email="ann@example.org")
    budget = create_budget(user=ann, period="total", limit_nanos=DOLLAR)
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    send_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.outcome) == (State.WAITING, "The mail server did not take it.")
    assert "ann@example.org" not in caplog.text


def test_who_was_removed_meanwhile_gets_no_e_mail(ann: User) -> None:
    ben = make_user("ben", email="ben@example.org")
    team = make_team(ann, member=[ben])
    budget = create_budget(
        level="member", workspace=team, user=ben, period="total", limit_nanos=DOLLAR
    )
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    remove_member(Membership.objects.get(user=ben, workspace=team), by=ann)
    send_due()

    assert mail.outbox == []
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.outcome) == (
        State.GIVEN_UP, "This is no longer for this person.",
    )  # fmt: skip


def test_one_that_cannot_be_put_into_words_holds_up_no_other(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_user(name, email=f"{name}@example.org") for name in ("ben", "vera")]
    budgets = [create_budget(user=each, period="total", limit_nanos=DOLLAR) for each in people]
    windows = [make_window(each, spent_nanos=DOLLAR).pk for each in budgets]
    note_reached(windows, now=timezone.now())
    spread_pending()
    in_words = sending.told

    def told_or_not(alert: Alert) -> Told:
        if alert.window_id == windows[0]:
            raise KeyError("what")
        return in_words(alert)

    monkeypatch.setattr(sending, "told", told_or_not)
    send_due()

    assert [sent.to for sent in mail.outbox] == [["vera@example.org"]]
    waiting = Delivery.objects.get(state=State.WAITING)
    assert (waiting.user, waiting.outcome) == (people[0], "It could not be put into words.")


def test_two_processes_send_it_once(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> Receiver:
        async with Receiver(says(OK)) as receiver:
            await in_thread(_begin, ann, receiver.port)
            await asyncio.gather(*(in_thread(send_due) for _ in range(4)))
        return receiver

    assert len(asyncio.run(run()).posted) == 1
    assert Delivery.objects.get().attempts == 1


def test_a_process_that_died_in_the_middle_is_followed(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_try", lambda what: (_ for _ in ()).throw(SystemError("killed")))
    webhook = hooked(ann, 1024)
    send_test(webhook)
    spread_pending()
    with pytest.raises(SystemError):
        send_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == (State.WAITING, 1)
    assert delivery.next_try_at > timezone.now() + timedelta(seconds=30)


def test_a_long_line_of_messages_keeps_nobody_from_the_bell(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_user(f"p{n}", email=f"p{n}@example.org") for n in range(20)]
    limits = [create_budget(user=each, period="total", limit_nanos=DOLLAR) for each in people]
    note_reached([make_window(each, spent_nanos=DOLLAR).pk for each in limits], now=timezone.now())
    late = make_window(
        create_budget(user=ann, period="total", limit_nanos=DOLLAR), spent_nanos=DOLLAR
    )
    book, told = sending._book, []

    def book_and_look(delivery: Delivery, result: sending.Result) -> None:
        note_reached([late.pk], now=timezone.now())
        told.append(Notice.objects.filter(user=ann).exists())
        book(delivery, result)

    monkeypatch.setattr(sending, "_book", book_and_look)
    AlertWorker()._look()

    assert len(told) == 20
    assert told[-1], "while others' messages were still being sent"


def test_what_comes_too_late_undoes_nothing(ann: User) -> None:
    """A try outlasts its lease, and another process delivers meanwhile."""
    send_test(hooked(ann, 1024))
    spread_pending()
    (claimed,) = sending._claim()
    Delivery.objects.update(state=State.DELIVERED, attempts=2, outcome="Delivered (HTTP 204).")
    sending._book(claimed, sending.Result("It broke.", delivered=False, retry=True))

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.outcome) == (State.DELIVERED, "Delivered (HTTP 204).")


def test_the_worker_does_all_of_it(ann: User) -> None:
    async def run() -> Receiver:
        worker = AlertWorker()
        async with Receiver(says(OK)) as receiver:
            webhook = await in_thread(hooked, ann, receiver.port)
            await in_thread(send_test, webhook)
            worker.start()
            try:
                await in_thread(wait_until, lambda: bool(receiver.posted))
                await in_thread(wait_until, lambda: Delivery.objects.get().state == State.DELIVERED)
            finally:
                assert await in_thread(worker.stop, 10)
        return receiver

    assert len(asyncio.run(run()).posted) == 1
    assert not any(thread.name == "alerts" for thread in _threads())


def _threads() -> list[Thread]:
    from threading import enumerate as threads

    return threads()
