"""Django's handles on the app and on the admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class RouterAppConfig(AppConfig):
    """Registers tables and the admin."""

    name = "router_app"
    verbose_name = "Budget Router"
    default_auto_field = "django.db.models.BigAutoField"


class OperatorsAdminConfig(AdminConfig):
    """Django's admin app with our own site in it."""

    default_site = "budgetrouter.operators.OperatorsSite"
