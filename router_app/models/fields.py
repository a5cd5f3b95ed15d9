"""Field shapes that several tables share."""

import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from router_app.routing.tasks import Quality, Task

TASK_CHOICES = [(task.value, task.value) for task in Task]
QUALITY_CHOICES = [(quality.value, quality.value) for quality in Quality]


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone this machine knows."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is not a known time zone.", params={"name": name})


class NanosField(models.BigIntegerField):
    """An amount of money in nano-dollars (10⁻⁹ USD)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", 0)
        super().__init__(*args, **kwargs)
