"""`/bills/`: what providers billed beside what was charged here, and why they differ.

Bills are the site's, so only its administrators enter, read, replace and delete them.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from router_app.bills import entering
from router_app.bills.entering import Entered, Entry
from router_app.bills.table import Unreadable
from router_app.budgets.permissions import is_operator
from router_app.models import Bill
from router_app.money import plain_usd
from router_app.web.bill_forms import BillForm, TableForm
from router_app.web.bill_words import Shown, shown
from router_app.web.fields import focus_first_error
from router_app.web.rows import as_csv, as_jsonl
from router_app.web.signed_in import SignedIn

PER_PAGE = 50
WRITERS = {"csv": (as_csv, "text/csv; charset=utf-8"), "jsonl": (as_jsonl, "application/jsonl")}
COLUMNS = (
    "provider", "model", "starts_on", "ends_on", "time_zone", "billed_usd", "billed_nanos",
    "charged_usd", "charged_nanos", "difference_nanos", "verdict", "entered_by", "entered_at",
    "checked_at",
)  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bills(request: SignedIn) -> HttpResponse:
    """All bills with their verdicts, the latest period first; POST enters one."""
    _require(request, "view")
    form = BillForm(request.POST or None)
    if request.method == "POST":
        _require(request, "change")
        if form.is_valid():
            data = form.cleaned_data
            entry = Entry(data["model"], form.days, data["amount"])
            return _done(request, entering.enter([entry], by=request.user))
        focus_first_error(form)
    return _page(request, form=form)


@login_required
@require_POST
def table(request: SignedIn) -> HttpResponse:
    """Enter a whole table of them, or nothing of it."""
    _require(request, "change")
    form = TableForm(request.POST, request.FILES)
    problems: list[str] = []
    if form.is_valid():
        zone, provider = form.cleaned_data["time_zone"], form.cleaned_data["provider"]
        try:
            entries = entering.entries_of(
                form.lines(), time_zone=zone, provider=provider.slug if provider else ""
            )
            return _done(request, entering.enter(entries, by=request.user))
        except Unreadable as error:
            problems = error.problems
    return _page(request, table_form=form, problems=problems)


@login_required
@require_safe
def bill(request: SignedIn, pk: int) -> HttpResponse:
    """One bill with every cause that could explain a difference."""
    found = get_object_or_404(_bills(request, "view"), pk=pk)
    return render(request, "bills/bill.html", {"bill": found, "shown": shown(found)})


@login_required
@require_POST
def check(request: SignedIn, pk: int) -> HttpResponse:
    """Read anew what the calls say of it."""
    found = get_object_or_404(_bills(request, "change"), pk=pk)
    entering.check_again([found])
    return redirect("bills_one", pk=pk)


@login_required
@require_POST
def delete(request: SignedIn, pk: int) -> HttpResponse:
    """Forget it; the audit trail remembers."""
    found = get_object_or_404(_bills(request, "change"), pk=pk)
    entering.delete(found, by=request.user)
    messages.success(request, f"The bill for {found} is deleted.")
    return redirect("bills")


@login_required
@require_safe
def export(request: SignedIn, format: str) -> HttpResponse:  # noqa: A002
    """All bills as `csv` or `jsonl`, in exact dollars and nano-dollars."""
    write, content_type = WRITERS[format]
    found = _bills(request, "view").iterator(chunk_size=2000)
    text = write(COLUMNS, (_exported(each) for each in found))
    headers = {"Content-Disposition": f'attachment; filename="bills.{format}"'}
    return HttpResponse(text, content_type=content_type, headers=headers)


def _require(request: SignedIn, power: str) -> None:
    if not is_operator(request.user, f"router_app.{power}_bill"):
        raise PermissionDenied("Only the site's administrators check bills.")


def _bills(request: SignedIn, power: str) -> QuerySet[Bill]:
    _require(request, power)
    return Bill.objects.select_related("model__provider", "entered_by")


def _page(
    request: SignedIn,
    *,
    form: BillForm | None = None,
    table_form: TableForm | None = None,
    problems: Iterable[str] = (),
) -> HttpResponse:
    page = Paginator(_bills(request, "view"), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "lines": [shown(each) for each in page],
        "form": form or BillForm(),
        "table_form": table_form or TableForm(),
        "is_table": table_form is not None,
        "problems": list(problems),
        "may_change": is_operator(request.user, "router_app.change_bill"),
    }
    return render(request, "bills/bills.html", context)


def _done(request: SignedIn, done: Entered) -> HttpResponse:
    counts = {"entered": done.new, "replaced": done.replaced, "checked again": done.same}
    parts = (f"{count} {what}" for what, count in counts.items() if count)
    messages.success(request, f"Bills: {', '.join(parts)}.")
    return redirect("bills")


def _exported(each: Bill) -> tuple[object, ...]:
    told: Shown = shown(each)
    return (
        each.model.provider.slug,
        each.model.model_id,
        each.starts_on.isoformat(),
        each.ends_on.isoformat(),
        each.time_zone,
        plain_usd(each.amount_nanos),
        each.amount_nanos,
        plain_usd(each.charged_nanos),
        each.charged_nanos,
        told.verdict.difference_nanos,
        told.words,
        str(each.entered_by),
        each.entered_at.isoformat(timespec="seconds"),
        each.checked_at.isoformat(timespec="seconds"),
    )
