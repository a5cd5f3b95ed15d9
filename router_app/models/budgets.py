"""Budgets are rules; windows are one period of a rule with its counters.

Invariant, held by `budgets/ledger.py` and by the constraints below: at every committed instant
`spent + reserved` is at most the limit that was in force when the money was held.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from router_app.models.accounts import ApiKey
from router_app.models.catalog import LanguageModel
from router_app.models.fields import (
    TASK_CHOICES,
    NanosField,
    default_percents,
    validate_percents,
    validate_time_zone,
)
from router_app.models.workspaces import Workspace


class Period(models.TextChoices):
    """How often a budget begins anew."""

    DAY = "day", "day"
    WEEK = "week", "week"
    MONTH = "month", "month"
    TOTAL = "total", "total"


class Level(models.TextChoices):
    """Whose spending a budget bounds."""

    SITE = "site", "everybody"
    WORKSPACE = "workspace", "a workspace"
    MEMBER = "member", "one member in a workspace"
    USER = "user", "one person, wherever they ask"
    KEY = "key", "one API key"


def _of_level(level: Level, *, user: bool, workspace: bool, api_key: bool) -> Q:
    """What is set at this level: whom it bounds, and nothing else."""
    return Q(
        level=level,
        user__isnull=not user,
        workspace__isnull=not workspace,
        api_key__isnull=not api_key,
    )


_LEVEL_NAMES_WHOM = (
    _of_level(Level.SITE, user=False, workspace=False, api_key=False)
    | _of_level(Level.WORKSPACE, user=False, workspace=True, api_key=False)
    | _of_level(Level.MEMBER, user=True, workspace=True, api_key=False)
    | _of_level(Level.USER, user=True, workspace=False, api_key=False)
    | _of_level(Level.KEY, user=False, workspace=False, api_key=True)
)


class Budget(models.Model):
    """A rule: so much per period for whom its level names, optionally for one task or one model."""

    level = models.CharField(max_length=9, choices=Level.choices, default=Level.USER)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="budgets",
    )
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.PROTECT, related_name="budgets"
    )
    api_key = models.ForeignKey(
        ApiKey, null=True, blank=True, on_delete=models.PROTECT, related_name="budgets"
    )
    name = models.CharField(max_length=80)
    period = models.CharField(max_length=8, choices=Period.choices, default=Period.MONTH)
    task_type = models.CharField(
        max_length=16, choices=TASK_CHOICES, blank=True, help_text="Empty: all tasks."
    )
    model = models.ForeignKey(
        LanguageModel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: all models.",
    )
    limit_nanos = NanosField()
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    set_by_administrator = models.BooleanField(
        default=False, help_text="Whom it bounds can see it and cannot change it."
    )
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who made it. Empty: a command, or the site itself.",
    )
    alert_percents = models.JSONField(
        default=default_percents,
        blank=True,
        validators=[validate_percents],
        help_text="Shares of the limit at which people are told. None: nobody is.",
    )
    pace_aware = models.BooleanField(
        default=False,
        help_text="While more of the money than of the period is gone, medium quality prefers the "
        "cheaper of near-equal models.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(limit_nanos__gte=0), name="limit_is_not_negative"),
            models.CheckConstraint(condition=_LEVEL_NAMES_WHOM, name="level_names_whom"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def bounds_id(self) -> int:
        """Whom it bounds: a person's, a workspace's or a key's id; 0 for everybody."""
        if self.level == Level.WORKSPACE:
            return self.workspace_id or 0
        return self.api_key_id or self.user_id or 0


class Window(models.Model):
    """One period of a budget with its counters. Made when first needed; nothing resets it."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    limit_nanos = NanosField()
    topped_up_nanos = NanosField(help_text="The part of the limit that top-ups have added.")
    peak_limit_nanos = NanosField(help_text="The highest limit this window ever had.")
    spent_nanos = NanosField()
    reserved_nanos = NanosField()
    overage_nanos = NanosField(help_text="Billed above what was held: outside the limit, in sight.")

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="one_window_per_start"),
            models.CheckConstraint(
                condition=Q(spent_nanos__gte=0)
                & Q(reserved_nanos__gte=0)
                & Q(overage_nanos__gte=0),
                name="counters_are_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(peak_limit_nanos__gte=F("spent_nanos") + F("reserved_nanos")),
                name="never_over_the_limit",
            ),
            models.CheckConstraint(
                condition=Q(peak_limit_nanos__gte=F("limit_nanos")), name="peak_is_the_highest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} from {self.starts_at:%Y-%m-%d}"

    @property
    def free_nanos(self) -> int:
        """What may still be held; never negative, also after the limit was lowered."""
        used = self.spent_nanos + self.overage_nanos + self.reserved_nanos
        return max(0, self.limit_nanos - used)
