"""Columns that several tables share: amounts of money, never as bare nano-dollars."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.utils.html import format_html

from router_app.money import format_usd, plain_usd


def usd(nanos: int | None) -> str:
    """An amount for people with the exact figure on hover; a dash for None."""
    if nanos is None:
        return "–"
    return format_html('<span title="{} USD">{}</span>', plain_usd(nanos), format_usd(nanos))


def usd_column(field: str, label: str) -> Callable[[Any, Any], str]:
    """A column that shows the amount in `field` (nano-dollars) as USD and sorts by it."""

    @admin.display(description=label, ordering=field)
    def column(_admin: Any, row: Any) -> str:
        return usd(getattr(row, field))

    return column


def exact_usd_column(field: str, label: str) -> Callable[[Any, Any], str]:
    """The same to the last nano-dollar: for the journal, where every digit is meant."""

    @admin.display(description=label, ordering=field)
    def column(_admin: Any, row: Any) -> str:
        nanos = getattr(row, field)
        return "–" if nanos is None else f"${plain_usd(nanos)}".replace("$-", "-$")

    return column
