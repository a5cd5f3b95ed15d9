"""Who is told of what: whoever can do something about it, and whom it stops."""

from django.db.models import Q, QuerySet

from router_app.models import Alert, Budget, Level, Membership, Role, User, Webhook

Kind = Alert.Kind


def people_of(alert: Alert) -> QuerySet[User]:
    """The active people that an alert is for.

    A limit's: whom it bounds, and the admins of its workspace; the site's: site administrators. A
    charge's: whoever asked, and the admins. What the site depends on: site administrators.
    """
    found = User.objects.filter(is_active=True).order_by("pk")
    if alert.kind == Kind.TEST:
        return found.none()
    if alert.window is not None:
        return found.filter(_of_budget(alert.window.budget))
    if alert.workspace_id is None:
        return found.filter(is_superuser=True)
    return found.filter(
        _admins_of(alert.workspace_id) | _present(alert.workspace_id, alert.user_id)
    )


def webhooks_of(alert: Alert) -> QuerySet[Webhook]:
    """The live webhooks that an alert is for."""
    live = Webhook.objects.filter(ended_at=None)
    if alert.kind == Kind.TEST:
        return live.filter(pk=alert.facts["webhook"])
    budget = alert.window.budget if alert.window else None
    if budget is not None and budget.level == Level.USER:
        return live.filter(workspace__personal_of=budget.user_id)
    if alert.workspace_id is None:
        return live.filter(workspace=None)
    return live.filter(workspace=alert.workspace_id, workspace__closed_at=None)


def _of_budget(budget: Budget) -> Q:
    if budget.level == Level.SITE:
        return Q(is_superuser=True)
    if budget.level == Level.USER:
        return Q(pk=budget.user_id)
    if budget.level == Level.KEY and budget.api_key is not None:
        key = budget.api_key
        return _admins_of(key.workspace_id) | _present(key.workspace_id, key.user_id)
    admins = _admins_of(budget.workspace_id)
    if budget.level == Level.MEMBER:
        return admins | _present(budget.workspace_id, budget.user_id)
    return admins


def _admins_of(workspace_id: int | None) -> Q:
    admins = Membership.objects.filter(
        workspace=workspace_id, workspace__closed_at=None, role=Role.ADMIN, left_at=None
    )
    return Q(pk__in=admins.values("user"))


def _present(workspace_id: int | None, user_id: int | None) -> Q:
    """This person, while they are still in the workspace."""
    place = Membership.objects.filter(workspace=workspace_id, user=user_id, left_at=None)
    return Q(pk__in=place.values("user"))
