"""How long pages take on the server: `python -m bench.page`, on the database of DATABASE_URL.

Signs in as the first person of `bench.fill`, gives them conversations where there are none, and
asks for each page through Django's whole stack, without a network. With a small and a large filling
it shows what a million calls change.
"""

import argparse
import os
import time
from collections.abc import Callable

import django
from django.core.exceptions import ImproperlyConfigured

from bench.figures import percentile

CONVERSATIONS = 30
EXCHANGES = 10  # in each: a prompt and an answer
TIMES = 60
UNTIMED = 5
ANSWER = (
    "Quicksort picks a *pivot*, moves what is smaller before it and what is larger after it, and"
    " sorts both sides the same way:\n\n```python\ndef quicksort(items):\n    if len(items) < 2:\n"
    "        return items\n    pivot, *rest = items\n    ...\n```\n\nOn average `n log n` steps."
)


def pages(conversation: str) -> dict[str, str]:
    """Title and address of what is asked for."""
    return {
        "chat, empty": "/",
        f"chat, {EXCHANGES} answers": f"/c/{conversation}/",
        "dashboard": "/dashboard/",
        "history": "/history/",
        "budgets": "/budgets/",
    }


def composed(conversation: str) -> dict[str, str]:
    """What the composer holds when the price tag is asked for."""
    return {
        "conversation": conversation,
        "prompt": "And where is it slow? " * 10,
        "task": "general",
        "quality": "medium",
        "budget": "0.1",
    }


def timed(once: Callable[[], object], times: int) -> list[float]:
    """Seconds of each run, in ascending order; the first few are not counted."""
    for _ in range(UNTIMED):
        once()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        once()
        taken.append(time.perf_counter() - began)
    return sorted(taken)


def prepare() -> tuple[int, str]:
    """The person, and the newest of their conversations; made where there are none."""
    from bench.fill import PERSON
    from router_app.models import Conversation, RoutingDecision, User

    user = User.objects.filter(username=PERSON.format(number=1)).first()
    if user is None:
        raise SystemExit("Fill the database first: python -m bench.fill --calls 200")
    if not Conversation.objects.filter(user=user).exists():
        newest = RoutingDecision.objects.filter(user=user, message=None).order_by("-created_at")
        decisions = iter(newest[: CONVERSATIONS * EXCHANGES])
        for number in range(CONVERSATIONS):
            _converse(user.pk, number, list(zip(range(EXCHANGES), decisions, strict=False)))
    conversation = Conversation.objects.filter(user=user).latest("updated_at")
    return user.pk, str(conversation.pk)


def _converse(user_id: int, number: int, answered: "list[tuple[int, object]]") -> None:
    from datetime import timedelta

    from django.utils import timezone

    from router_app.models import Conversation, Message, Workspace

    now = timezone.now() - timedelta(hours=number)
    conversation = Conversation.objects.create(
        user_id=user_id,
        workspace=Workspace.objects.get(personal_of=user_id),
        title=f"Sorting, part {number}",
        created_at=now,
        updated_at=now,
    )
    messages = []
    for index, decision in answered:
        at = now + timedelta(seconds=index)
        asked = Message(role="user", text="Explain quicksort", created_at=at)
        answer = Message(role="assistant", text=ANSWER, created_at=at + timedelta(seconds=0.5))
        answer.decision = decision  # type: ignore[assignment]
        messages += [asked, answer]
    for message in messages:
        message.conversation = conversation
    Message.objects.bulk_create(messages)


def main() -> None:
    """Read the command line, time, print a line a page."""
    parser = argparse.ArgumentParser(description="Time pages on the server.")
    parser.add_argument("--times", type=int, default=TIMES)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
    django.setup()
    from django.test import Client

    from budgetrouter.serving.static_files import collect_if_changed
    from router_app.models import Call, User

    collect_if_changed()
    user_id, conversation = prepare()
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(
        User.objects.get(pk=user_id), backend="django.contrib.auth.backends.ModelBackend"
    )
    print(f"{Call.objects.count():,} calls in the database")
    for title, address in pages(conversation).items():

        def once(address: str = address) -> None:
            reply = client.get(address)
            if reply.status_code != 200:
                raise ImproperlyConfigured(f"{address} answered {reply.status_code}")

        told(title, timed(once, given.times))

    def price() -> None:
        reply = client.post("/price/", composed(conversation), headers={"HX-Request": "true"})
        if reply.status_code != 200 or not reply.content:
            raise ImproperlyConfigured(f"/price/ answered {reply.status_code}")

    told("price tag", timed(price, given.times))


def told(title: str, taken: list[float]) -> None:
    """Print a line."""
    figures = ", ".join(f"p{p} {percentile(taken, p) * 1000:.1f} ms" for p in (50, 95))
    print(f"{title:18} {figures}", flush=True)


if __name__ == "__main__":
    main()
