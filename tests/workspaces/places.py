"""Who is in a team, and changing that on several connections at once."""

import threading
from collections.abc import Callable

from django.db import connection

from router_app.models import Membership, User, Workspace
from router_app.workspaces.rules import NotPossible


def place_of(person: User, workspace: Workspace) -> Membership:
    """Their present place in it."""
    return Membership.objects.get(workspace=workspace, user=person, left_at=None)


def roles_in(workspace: Workspace) -> dict[str, str]:
    """Who is in it now, as what."""
    present = workspace.memberships.filter(left_at=None)
    return dict(present.values_list("user__username", "role"))


def together(*changes: Callable[[], object]) -> list[NotPossible]:
    """Make the changes at the same time, each on a connection of its own; those refused."""
    refused: list[NotPossible] = []
    start = threading.Barrier(len(changes))

    def run(change: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            change()
        except NotPossible as no:
            refused.append(no)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused
