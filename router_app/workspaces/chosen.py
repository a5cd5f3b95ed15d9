"""Which workspace a browser's session is in: the one chosen in the switcher."""

from collections.abc import Mapping
from typing import Any

from router_app.models import Membership, User

CHOSEN = "workspace"  # in the session: the id of the one chosen


def chosen_place(session: Mapping[str, Any], user: User) -> Membership | None:
    """The person's place in the workspace that the session names; None where it names none, where
    they have left it, and where it is closed: they are in their own then."""
    pk = session.get(CHOSEN)
    if pk is None:
        return None
    open_ones = Membership.objects.filter(left_at=None, workspace__closed_at=None)
    return open_ones.select_related("workspace").filter(workspace=pk, user=user).first()
