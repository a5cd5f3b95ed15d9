"""What the operators' pages tell the audit trail: of saves whose services do not tell it."""

from collections.abc import Iterable
from typing import Any, cast

from django.db.models import Model
from django.http import HttpRequest

from router_app.models import AuditEntry, User


def note_save(request: HttpRequest, action: str, row: Model, form: Any) -> None:
    """A line for the fields that a form has changed; none where it changed nothing."""
    changed = [name for name in form.changed_data if name in form.fields]
    before = {name: plain(form.initial.get(name)) for name in changed}
    note(request, action, row, before=before, after=_now(row, changed))


def note_new(request: HttpRequest, action: str, row: Model, fields: Iterable[str]) -> None:
    """A line for a new row, with these of its fields."""
    note(request, action, row, before={}, after=_now(row, fields))


def note(
    request: HttpRequest, action: str, row: Model, *, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """A line that only the site's operators read."""
    if before or after:
        who = request.user.pk
        AuditEntry.note(action, str(row), actor_id=who, before=before, after=after)


def operator_of(request: HttpRequest) -> User:
    """Who is at work: nobody anonymous comes in to these pages."""
    return cast(User, request.user)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _now(row: Model, fields: Iterable[str]) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in fields if hasattr(row, name)}
