"""One person's requests as rows to filter, sort and page: newest first."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Left

from router_app.analytics.ranges import start_of_day
from router_app.models import Call, LanguageModel, Message, RoutingDecision, User

EXCERPT_CHARACTERS = 160

Requests = QuerySet[RoutingDecision, RoutingDecision]


def requests_of(user: User) -> Requests:
    """The person's requests with what a row of a list shows, without the long texts.

    `excerpt` is the beginning of a stored prompt; an answer of the chat has its question's as
    `message.question`. Calls and questions are read for the rows of one page only.
    """
    calls = Call.objects.select_related("model").order_by("attempt")
    answers = Message.objects.only("decision", "conversation").annotate(
        question=Left(_question("conversation", "created_at"), EXCERPT_CHARACTERS)
    )
    return (
        RoutingDecision.objects.filter(user=user)
        .select_related("api_key")
        .defer("receipt", "prompt")
        .annotate(excerpt=Left("prompt", EXCERPT_CHARACTERS))
        .prefetch_related(Prefetch("calls", calls), Prefetch("message", answers))
        .order_by("-created_at", "-pk")
    )


def models_used_by(user: User) -> QuerySet[LanguageModel, LanguageModel]:
    """The models that the person's calls went to."""
    used = Call.objects.filter(user=user, model=OuterRef("pk"))
    return LanguageModel.objects.filter(Exists(used)).order_by("name", "pk")


def with_model(requests: Requests, user: User, model: LanguageModel) -> Requests:
    """Those of which an attempt went to the model."""
    return requests.filter(
        pk__in=Call.objects.filter(user=user, model=model).order_by().values("decision")
    )


def containing(requests: Requests, text: str) -> Requests:
    """Those whose prompt, as far as it is stored, has the text in it, in either case."""
    asked = _question("message__conversation", "message__created_at")
    return requests.alias(asked=asked).filter(Q(prompt__icontains=text) | Q(asked__icontains=text))


def since(requests: Requests, day: date, zone: ZoneInfo) -> Requests:
    """Those from the beginning of the day on, as the zone counts days."""
    return requests.filter(created_at__gte=start_of_day(_sensible(day), zone))


def until(requests: Requests, day: date, zone: ZoneInfo) -> Requests:
    """Those up to the end of the day, as the zone counts days."""
    after = _sensible(day) + timedelta(days=1)
    return requests.filter(created_at__lt=start_of_day(after, zone))


def _sensible(day: date) -> date:
    """Within what clocks can convert between zones."""
    return min(max(day, date(1970, 1, 1)), date(9000, 1, 1))


def question_of(decision: RoutingDecision) -> str:
    """The whole prompt as far as it is stored; empty where it is not."""
    if decision.prompt:
        return decision.prompt
    answer = Message.objects.filter(decision=decision).annotate(
        question=_question("conversation", "created_at")
    )
    return answer.values_list("question", flat=True).first() or ""


def _question(conversation: str, answered_at: str) -> Subquery:
    """The last thing the person said before the answer."""
    asked = Message.objects.filter(
        conversation=OuterRef(conversation),
        created_at__lte=OuterRef(answered_at),
        role=Message.Role.USER,
    )
    return Subquery(asked.order_by("-created_at").values("text")[:1])
