"""`/workspaces/…/invitations/`: letting somebody into a team. The link is seen once, right after it
is made; with an e-mail address it is sent there too."""

import logging
from smtplib import SMTPException

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from router_app.models import Invitation
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import admins_place_in
from router_app.web.workspaces import InviteForm, show
from router_app.workspaces.invitations import invite as make_invitation
from router_app.workspaces.invitations import revoke_invitation
from router_app.workspaces.rules import NotPossible

logger = logging.getLogger(__name__)


@login_required
@never_cache
@require_POST
def invite(request: SignedIn, pk: int) -> HttpResponse:
    """Make a link, send it where an address is given, and show it: a redirect would have to store
    it somewhere on its way."""
    place = admins_place_in(request, pk)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return show(request, place, form)
    try:
        invitation, secret = make_invitation(
            place.workspace,
            role=form.cleaned_data["role"],
            by=request.user,
            email=form.cleaned_data["email"],
        )
    except NotPossible as no:
        form.add_error("email", ValidationError(str(no)))
        return show(request, place, form)
    link = request.build_absolute_uri(reverse("join", args=[secret]))
    context = {
        "workspace": place.workspace,
        "invitation": invitation,
        "link": link,
        "is_sent": bool(invitation.email) and _send(invitation, link),
    }
    return render(request, "invitations/created.html", context)


@login_required
@require_POST
def revoke(request: SignedIn, pk: int, invitation: int) -> HttpResponse:
    """Take a link back."""
    place = admins_place_in(request, pk)
    found = get_object_or_404(Invitation, pk=invitation, workspace=place.workspace)
    try:
        revoke_invitation(found, by=request.user)
    except NotPossible as no:
        messages.error(request, str(no))
    else:
        messages.success(request, "The invitation is taken back; its link opens nothing any more.")
    return redirect("workspaces_one", pk=pk)


def _send(invitation: Invitation, link: str) -> bool:
    """Whether the mail server took it. The admin has the link in any case."""
    context = {"invitation": invitation, "link": link}
    subject = render_to_string("invitations/email_subject.txt", context).strip()
    text = render_to_string("invitations/email.txt", context)
    try:
        send_mail(subject, text, None, [invitation.email])
    except (OSError, SMTPException):
        logger.warning("an invitation could not be sent by e-mail")
        return False
    return True
