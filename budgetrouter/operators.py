"""The operators' admin site: its name, and tables grouped by what they are about."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

GROUPS = (
    ("Catalogue", ("Provider", "LanguageModel", "Price", "RoutingPolicy")),
    ("People", ("User", "ApiKey")),
    ("Budgets", ("Budget", "Window")),
    ("Ledger", ("Reservation", "LedgerEntry")),
    ("Requests", ("RoutingDecision", "Call", "Conversation")),
)


class OperatorsSite(AdminSite):
    """Stock admin with our name and our order."""

    site_header = "Budget Router"
    site_title = "Budget Router"
    index_title = "Administration"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """On the index, our one app as several groups, in the order in which they are used."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        others = [app for app in apps if app["app_label"] != "router_app"]
        return [group for app in apps if app not in others for group in _grouped(app)] + others


def _grouped(app: dict[str, Any]) -> list[dict[str, Any]]:
    by_name = {model["object_name"]: model for model in app["models"]}
    groups = []
    for title, names in GROUPS:
        models = [by_name[name] for name in names if name in by_name]
        if models:
            groups.append({**app, "name": title, "models": models})
    return groups
