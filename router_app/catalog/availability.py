"""Marks a model as gone when its provider says so, and back when an operator says so."""

from datetime import datetime

from router_app.models import CatalogRevision, LanguageModel


def mark_unavailable(model_pk: int, reason: str, *, now: datetime) -> None:
    """No longer route to this model; `reason` is shown in receipts and at /models/."""
    gone = LanguageModel.objects.filter(pk=model_pk, unavailable_since=None)
    if gone.update(unavailable_since=now, unavailable_reason=reason):
        CatalogRevision.bump()


def mark_available(model_pk: int) -> None:
    """Route to this model again."""
    LanguageModel.objects.filter(pk=model_pk).update(unavailable_since=None, unavailable_reason="")
    CatalogRevision.bump()
