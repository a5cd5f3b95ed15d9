"""`/audit/`: who changed what, and from what to what; to filter and to take along.

Admins of a workspace read what happened in it, operators everything.
"""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from router_app.analytics import trail
from router_app.budgets.permissions import is_operator, powers_of
from router_app.models import AuditEntry
from router_app.web.audit_words import changes_of
from router_app.web.rows import as_csv, as_jsonl
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

PER_PAGE = 50
FIRST, LAST = date(1971, 1, 1), date(9990, 1, 1)  # days whose midnights are moments everywhere
WRITERS = {"csv": (as_csv, "text/csv; charset=utf-8"), "jsonl": (as_jsonl, "application/jsonl")}
COLUMNS = ("at", "who", "workspace", "action", "subject", "before", "after")


class TrailForm(forms.Form):
    """What the trail can be narrowed by; what makes no sense narrows nothing and is said."""

    action = forms.ChoiceField(
        required=False, choices=[("", "Any"), *AuditEntry.Action.choices], label="What"
    )
    person = forms.CharField(
        required=False, max_length=150, label="Who", widget=forms.TextInput({"type": "search"})
    )
    since = forms.DateField(
        required=False, label="From", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        required=False, label="To", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )

    def narrow(self, found: QuerySet[AuditEntry], zone: ZoneInfo) -> QuerySet[AuditEntry]:
        """The entries that the valid fields let through."""
        self.is_valid()
        asked = self.cleaned_data
        if asked.get("action"):
            found = found.filter(action=asked["action"])
        if asked.get("person"):
            found = found.filter(actor__username__iexact=asked["person"])
        if asked.get("since"):
            found = trail.since(found, max(asked["since"], FIRST), zone)
        if asked.get("until"):
            found = trail.until(found, min(max(asked["until"], FIRST), LAST), zone)
        return found


@dataclass(frozen=True, slots=True)
class Line:
    """An entry and what it changed, in words."""

    entry: AuditEntry
    changes: list[str]


@login_required
@require_safe
def audit(request: SignedIn) -> HttpResponse:
    """The trail, newest first, a page at a time."""
    form = TrailForm(request.GET)
    found, is_everybodys = _in_sight(request)
    narrowed = form.narrow(found, ZoneInfo(request.user.time_zone))
    page = Paginator(narrowed, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "lines": [Line(entry, changes_of(entry)) for entry in page],
        "everybodys": is_everybodys,
        "workspace": membership_of(request).workspace,
        "is_narrowed": any(request.GET.get(name) for name in form.fields),
    }
    return render(request, "audit/audit.html", context)


@login_required
@require_safe
def export(request: SignedIn, format: str) -> HttpResponse:  # noqa: A002
    """The same as `csv` or `jsonl`, every page of it; moments in UTC, amounts in nano-dollars."""
    found, _ = _in_sight(request)
    narrowed = TrailForm(request.GET).narrow(found, ZoneInfo(request.user.time_zone))
    write, content_type = WRITERS[format]
    text = write(COLUMNS, (_row(entry) for entry in narrowed.iterator(chunk_size=2000)))
    headers = {"Content-Disposition": f'attachment; filename="audit.{format}"'}
    return HttpResponse(text, content_type=content_type, headers=headers)


def _in_sight(request: SignedIn) -> tuple[QuerySet[AuditEntry], bool]:
    """The entries that are the person's to read, and whether these are everybody's."""
    if is_operator(request.user, "router_app.view_auditentry"):
        return trail.entries_of(None), True
    workspace_id = membership_of(request).workspace_id
    if workspace_id not in powers_of(request.user).admin_of:
        raise PermissionDenied("Only admins of the workspace read its audit trail.")
    return trail.entries_of(workspace_id), False


def _row(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        str(entry.actor or ""),
        str(entry.workspace or ""),
        entry.action,
        entry.subject,
        entry.before,
        entry.after,
    )
