"""`/history/`: one's own requests to filter, sort and page, and the receipt of each.

Filters, order and count are of the latest few thousand requests of the days asked for, so that a
million behind them make nothing slower; a link leads on to those before.
"""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import django_tables2
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from django_filters import filters
from django_filters.filterset import FilterSet

from router_app.analytics import history as selectors
from router_app.models import Call, LanguageModel, RoutingDecision
from router_app.models.fields import TASK_CHOICES
from router_app.templatetags.look import model_class, usd
from router_app.web import words
from router_app.web.receipts import receipt_context
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import own_scope

PER_PAGE = 25
NEWEST_FIRST = ("created_at", "pk")  # the order within equals, turned round with the column


def _column(
    name: str, accessor: str, *, number: bool = False, **options: Any
) -> django_tables2.Column:
    """A column whose cells carry its name for the stylesheet; without an order it has none."""
    kind = "num" if number else ""
    options.setdefault("orderable", "order_by" in options)
    return django_tables2.Column(
        accessor=accessor,
        verbose_name=name.capitalize(),
        attrs={"th": {"class": kind}, "td": {"class": f"{name} {kind}".strip()}},
        **options,
    )


class RequestTable(django_tables2.Table):
    """One row per request."""

    when = _column("when", "created_at", order_by=("created_at", "pk"))
    prompt = _column("prompt", "excerpt", empty_values=())
    model = _column("model", "pk")
    task = _column("task", "task_type", order_by=("task_type", *NEWEST_FIRST))
    status = _column("status", "outcome", order_by=("outcome", *NEWEST_FIRST))
    tokens = _column("tokens", "pk", number=True)
    cost = _column("cost", "cost_nanos", number=True, order_by=("cost_nanos", *NEWEST_FIRST))

    class Meta:
        order_by = "-when"
        attrs = {"class": "history table-bare"}
        empty_text = "No request matches these filters."

    def render_when(self, record: RoutingDecision) -> SafeString:
        """The way to the receipt."""
        return SafeString(render_to_string("history/_when.html", {"decision": record}))

    def render_prompt(self, record: Any) -> str:
        message = getattr(record, "message", None)
        text = record.excerpt or (message.question if message else None)
        return " ".join(text.split())[:90] if text else "–"

    def render_model(self, record: RoutingDecision) -> str:
        call = _last_call(record)
        if call is None:
            return "–"
        return format_html(
            '<span class="chip {}">{}</span>', model_class(call.model_id), call.model.name
        )

    def render_task(self, value: str) -> str:
        return value.capitalize()

    def render_status(self, record: RoutingDecision) -> str:
        return render_to_string("history/_status.html", status_context(record))

    def render_tokens(self, record: RoutingDecision) -> str:
        calls = record.calls.all()
        return f"{sum(call.input_tokens + call.output_tokens for call in calls):,}"

    def render_cost(self, record: RoutingDecision) -> str:
        if record.outcome == RoutingDecision.Outcome.RUNNING:
            return render_to_string("history/_held.html", {"call": _last_call(record)})
        return usd(record.cost_nanos)


class FilterForm(forms.Form):
    """Labels without colons, as everywhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "label_suffix": ""})


class RequestFilter(FilterSet):
    """What the list can be narrowed by."""

    class Meta:
        form = FilterForm

    text = filters.CharFilter(
        label="Prompt", method="narrow_to_text", widget=forms.TextInput({"type": "search"})
    )
    model = filters.ModelChoiceFilter(
        label="Model", method="narrow_to_model", queryset=lambda request: _models(request),
        empty_label="Any",
    )  # fmt: skip
    task = filters.ChoiceFilter(
        label="Task", field_name="task_type", choices=TASK_CHOICES, empty_label="Any"
    )
    status = filters.ChoiceFilter(
        label="Status", field_name="outcome", choices=list(words.STATUS.items()), empty_label="Any"
    )
    since = filters.DateFilter(
        label="From", method="narrow_to_since", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = filters.DateFilter(
        label="To", method="narrow_to_until", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    before = filters.IsoDateTimeFilter(method="narrow_to_before", widget=forms.HiddenInput)
    begins_at: datetime | None = None  # of the rows listed; None if there are none before them

    def filter_queryset(self, queryset: Any) -> Any:
        """Narrow to a time first: to the days asked for, and of these to the latest requests."""
        asked = self.form.cleaned_data
        for name in ("since", "until", "before"):
            queryset = self.filters[name].filter(queryset, asked.pop(name, None))
        queryset, self.begins_at = selectors.latest(queryset)
        return super().filter_queryset(queryset)  # type: ignore[no-untyped-call]

    def narrow_to_text(self, requests: Any, name: str, text: str) -> Any:
        return selectors.containing(requests, text)

    def narrow_to_model(self, requests: Any, name: str, model: LanguageModel) -> Any:
        return selectors.with_model(requests, model)

    def narrow_to_since(self, requests: Any, name: str, day: Any) -> Any:
        return selectors.since(requests, day, ZoneInfo(self.request.user.time_zone))

    def narrow_to_before(self, requests: Any, name: str, moment: datetime) -> Any:
        return selectors.before(requests, moment)

    def narrow_to_until(self, requests: Any, name: str, day: Any) -> Any:
        return selectors.until(requests, day, ZoneInfo(self.request.user.time_zone))


@login_required
@require_safe
def history(request: SignedIn) -> HttpResponse:
    """One's own requests, newest first, a page at a time."""
    own = selectors.requests_of(own_scope(request))
    narrowed = RequestFilter(request.GET, queryset=own, request=request)  # type: ignore[no-untyped-call]
    table = RequestTable(narrowed.qs)  # type: ignore[no-untyped-call]
    django_tables2.RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    is_narrowed = any(request.GET.get(name) for name in narrowed.filters)
    context = {
        "table": table,
        "form": narrowed.form,
        "begins_at": narrowed.begins_at,
        "is_narrowed": is_narrowed,
        "has_any": is_narrowed or bool(table.paginator.count),
    }
    return render(request, "history/history.html", context)


@login_required
@require_safe
def receipt(request: SignedIn, decision_id: uuid.UUID) -> HttpResponse:
    """One request in full: why this model, what it cost, every attempt."""
    own = RoutingDecision.objects.select_related("api_key", "message__conversation")
    decision = get_object_or_404(
        own.prefetch_related("calls__model__provider"), pk=decision_id, **own_scope(request).filters
    )
    calls = decision.calls.all()
    ended = decision.closed_at
    context = {
        "decision": decision,
        "receipt": receipt_context(decision),
        "tokens": sum(call.input_tokens + call.output_tokens for call in calls),
        "seconds": (ended - decision.created_at).total_seconds() if ended else None,
        "prompt": selectors.question_of(decision),
        "face": words.FACES[RoutingDecision.Face(decision.face)],
        "status_long": words.STATUS_LONG[RoutingDecision.Outcome(decision.outcome)],
        "back": reverse("history"),
        **status_context(decision),
    }
    return render(request, "history/receipt.html", context)


def status_context(decision: RoutingDecision) -> dict[str, Any]:
    """The request's state in a word, and which badge it wears."""
    outcomes = RoutingDecision.Outcome
    badge = {outcomes.ANSWERED: "badge-ok", outcomes.RUNNING: "badge-held",
             outcomes.FAILED: "badge-refused"}  # fmt: skip
    return {
        "status": words.status(decision.outcome),
        "badge": badge.get(outcomes(decision.outcome), ""),
    }


def _models(request: SignedIn) -> Any:
    return selectors.models_used_by(own_scope(request))


def _last_call(decision: RoutingDecision) -> Call | None:
    return max(decision.calls.all(), key=lambda call: call.attempt, default=None)
