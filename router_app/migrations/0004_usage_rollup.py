"""Sums of closed calls per person, model, task and period; filled from the calls there are."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import router_app.models.fields

PERIODS = (900, 3600, 86400)  # seconds
START = {
    "sqlite": "datetime(strftime('%s', substr(created_at, 1, 19)) / {0} * {0}, 'unixepoch')",
    "postgresql": "to_timestamp(floor(extract(epoch FROM created_at) / {0}) * {0})",
}
FILL = """
INSERT INTO router_app_usagerollup (
    user_id, seconds, starts_at, model_id, task_type, calls, requests, cost_nanos, estimated_nanos,
    input_tokens, cached_tokens, output_tokens, reasoning_tokens
)
SELECT user_id, {seconds}, {start}, model_id, task_type,
    COUNT(*),
    SUM(CASE WHEN sent_at IS NULL THEN 0 WHEN EXISTS (
        SELECT 1 FROM router_app_call later
        WHERE later.decision_id = closed.decision_id AND later.attempt > closed.attempt
        AND later.sent_at IS NOT NULL AND later.outcome <> 'running'
    ) THEN 0 ELSE 1 END),
    SUM(cost_nanos + correction_nanos), SUM(estimated_nanos),
    SUM(input_tokens), SUM(cached_tokens), SUM(output_tokens), SUM(reasoning_tokens)
FROM router_app_call closed
WHERE outcome <> 'running'
GROUP BY 1, 2, 3, 4, 5
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Sum what was closed before this table was."""
    start = START[schema_editor.connection.vendor]
    with schema_editor.connection.cursor() as cursor:
        for seconds in PERIODS:
            cursor.execute(FILL.format(seconds=seconds, start=start.format(seconds)))


class Migration(migrations.Migration):
    dependencies = [("router_app", "0003_model_abilities")]

    operations = [
        migrations.CreateModel(
            name="UsageRollup",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user_id",
                        "seconds",
                        "starts_at",
                        "model_id",
                        "task_type",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("seconds", models.PositiveIntegerField(help_text="How long the period is.")),
                ("starts_at", models.DateTimeField()),
                (
                    "task_type",
                    models.CharField(
                        choices=[
                            ("general", "general"),
                            ("code", "code"),
                            ("email", "email"),
                            ("summarize", "summarize"),
                        ],
                        max_length=16,
                    ),
                ),
                ("calls", models.BigIntegerField(default=0)),
                (
                    "requests",
                    models.BigIntegerField(
                        default=0,
                        help_text="Calls that were sent, less those that a later attempt replaced.",
                    ),
                ),
                (
                    "cost_nanos",
                    router_app.models.fields.NanosField(
                        default=0, help_text="As booked, corrections included."
                    ),
                ),
                ("estimated_nanos", router_app.models.fields.NanosField(default=0)),
                ("input_tokens", models.BigIntegerField(default=0)),
                ("cached_tokens", models.BigIntegerField(default=0)),
                ("output_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                (
                    "model",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="router_app.languagemodel",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
