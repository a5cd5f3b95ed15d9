"""Budgets that save ahead of their pace, and how near a model must be to count as the best's equal."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('router_app', '0008_alerts'),
    ]

    operations = [
        migrations.AddField(
            model_name='budget',
            name='pace_aware',
            field=models.BooleanField(default=False, help_text='While more of the money than of the period is gone, medium quality prefers the cheaper of near-equal models.'),
        ),
        migrations.AddField(
            model_name='routingpolicy',
            name='near_equal_points',
            field=models.PositiveSmallIntegerField(default=5, validators=[django.core.validators.MaxValueValidator(100)]),
        ),
    ]
