"""What an audit entry changed, in words: "limit: $5.00, was $2.00"."""

from typing import Any

from router_app.models import AuditEntry
from router_app.money import format_usd


def changes_of(entry: AuditEntry) -> list[str]:
    """A piece for each thing that was changed, or that a new one says."""
    names = [*entry.after, *(name for name in entry.before if name not in entry.after)]
    return [_change(name, entry) for name in names]


def _change(name: str, entry: AuditEntry) -> str:
    label = name.removesuffix("_nanos").replace("_", " ")
    if name not in entry.after:
        return f"{label} was {_value(name, entry.before[name])}"
    now = f"{label}: {_value(name, entry.after[name])}"
    return f"{now}, was {_value(name, entry.before[name])}" if name in entry.before else now


def _value(name: str, value: Any) -> str:
    if name.endswith("_nanos") and isinstance(value, int):
        return format_usd(value)
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
