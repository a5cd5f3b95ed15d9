"""What providers billed, to be set against what was charged."""

import django.db.models.deletion
import django.utils.timezone
import router_app.models.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('router_app', '0009_pace_aware_budgets'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(help_text='The last day of the period.')),
                ('time_zone', models.CharField(default='UTC', help_text="In which the provider's days begin and end.", max_length=64, validators=[router_app.models.fields.validate_time_zone])),
                ('amount_nanos', router_app.models.fields.NanosField(default=0)),
                ('findings', models.JSONField(default=dict)),
                ('checked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('entered_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('entered_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='bills', to='router_app.languagemodel')),
            ],
            options={
                'ordering': ['-starts_on', 'model', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('model', 'starts_on', 'ends_on', 'time_zone'), name='one_bill_per_period'), models.CheckConstraint(condition=models.Q(('amount_nanos__gte', 0)), name='billed_is_not_negative'), models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='bill_has_days')],
            },
        ),
    ]
