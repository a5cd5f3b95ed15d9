"""Settings, all from the environment or `.env`; `.env.example` has the same sections and order."""

import os
import sys
from decimal import Decimal
from pathlib import Path

import environ

from router_app.money import nanos_from_usd

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()  # type: ignore[no-untyped-call]
environ.Env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))


# 1. Core

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)

ROOT_URLCONF = "budgetrouter.urls"
ASGI_APPLICATION = "budgetrouter.asgi.application"
WSGI_APPLICATION = "budgetrouter.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "router_app.apps.RouterAppConfig",
    "router_app.apps.OperatorsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "django_htmx",
    "django_tables2",
    "django_filters",
    "ninja",
]

MIDDLEWARE = [
    "budgetrouter.middleware.request_middleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "router_app.web.middleware.OwnTimeZoneMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "router_app.web.context.shell",
            ],
        },
    },
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# A body above this is answered with 413; a prompt of 100,000 characters fits with room for JSON.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# The same for /v1, where a conversation may bring images.
V1_BODY_MAX_BYTES = 8 * 1024 * 1024


# 2. Server

PORT = env.int("PORT", default=8000)
BIND_HOST = env.str("BIND_HOST", default="127.0.0.1")
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=1)
# From SIGTERM to the end: answers under way get all but the last 15 of them.
SHUTDOWN_SECONDS = env.int("SHUTDOWN_SECONDS", default=30)
# For so long before that requests are taken as ever, and only /ready says what is coming.
SHUTDOWN_DELAY_SECONDS = env.int("SHUTDOWN_DELAY_SECONDS", default=0)


# 3. Database and cache

DATABASES = {"default": env.db("DATABASE_URL", default="sqlite:///var/budgetrouter.sqlite3")}
_database = DATABASES["default"]
_database["ATOMIC_REQUESTS"] = False
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # django-tables2 imports PostgreSQL's fields where it can, for a kind of column that nobody has
    # here, and the driver with them: nine MiB of every process.
    sys.modules["django.contrib.postgres.fields"] = None  # type: ignore[assignment]
    if _database["NAME"] != ":memory:":
        _database["NAME"] = str(BASE_DIR / _database["NAME"])
    _database["OPTIONS"] = {
        # A write lock is taken when a transaction begins, so two can never deadlock on upgrading.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Those of `models/rows.py` in all their sizes, which the default of 128 would push out.
        "cached_statements": 512,
        # FULL: what was committed survives a power cut, which is what a ledger owes its owner.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        " PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["CONN_HEALTH_CHECKS"] = True  # no page gets a connection that broke while it waited
    _database["OPTIONS"] = {
        # A pool that cannot connect gives up soon: its next try could be minutes away otherwise.
        "pool": {"min_size": 1, "max_size": 20, "timeout": 5, "reconnect_timeout": 2},
        # A row that somebody else holds must not stop the one thread that books everything.
        # And compiling a query (jit) costs a second where none of ours takes one.
        "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c jit=off",
        # A machine that is gone says nothing; without these TCP waits for it for hours.
        "connect_timeout": 5,
        "tcp_user_timeout": 15_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
    }

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}
# What processes share besides the database, where there is a Redis to share it in.
REDIS_URL = ""
if str(CACHES["default"].get("LOCATION", "")).startswith(("redis://", "rediss://", "unix://")):
    REDIS_URL = str(CACHES["default"]["LOCATION"])
    CACHES["default"]["BACKEND"] = "budgetrouter.cache.RedisOrLocalCache"


# 4. Accounts

AUTH_USER_MODEL = "router_app.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=True)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "chat"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "router_app.web.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
# django-axes counts failed sign-ins in the database, where every process sees them.
ACCOUNT_RATE_LIMITS = {"login_failed": None}
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_USERNAME_CALLABLE = "router_app.web.adapter.signing_in_as"
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
vars().update(env.email("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default="Budget Router <budget-router@localhost>"
)
DJANGO_SUPERUSER_USERNAME = env.str("DJANGO_SUPERUSER_USERNAME", default="admin")
DJANGO_SUPERUSER_PASSWORD = env.str("DJANGO_SUPERUSER_PASSWORD", default="")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "router_app.web.errors.csrf_failure"


# 5. Budgets and keys

NEW_ACCOUNT_MONTHLY_NANOS = nanos_from_usd(Decimal(env.str("NEW_ACCOUNT_MONTHLY_USD", default="5")))
SELF_SERVICE_MAX_NANOS = nanos_from_usd(Decimal(env.str("SELF_SERVICE_MAX_USD", default="100")))
# For keys that have no limit of their own; 0 is no limit.
KEY_REQUESTS_PER_MINUTE = env.int("KEY_REQUESTS_PER_MINUTE", default=0)
KEY_CONCURRENT_REQUESTS = env.int("KEY_CONCURRENT_REQUESTS", default=0)
# Where people find this site, such as https://router.example.com: for links in e-mails.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
# Let webhooks go to this machine, and by http there: for development only.
WEBHOOK_LOOPBACK = env.bool("WEBHOOK_LOOPBACK", default=False)


# 6. Providers

GROQ_API_KEY = env.str("GROQ_API_KEY", default="")
GROQ_BASE_URL = env.str("GROQ_BASE_URL", default="https://api.groq.com/openai/v1").rstrip("/")
DEMO_BASE_URL = env.str("DEMO_BASE_URL", default="").rstrip("/")
DEMO_API_KEY = env.str("DEMO_API_KEY", default="")


# 7. Limits of one call

CALL_CONNECT_SECONDS = env.float("CALL_CONNECT_SECONDS", default=5.0)
CALL_FIRST_TOKEN_SECONDS = env.float("CALL_FIRST_TOKEN_SECONDS", default=30.0)
CALL_BETWEEN_TOKENS_SECONDS = env.float("CALL_BETWEEN_TOKENS_SECONDS", default=20.0)
CALL_WHOLE_SECONDS = env.float("CALL_WHOLE_SECONDS", default=60.0)
CALL_TOTAL_SECONDS = env.float("CALL_TOTAL_SECONDS", default=120.0)
# A reservation outlives the longest possible call by this much; then the clock closes it.
LEASE_MARGIN_SECONDS = 30.0


# 8. Request log

REQUEST_LOG_PATH = BASE_DIR / env.str("REQUEST_LOG_PATH", default="logs/requests.jsonl")


# 9. Logging and metrics

# What a scraper of /metrics sends; without one only administrators who are signed in may look.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="").strip()
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "budgetrouter.logging.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},  # a refusal is an answer, not an incident
        "django.server": {"handlers": [], "propagate": True},
        "axes": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},  # it tells of every try; we say once what is away
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},  # on DEBUG it tells headers, and so keys
    },
}


# Security headers and static files need no variables of their own.

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 30 * 24 * 3600

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "budgetrouter.static_storage.StaticStorage"},
}
DJANGO_TABLES2_TEMPLATE = "components/table.html"
