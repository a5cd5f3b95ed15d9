"""Top-ups, the audit trail, who set a limit, and an index to find presumed charges by."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
import router_app.models.fields
from django.conf import settings
from django.db import migrations, models


def note_decided(apps: Any, schema_editor: Any) -> None:
    """Calls whose reservation has a correction are decided on."""
    entries = apps.get_model("router_app", "LedgerEntry").objects.filter(kind="correct")
    calls = apps.get_model("router_app", "Call").objects.filter(usage_source="presumed")
    corrected = calls.filter(reservation__in=entries.values("reservation"))
    corrected.update(decided_at=django.utils.timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('router_app', '0006_workspaces'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('action', models.CharField(max_length=24)),
                ('subject', models.CharField(max_length=200)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='TopUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount_nanos', router_app.models.fields.NanosField(default=0)),
                ('until', models.DateTimeField(help_text='Empty: to the end of the period.', null=True)),
                ('reason', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(help_text="When the window's limit fell back.", null=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.AddField(
            model_name='budget',
            name='set_by',
            field=models.ForeignKey(blank=True, editable=False, help_text='Who made it. Empty: a command, or the site itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='budget',
            name='set_by_administrator',
            field=models.BooleanField(default=False, help_text='Whom it bounds can see it and cannot change it.'),
        ),
        migrations.AddField(
            model_name="call",
            name="decided_at",
            field=models.DateTimeField(
                help_text="When somebody corrected its cost, or confirmed it.", null=True
            ),
        ),
        # Corrected before there was a word for it.
        migrations.RunPython(note_decided, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(condition=models.Q(("decided_at__isnull", True), ("usage_source", "presumed")), fields=['workspace', 'created_at'], name='presumed_calls'),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='actor',
            field=models.ForeignKey(help_text='Empty: a command, or the site itself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='workspace',
            field=models.ForeignKey(help_text="Whose admins may read it. Empty: only the site's.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='router_app.workspace'),
        ),
        migrations.AddField(
            model_name='topup',
            name='author',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='topup',
            name='window',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='top_ups', to='router_app.window'),
        ),
        migrations.AddIndex(
            model_name='topup',
            index=models.Index(condition=models.Q(('ended_at__isnull', True), ('until__isnull', False)), fields=['until'], name='top_ups_to_be_ended'),
        ),
        migrations.AddConstraint(
            model_name='topup',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nanos__gt', 0)), name='top_up_adds_something'),
        ),
    ]
