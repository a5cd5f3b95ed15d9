"""Whether anything happened at all: two primary keys say so without reading a row of calls."""

from django.db.models import Max

from router_app.models import ClosedCall, LedgerEntry


def latest_change() -> str:
    """A stamp that changes whenever money was held, booked or corrected, or a call was closed.

    Of everybody: what one person sees may be unchanged under another stamp, never the reverse,
    but for the moment between a call's reservation and its sending.
    """
    entry = LedgerEntry.objects.aggregate(latest=Max("pk"))["latest"]
    closing = ClosedCall.objects.aggregate(latest=Max("pk"))["latest"]
    return f"{entry or 0}-{closing or 0}"
