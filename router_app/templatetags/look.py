"""`{% load look %}`: amounts of money, icons, gauges, moments and the rail's links."""

import re
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template import Context, TemplateSyntaxError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from router_app.money import format_usd, plain_usd
from router_app.templatetags.gauges import Window, bar_of

ICONS = Path(__file__).resolve().parents[2] / "static" / "icons"
MODEL_COLOURS = 12
NOTHING = "–"

register = template.Library()


@register.filter
def usd(nanos: int | None) -> str:
    """An amount in nano-dollars for people, with the exact figure on hover; a dash for None."""
    if nanos is None:
        return NOTHING
    return _money(nanos, format_usd(nanos))


@register.filter
def usd_left(nanos: int | None) -> str:
    """The same for what is left: rounded down, since it must not promise more than there is, and
    fine enough to add up with what was spent."""
    if nanos is None:
        return NOTHING
    return _money(nanos, format_usd(nanos, rounding=ROUND_FLOOR, digits=5))


@register.filter
def usd_needed(nanos: int | None) -> str:
    """The same for what must be there: rounded up, since with less it is refused again."""
    return NOTHING if nanos is None else _money(nanos, format_usd(nanos, rounding=ROUND_CEILING))


def _money(nanos: int, shown: str) -> str:
    return format_html('<span class="money" title="{} USD">{}</span>', plain_usd(nanos), shown)


@register.filter
def usd_plain(nanos: int | None) -> str:
    """An amount in nano-dollars for people, as text alone: for titles, labels and options."""
    return NOTHING if nanos is None else format_usd(nanos)


@register.filter
def usd_exact(nanos: int | None) -> str:
    """An amount in nano-dollars as exact digits without a sign of currency: for form fields."""
    return "" if nanos is None else plain_usd(nanos)


@register.filter
def in_words(moment: datetime | None) -> str:
    """A moment in its reader's zone: "1 December at 00:00, Cairo time"; a dash for None.

    A moment that comes in a zone of its own keeps it; one in UTC is shown in the current zone.
    """
    if moment is None:
        return NOTHING
    own = isinstance(moment.tzinfo, ZoneInfo) and moment.tzinfo.key != "UTC"
    local = moment if own else timezone.localtime(moment)
    year = f" {local.year}" if local.year != timezone.localtime().year else ""
    return f"{local.day} {local:%B}{year} at {local:%H:%M}, {_place(local)}"


def _place(moment: datetime) -> str:
    zone = getattr(moment.tzinfo, "key", None) or str(moment.tzinfo)
    if zone == "UTC":
        return zone
    return f"{zone.rpartition('/')[2].replace('_', ' ')} time"


@register.filter
def how_long(span: timedelta) -> str:
    """A span of time in whole minutes, rounded up: "15 minutes"."""
    minutes = -(-int(span.total_seconds()) // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


@register.filter
def model_class(number: int | None) -> str:
    """The colour class of a model, from any number that is the model's for good (its key)."""
    return "" if number is None else f"model-{(number - 1) % MODEL_COLOURS + 1}"


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Inline a local SVG by name; hidden from screen readers unless it has a label.

    Raises TemplateSyntaxError where no such icon is kept.
    """
    if label:
        role = format_html('role="img" aria-label="{}"', label)
    else:
        role = mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="{}" {}>{}</svg>', *_drawing(name, role))


def _drawing(name: str, role: SafeString) -> tuple[str, SafeString, SafeString]:
    view_box, shapes = _icon_file(name)
    return view_box, role, mark_safe(shapes)  # noqa: S308  our own file, its sum is tested


@cache
def _icon_file(name: str) -> tuple[str, str]:
    path = ICONS / f"{name}.svg"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise TemplateSyntaxError(f"no icon is called {name!r}")
    drawn = re.fullmatch(
        r'<svg[^>]*viewBox="([0-9. ]+)"[^>]*>(.*)</svg>\s*',
        path.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    if drawn is None:
        raise TemplateSyntaxError(f"the icon {name!r} is not a plain SVG")
    return drawn[1], re.sub(r"\s*\n\s*", "", drawn[2])


@register.inclusion_tag("components/gauge.html")
def gauge(window: Window) -> dict[str, Any]:
    """A budget's window in full: bar, the three amounts in words, when it resets."""
    return {"window": window, "bar": bar_of(window)}


@register.inclusion_tag("components/gauge_bar.html")
def gauge_bar(window: Window) -> dict[str, Any]:
    """The bar alone, with its three amounts as its accessible name."""
    return {"window": window, "bar": bar_of(window)}


@register.inclusion_tag("shell/nav_link.html", takes_context=True)
def nav_link(context: Context, name: str, icon_name: str, text: str) -> dict[str, Any]:
    """A link of the rail to the URL called `name`, marked while the page belongs to it.

    A page belongs to `history` when its URL is called `history` or `history_…`.
    """
    match = getattr(context.get("request"), "resolver_match", None)
    here = (match.url_name or "") if match else ""
    current = "page" if here == name else "true" if here.startswith(f"{name}_") else ""
    return {"name": name, "icon_name": icon_name, "text": text, "current": current}
