"""WSGI callable, for tools that want one; the product itself is served by `asgi.py`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
application = get_wsgi_application()
