"""What every page shows around its content."""

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context of the shell: gauges of the header, the demo banner, whether one may sign up."""
    return {"demo_active": False, "header_gauges": [], "signup_open": True}
