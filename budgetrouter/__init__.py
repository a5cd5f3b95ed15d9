"""Wiring only: settings, URLs, the ASGI and WSGI callables. The product is in `router_app/`."""
