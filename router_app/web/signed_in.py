"""A request behind `login_required`: its user is a person of ours."""

from django.http import HttpRequest

from router_app.models import User


class SignedIn(HttpRequest):
    """An HttpRequest whose `user` is never anonymous. For annotations; never made."""

    user: User
