"""Drop the indexes that every request wrote and nobody read by.

Done by name: Django would copy a whole table on SQLite to drop the index of one of its columns.
"""

from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import PROTECT, SET_NULL, Case, F, Value, When


def without_index(
    model: str, name: str, to: str, end_of_name: str, **options: object
) -> Operation:
    """Drop the index of a foreign key; both databases have it under the name Django gave it."""
    table, column = f"router_app_{model}", f"{name}_id"
    index = f"{table}_{column}_{end_of_name}"
    field = models.ForeignKey(to=to, **{"on_delete": PROTECT, "db_index": False, **options})
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(f"DROP INDEX {index}", f"CREATE INDEX {index} ON {table} ({column})")
        ],
        state_operations=[migrations.AlterField(model_name=model, name=name, field=field)],
    )


USER = settings.AUTH_USER_MODEL


class Migration(migrations.Migration):
    dependencies = [("router_app", "0004_usage_rollup")]

    operations = [
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                F("reservation"),
                F("window"),
                Case(
                    When(kind="reserve", then=Value("held")),
                    When(kind__in=["settle", "release", "presume"], then=Value("closed")),
                ),
                name="held_and_closed_once",
            ),
        ),
        migrations.RemoveConstraint(model_name="ledgerentry", name="held_once_per_window"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="closed_once_per_window"),
        migrations.RemoveIndex(model_name="call", name="calls_by_owner_and_time"),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["user", "created_at"], name="calls_by_owner_and_time"),
        ),
        without_index("call", "user", USER, "6206ebde", related_name="calls"),
        without_index(
            "call", "decision", "router_app.routingdecision", "524a1542", related_name="calls"
        ),
        without_index(
            "call", "model", "router_app.languagemodel", "021b425d", related_name="calls"
        ),
        without_index("call", "price", "router_app.price", "30de2ae9"),
        without_index("routingdecision", "user", USER, "73014d9d", related_name="decisions"),
        without_index(
            "routingdecision",
            "api_key",
            "router_app.apikey",
            "1c2b356c",
            null=True,
            on_delete=SET_NULL,
        ),
        without_index("reservation", "user", USER, "46c78de8"),
        without_index(
            "ledgerentry", "reservation", "router_app.reservation", "6491a61f",
            related_name="entries",
        ),
        without_index(
            "ledgerentry", "window", "router_app.window", "b5b557e0", related_name="entries"
        ),
        without_index("ledgerentry", "author", USER, "85a2b4e7", null=True),
    ]
