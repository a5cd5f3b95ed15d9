"""Django's handles on the app and on the admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class RouterAppConfig(AppConfig):
    """Registers tables and the admin."""

    name = "router_app"
    verbose_name = "Budget Router"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the database's triggers in place."""
        from router_app.models import access_triggers

        post_migrate.connect(access_triggers.install, sender=self)


class OperatorsAdminConfig(AdminConfig):
    """Django's admin app with our own site in it."""

    default_site = "budgetrouter.operators.OperatorsSite"
