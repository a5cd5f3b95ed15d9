"""Set up a new installation as its commands do; prints an API key. A process of its own."""

import os

import django
from django.core.management import call_command

MANY = 10_000_000  # the key has limits, as every key, and the benchmark does not reach them


def main() -> None:
    """Migrate, load the catalogue, make a person with a budget and a key."""
    os.environ.setdefault("DJANGO_SUPERUSER_PASSWORD", "only-for-the-benchmark")
    django.setup()
    from budgetrouter.serving.static_files import collect_if_changed

    collect_if_changed()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_catalog")
    from router_app.models import ApiKey, User

    if not User.objects.filter(username="bench").exists():
        call_command("createsuperuser", "--noinput", "--username=bench", "--email=bench@localhost")
        call_command("set_budget", "bench", "--period=month", "--limit=1000000")
    call_command("create_api_key", "bench", "--name=benchmark")
    ApiKey.objects.update(requests_per_minute=MANY, concurrent_requests=MANY)


if __name__ == "__main__":
    main()
