"""The product's settings as tests run them: nothing from a developer's .env or shell."""

import os

os.environ["ENV_FILE"] = os.devnull
os.environ["SECRET_KEY"] = "tests-only"
for name in ("GROQ_API_KEY", "DEMO_BASE_URL", "DEMO_API_KEY", "GROQ_BASE_URL", "CACHE_URL"):
    os.environ.pop(name, None)
if "TEST_CACHE_URL" in os.environ:  # of servers that a test starts
    os.environ["CACHE_URL"] = os.environ["TEST_CACHE_URL"]
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "sqlite:///var/tests.sqlite3")

from budgetrouter.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DEMO_BASE_URL = "http://demo.test/v1"
AXES_ENABLED = False
if DATABASES["default"]["ENGINE"].endswith("postgresql"):  # noqa: F405
    # A pool's idle connections would keep the test database from being dropped.
    DATABASES["default"]["OPTIONS"] = {}  # noqa: F405
# For tests that await the end of a lease, which no clock of theirs can move in another process.
LEASE_MARGIN_SECONDS = float(os.environ.get("TEST_LEASE_MARGIN_SECONDS", LEASE_MARGIN_SECONDS))  # noqa: F405
