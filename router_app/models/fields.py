"""Field shapes that several tables share."""

import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from router_app.routing.tasks import Quality, Task

TASK_CHOICES = [(task.value, task.value) for task in Task]
MOST_PERCENTS = 5  # thresholds of one budget
QUALITY_CHOICES = [(quality.value, quality.value) for quality in Quality]


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone this machine knows."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is not a known time zone.", params={"name": name})


def default_percents() -> list[int]:
    """Shares of a limit at which a new budget says so."""
    return [80, 90, 100]


def validate_percents(percents: object) -> None:
    """Raise ValidationError unless these are shares of a limit that a budget can say."""
    proper = isinstance(percents, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and 1 <= each <= 100
        for each in percents
    )
    if not proper or len(percents) > MOST_PERCENTS or sorted({*percents}) != percents:  # type: ignore[arg-type,misc]
        raise ValidationError(
            "Up to %(most)d different whole numbers from 1 to 100, the lowest first.",
            params={"most": MOST_PERCENTS},
        )


class NanosField(models.BigIntegerField):
    """An amount of money in nano-dollars (10⁻⁹ USD)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", 0)
        super().__init__(*args, **kwargs)
