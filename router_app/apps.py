"""Django's handle on the app."""

from django.apps import AppConfig


class RouterAppConfig(AppConfig):
    """Registers tables, checks and the admin."""

    name = "router_app"
    verbose_name = "Budget Router"
    default_auto_field = "django.db.models.BigAutoField"
