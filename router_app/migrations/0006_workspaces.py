"""Workspaces, and budgets at every level. What was there belongs to its person's own workspace."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import CASCADE, PROTECT, SET_NULL, Q

import router_app.models.fields

USER = settings.AUTH_USER_MODEL
WORKSPACE = "router_app.workspace"
OWNED = ("apikey", "routingdecision", "call", "conversation")
PERIODS = (900, 3600, 86400)  # seconds
START = {
    "sqlite": "datetime(strftime('%s', substr(created_at, 1, 19)) / {0} * {0}, 'unixepoch')",
    "postgresql": "to_timestamp(floor(extract(epoch FROM created_at) / {0}) * {0})",
}
FILL = """
INSERT INTO router_app_usagerollup (
    workspace_id, user_id, seconds, starts_at, model_id, task_type, key_id, calls, requests,
    cost_nanos, estimated_nanos, input_tokens, cached_tokens, output_tokens, reasoning_tokens
)
SELECT workspace_id, user_id, {seconds}, {start}, model_id, task_type,
    (SELECT COALESCE(request.api_key_id, 0) FROM router_app_routingdecision request
     WHERE request.id = closed.decision_id),
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
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def begin(apps: Any, schema_editor: Any) -> None:
    """A personal workspace for everybody, and everything of theirs into it."""
    statements = [
        "INSERT INTO router_app_workspace (name, personal_of_id, time_zone, created_at) "
        "SELECT username, id, time_zone, date_joined FROM router_app_user",
        "INSERT INTO router_app_membership (workspace_id, user_id, role, joined_at) "
        "SELECT id, personal_of_id, 'admin', created_at FROM router_app_workspace",
    ]
    for table in OWNED:
        statements.append(
            f"UPDATE router_app_{table} SET workspace_id = (SELECT own.id "
            f"FROM router_app_workspace own WHERE own.personal_of_id = router_app_{table}.user_id)"
        )
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        if schema_editor.connection.vendor == "postgresql":
            # Columns with checks that wait for the end cannot be altered before it.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def sum_up(apps: Any, schema_editor: Any) -> None:
    """The usage rollup anew: by workspace and key too."""
    start = START[schema_editor.connection.vendor]
    with schema_editor.connection.cursor() as cursor:
        for seconds in PERIODS:
            cursor.execute(FILL.format(seconds=seconds, start=start.format(seconds)))


def belongs(related_name: str, on_delete: Any, *, null: bool, index: bool = False) -> Any:
    """A row's workspace."""
    return models.ForeignKey(
        WORKSPACE, on_delete=on_delete, null=null, db_index=index, related_name=related_name
    )


def of_level(level: str, user: bool, workspace: bool, api_key: bool) -> Q:
    """Which of the columns are set."""
    return Q(
        level=level,
        user__isnull=not user,
        workspace__isnull=not workspace,
        api_key__isnull=not api_key,
    )


OWNERS = {
    "routingdecision": ("decisions", PROTECT, False),
    "call": ("calls", PROTECT, False),
    "conversation": ("conversations", CASCADE, False),
}


class Migration(migrations.Migration):
    dependencies = [("router_app", "0005_fewer_indexes")]

    operations = [
        migrations.CreateModel(
            name="Workspace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("time_zone", models.CharField(default="UTC", help_text="Days, weeks and months of the team's budgets begin at midnight here.", max_length=64, validators=[router_app.models.fields.validate_time_zone])),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("personal_of", models.OneToOneField(blank=True, help_text="Empty: a team's.", null=True, on_delete=CASCADE, related_name="personal_workspace", to=USER)),
            ],
            options={"ordering": ["name", "pk"]},
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(choices=[("admin", "admin"), ("member", "member"), ("viewer", "viewer")], default="member", max_length=8)),
                ("joined_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("left_at", models.DateTimeField(blank=True, null=True)),
                ("user", models.ForeignKey(on_delete=CASCADE, related_name="memberships", to=USER)),
                ("workspace", models.ForeignKey(on_delete=CASCADE, related_name="memberships", to=WORKSPACE)),
            ],
            options={
                "ordering": ["workspace", "joined_at", "pk"],
                "constraints": [
                    models.UniqueConstraint(condition=Q(left_at__isnull=True), fields=("workspace", "user"), name="member_once_at_a_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(blank=True, help_text="Who it is for. Empty: whoever has the link.", max_length=254)),
                ("role", models.CharField(choices=[("admin", "admin"), ("member", "member"), ("viewer", "viewer")], default="member", max_length=8)),
                ("hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_by", models.ForeignKey(null=True, on_delete=SET_NULL, related_name="+", to=USER)),
                ("invited_by", models.ForeignKey(null=True, on_delete=SET_NULL, related_name="+", to=USER)),
                ("workspace", models.ForeignKey(on_delete=CASCADE, related_name="invitations", to=WORKSPACE)),
            ],
            options={"ordering": ["-created_at", "-pk"]},
        ),
        migrations.AddField("apikey", "workspace", belongs("api_keys", CASCADE, null=True, index=True)),
        *(
            migrations.AddField(model, "workspace", belongs(name, on_delete, null=True, index=index))
            for model, (name, on_delete, index) in OWNERS.items()
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.AlterField(
            "apikey",
            "workspace",
            models.ForeignKey(help_text="Where its requests belong, and whose budgets pay for them.", on_delete=CASCADE, related_name="api_keys", to=WORKSPACE),
        ),
        *(
            migrations.AlterField(model, "workspace", belongs(name, on_delete, null=False, index=index))
            for model, (name, on_delete, index) in OWNERS.items()
        ),
        migrations.AlterField(
            "routingdecision",
            "api_key",
            models.ForeignKey(db_index=False, null=True, on_delete=PROTECT, to="router_app.apikey"),
        ),
        # Who asks and where, instead of who asks.
        migrations.RemoveIndex("routingdecision", "decisions_by_owner_and_time"),
        migrations.RemoveIndex("routingdecision", "running_decisions"),
        migrations.RemoveIndex("call", "calls_by_owner_and_time"),
        migrations.RemoveIndex("call", "calls_by_owner_and_model"),
        migrations.RemoveIndex("conversation", "conversations_by_owner"),
        migrations.AddIndex("routingdecision", models.Index(fields=["workspace", "user", "created_at"], name="decisions_by_owner_and_time")),
        migrations.AddIndex("routingdecision", models.Index(fields=["workspace", "user", "created_at"], name="running_decisions", condition=Q(outcome="running"))),
        migrations.AddIndex("call", models.Index(fields=["workspace", "user", "created_at"], name="calls_by_owner_and_time")),
        migrations.AddIndex("call", models.Index(fields=["workspace", "created_at"], name="calls_by_workspace_and_time")),
        migrations.AddField("conversation", "shared_at", models.DateTimeField(blank=True, help_text="Since when the whole workspace may read it.", null=True)),
        migrations.AddIndex("conversation", models.Index(fields=["workspace", "user", "-updated_at"], name="conversations_by_owner")),
        migrations.AddIndex("conversation", models.Index(condition=Q(shared_at__isnull=False), fields=["workspace", "-updated_at"], name="shared_conversations")),
        # Budgets at every level; those that are there bound a person wherever they ask.
        migrations.AddField("budget", "level", models.CharField(choices=[("site", "everybody"), ("workspace", "a workspace"), ("member", "one member in a workspace"), ("user", "one person, wherever they ask"), ("key", "one API key")], default="user", max_length=9)),
        migrations.AlterField("budget", "user", models.ForeignKey(blank=True, null=True, on_delete=PROTECT, related_name="budgets", to=USER)),
        migrations.AddField("budget", "workspace", models.ForeignKey(blank=True, null=True, on_delete=PROTECT, related_name="budgets", to=WORKSPACE)),
        migrations.AddField("budget", "api_key", models.ForeignKey(blank=True, null=True, on_delete=PROTECT, related_name="budgets", to="router_app.apikey")),
        migrations.AddField("budget", "model", models.ForeignKey(blank=True, help_text="Empty: all models.", null=True, on_delete=PROTECT, related_name="+", to="router_app.languagemodel")),
        migrations.AddConstraint(
            "budget",
            models.CheckConstraint(
                condition=(
                    of_level("site", False, False, False)
                    | of_level("workspace", False, True, False)
                    | of_level("member", True, True, False)
                    | of_level("user", True, False, False)
                    | of_level("key", False, False, True)
                ),
                name="level_names_whom",
            ),
        ),
        migrations.AddField("window", "topped_up_nanos", router_app.models.fields.NanosField(default=0, help_text="The part of the limit that top-ups have added.")),
        migrations.DeleteModel("UsageRollup"),
        migrations.CreateModel(
            name="UsageRollup",
            fields=[
                ("pk", models.CompositePrimaryKey("workspace_id", "user_id", "seconds", "starts_at", "model_id", "task_type", "key_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("workspace", models.ForeignKey(db_index=False, on_delete=CASCADE, related_name="+", to=WORKSPACE)),
                ("user", models.ForeignKey(db_index=False, on_delete=CASCADE, related_name="+", to=USER)),
                ("seconds", models.PositiveIntegerField(help_text="How long the period is.")),
                ("starts_at", models.DateTimeField()),
                ("model", models.ForeignKey(db_index=False, on_delete=CASCADE, related_name="+", to="router_app.languagemodel")),
                ("task_type", models.CharField(choices=[("general", "general"), ("code", "code"), ("email", "email"), ("summarize", "summarize")], max_length=16)),
                ("key_id", models.BigIntegerField(default=0, help_text="The API key's; 0: asked without one.")),
                ("calls", models.BigIntegerField(default=0)),
                ("requests", models.BigIntegerField(default=0, help_text="Calls that were sent, less those that a later attempt replaced.")),
                ("cost_nanos", router_app.models.fields.NanosField(default=0, help_text="As booked, corrections included.")),
                ("estimated_nanos", router_app.models.fields.NanosField(default=0)),
                ("input_tokens", models.BigIntegerField(default=0)),
                ("cached_tokens", models.BigIntegerField(default=0)),
                ("output_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
            ],
            options={"indexes": [models.Index(fields=["workspace", "seconds", "starts_at"], name="usage_of_workspaces")]},
        ),
        migrations.RunPython(sum_up, migrations.RunPython.noop),
    ]
