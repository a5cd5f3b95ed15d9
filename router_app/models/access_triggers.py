"""Triggers that raise `AccessRevision` whenever who may spend, or under which budgets, changes.

In the database, because keys are revoked and budgets closed by bulk updates too, which call no
`save()`; and made anew after every migration, because SQLite drops a table's triggers when a
migration rebuilds it.
"""

from typing import Any

from django.db import connections

# Table, and the columns whose change matters: not when somebody signed in or a key was last used.
WATCHED = {
    "router_app_user": ("username", "is_active", "unlimited", "store_prompts", "time_zone"),
    "router_app_apikey": (
        "user_id",
        "workspace_id",
        "hash",
        "expires_at",
        "revoked_at",
        "requests_per_minute",
        "concurrent_requests",
    ),
    "router_app_budget": (
        "level",
        "user_id",
        "workspace_id",
        "api_key_id",
        "model_id",
        "name",
        "period",
        "task_type",
        "time_zone",
        "is_active",
        "pace_aware",
    ),
    "router_app_workspace": ("name", "closed_at"),
    "router_app_membership": ("user_id", "workspace_id", "role", "left_at"),
}

_RAISE = (
    "INSERT INTO router_app_accessrevision (id, number) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET number = router_app_accessrevision.number + 1"
)


def install(*, using: str, **_signal: Any) -> None:
    """Make the triggers; receives Django's `post_migrate`."""
    connection = connections[using]
    if not {*WATCHED, "router_app_accessrevision"} <= {*connection.introspection.table_names()}:
        return  # migrated back to before they existed
    of_vendor = {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor]
    with connection.cursor() as cursor:
        for statement in of_vendor():
            cursor.execute(statement)


def _events(columns: tuple[str, ...]) -> dict[str, str]:
    return {"insert": "INSERT", "update": f"UPDATE OF {', '.join(columns)}", "delete": "DELETE"}


def _sqlite() -> list[str]:
    statements = []
    for table, columns in WATCHED.items():
        for name, event in _events(columns).items():
            trigger = f"{table}_{name}_raises_access"
            statements += [
                f"DROP TRIGGER IF EXISTS {trigger}",
                f"CREATE TRIGGER {trigger} AFTER {event} ON {table} BEGIN {_RAISE}; END",
            ]
    return statements


def _postgresql() -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION router_app_raise_access() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ BEGIN {_RAISE}; RETURN NULL; END $$"
    ]
    for table, columns in WATCHED.items():
        for name, event in _events(columns).items():
            trigger = f"{table}_{name}_raises_access"
            statements += [
                f"DROP TRIGGER IF EXISTS {trigger} ON {table}",
                f"CREATE TRIGGER {trigger} AFTER {event} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION router_app_raise_access()",
            ]
    return statements
