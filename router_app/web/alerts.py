"""`/alerts/`: what the bell has to say."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from router_app.models import Membership, Notice, Role, User
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import choose, membership_of
from router_app.workspaces.members import memberships_of

PER_PAGE = 25
MOST_COUNTED = 100  # a bell says "99+"


@login_required
@never_cache
@require_safe
def alerts(request: SignedIn) -> HttpResponse:
    """What the person was told, the newest first."""
    page = Paginator(notices_of(request.user), PER_PAGE).get_page(request.GET.get("page"))
    place = membership_of(request)
    context = {
        "page": page,
        "workspace": place.workspace,
        "has_webhooks": place.role == Role.ADMIN and place.workspace.is_open,
    }
    return render(request, "alerts/alerts.html", context)


@login_required
@require_POST
def read(request: SignedIn) -> HttpResponse:
    """All of it is read, up to the newest that the page showed: what came since stays unread."""
    newest = request.POST.get("newest", "")
    unread = notices_of(request.user).filter(read_at=None)
    if newest.isascii() and newest.isdecimal() and len(newest) < 19:
        unread.filter(pk__lte=int(newest)).update(read_at=timezone.now())
    return redirect("alerts")


@login_required
@require_POST
def follow(request: SignedIn, pk: int) -> HttpResponse:
    """One is read: to the page that it is about, in the workspace that it is about."""
    notices = notices_of(request.user).select_related("alert__workspace")
    notice = get_object_or_404(notices, pk=pk)
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())
    places = memberships_of(request.user).filter(workspace=notice.alert.workspace)
    if place := places.first():
        choose(request, place.workspace)
    return redirect(notice.link or "alerts")


@login_required
@never_cache
@require_safe
def bell(request: SignedIn) -> HttpResponse:
    """The bell alone, for the header of a page that stays open."""
    return render(request, "shell/bell.html", {"unread_notices": unread_of(request.user)})


def unread_of(user: User) -> int:
    """How many notices the person has not read, up to `MOST_COUNTED`."""
    return notices_of(user).filter(read_at=None)[:MOST_COUNTED].count()


def notices_of(user: User) -> QuerySet[Notice]:
    """What the person was told, but of workspaces that they have left since."""
    here = Membership.objects.filter(user=user, left_at=None)
    seen = Q(alert__workspace=None) | Q(alert__workspace__in=here.values("workspace"))
    return Notice.objects.filter(seen, user=user)
