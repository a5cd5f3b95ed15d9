"""`/spending/`: which member, key, task, model or conversation a range's money went to.

The days and whose they are come from the same control as the dashboard's. What every group spent
sums to what the dashboard and the ledger say of the range, on the page and in its exports.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from router_app.analytics.attribution import (
    Attribution,
    Grouping,
    Kind,
    attribution,
    groupings_open_to,
)
from router_app.analytics.changes import latest_change
from router_app.analytics.conversation_sums import MOST_LISTED
from router_app.analytics.group_names import Named, named
from router_app.analytics.ranges import Range
from router_app.analytics.scope import Scope
from router_app.money import plain_usd
from router_app.web.figures import percent_of
from router_app.web.range_choice import range_asked, range_context, scope_asked
from router_app.web.rows import as_csv, as_jsonl
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, team_scope

PER_PAGE = 50
CACHE_SECONDS = 60
WRITERS = {"csv": (as_csv, "text/csv; charset=utf-8"), "jsonl": (as_jsonl, "application/jsonl")}
COLUMNS = (
    "kind", "id", "name", "note", "spent_usd", "spent_nanos", "requests", "input_tokens",
    "output_tokens", "average_nanos",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A group as the table shows it; `width` is its bar's, in percent."""

    named: Named
    percent: str
    width: float
    conversation: str  # its id, where the name is a way to it
    model_pk: int | None


@login_required
@require_safe
def spending(request: SignedIn) -> HttpResponse:
    """The groups of a range, the dearest first, a page at a time, and what they sum to."""
    scope = scope_asked(request)
    span, open_ones = range_asked(request, scope), _open_to(request, scope)
    by = _by(request, scope, open_ones)
    found = _attribution(scope, span, by, reader_id=request.user.pk)
    page = Paginator(found.groups, PER_PAGE).get_page(request.GET.get("page"))
    names = named(page.object_list, scope, reader_id=request.user.pk)
    context = {
        **range_context(request, scope, span),
        "by": by.value,
        "by_kept": by in _open_to(request, team_scope(request)),
        "groupings": [(each.value, each is by) for each in _offered(scope, open_ones)],
        "found": found,
        "page": page,
        "rows": [_row(each, found) for each in names],
        "most_listed": MOST_LISTED if by is Grouping.CONVERSATION else None,
        "workspace": membership_of(request).workspace,
    }
    return render(request, "spending/spending.html", context)


@login_required
@require_safe
def export(request: SignedIn, format: str) -> HttpResponse:  # noqa: A002
    """The same as `csv` or `jsonl`, every group of it, in exact dollars and nano-dollars."""
    scope = scope_asked(request)
    span = range_asked(request, scope)
    by = _by(request, scope, _open_to(request, scope))
    found = _attribution(scope, span, by, reader_id=request.user.pk)
    write, content_type = WRITERS[format]
    names = named(found.groups, scope, reader_id=request.user.pk)
    text = write(COLUMNS, map(_exported, names))
    name = f"spending-by-{by}-{span.first}-to-{span.last}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=content_type, headers=headers)


def _open_to(request: SignedIn, scope: Scope) -> tuple[Grouping, ...]:
    return groupings_open_to(membership_of(request).role, scope)


def _offered(scope: Scope, open_ones: tuple[Grouping, ...]) -> list[Grouping]:
    """What the page offers: one's own part is one member's."""
    return [each for each in open_ones if scope.user_id is None or each is not Grouping.MEMBER]


def _by(request: SignedIn, scope: Scope, open_ones: tuple[Grouping, ...]) -> Grouping:
    """The grouping asked for; a word that is none is as if it were not said."""
    word = request.GET.get("by")
    if word not in set(Grouping):
        by_member = Grouping.MEMBER in _offered(scope, open_ones)
        return Grouping.MEMBER if by_member else Grouping.MODEL
    by = Grouping(word)
    if by not in open_ones:
        raise PermissionDenied("Only admins of the team see who spent what in it.")
    return by


def _attribution(scope: Scope, span: Range, by: Grouping, *, reader_id: int) -> Attribution:
    """Summed again only when something changed, so that the next page of many is there at once."""
    whose = f"{scope.workspace_id}:{scope.user_id}:{reader_id}"
    days = f"{span.first}:{span.last}:{span.zone.key}"
    key = f"spending:{by}:{whose}:{days}:{latest_change()}"
    found: Attribution | None = cache.get(key)
    if found is None:
        found = attribution(scope, span, by, reader_id=reader_id)
        cache.set(key, found, CACHE_SECONDS)
    return found


def _row(each: Named, found: Attribution) -> Row:
    group, whole = each.group, found.totals.cost_nanos
    part = max(0, group.totals.cost_nanos)
    return Row(
        named=each,
        percent=percent_of(part, whole),
        width=part * 1000 // whole / 10 if whole > 0 else 0.0,
        conversation=str(group.id) if group.kind is Kind.CONVERSATION else "",
        model_pk=int(group.id) if isinstance(group.id, int) and group.kind is Kind.MODEL else None,
    )


def _exported(each: Named) -> tuple[Any, ...]:
    group, sums = each.group, each.group.totals
    return (
        group.kind.value,
        str(group.id),
        each.name,
        each.note,
        plain_usd(sums.cost_nanos),
        sums.cost_nanos,
        sums.requests,
        sums.input_tokens,
        sums.output_tokens,
        sums.average_cost_nanos,
    )
