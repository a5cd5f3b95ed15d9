"""The requests of a scope as rows to filter, sort and page: newest first."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Left

from router_app.analytics.periods import DAY
from router_app.analytics.ranges import start_of_day
from router_app.analytics.scope import Scope
from router_app.models import Call, LanguageModel, Message, RoutingDecision, UsageRollup

EXCERPT_CHARACTERS = 160
MOST_LISTED = 5_000  # requests that are searched, sorted and counted at a time

Requests = QuerySet[RoutingDecision, RoutingDecision]


def requests_of(scope: Scope) -> Requests:
    """Its requests with what a row of a list shows, without the long texts.

    `excerpt` is the beginning of a stored prompt; an answer of the chat has its question's as
    `message.question`. Calls and questions are read for the rows of one page only.
    """
    calls = Call.objects.select_related("model").order_by("attempt")
    answers = Message.objects.only("decision", "conversation").annotate(
        question=Left(_question("conversation", "created_at"), EXCERPT_CHARACTERS)
    )
    return (
        RoutingDecision.objects.filter(**scope.filters)
        .select_related("api_key")
        .defer("receipt", "prompt")
        .annotate(excerpt=Left("prompt", EXCERPT_CHARACTERS))
        .prefetch_related(Prefetch("calls", calls), Prefetch("message", answers))
        .order_by("-created_at", "-pk")
    )


def latest(requests: Requests) -> tuple[Requests, datetime | None]:
    """The newest few thousand of them, and when these begin if there are earlier ones.

    What a list does with its rows takes as long for a million requests as for these. The earlier
    ones are those `before` that moment.
    """
    times = requests.order_by("-created_at").values_list("created_at", flat=True)
    ends = list(times[MOST_LISTED - 1 : MOST_LISTED + 1])
    if len(ends) < 2:
        return requests, None
    return requests.filter(created_at__gte=ends[0]), ends[0]


def before(requests: Requests, moment: datetime) -> Requests:
    """Those made earlier than the moment."""
    sensible = min(max(moment.year, 1970), 9000)  # within what clocks can convert between zones
    return requests.filter(created_at__lt=moment.replace(year=sensible))


def models_used_by(scope: Scope) -> QuerySet[LanguageModel, LanguageModel]:
    """The models that its calls went to."""
    used = UsageRollup.objects.filter(**scope.filters, seconds=DAY, model=OuterRef("pk"))
    return LanguageModel.objects.filter(Exists(used)).order_by("name", "pk")


def was_called(model: LanguageModel) -> bool:
    """Whether anybody's calls went to the model: closed ones, which are summed, or running ones."""
    running = Call.objects.filter(decision__outcome="running", model=model)
    return UsageRollup.objects.filter(model=model).exists() or running.exists()


def with_model(requests: Requests, model: LanguageModel) -> Requests:
    """Those of which an attempt went to the model."""
    # Naming the attempt too makes SQLite look by request, not through all calls of the model.
    calls = Call.objects.filter(decision=OuterRef("pk"), attempt__gte=1, model=model)
    return requests.filter(Exists(calls))


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
