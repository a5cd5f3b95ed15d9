"""The JSON face's part of the URL space.

/route          POST   a prompt in, an answer and its receipt out
/stats          GET    the caller's own usage
/health         GET    public: the process answers
/ready          GET    public: requests should be sent here
/metrics        GET    numbers for Prometheus; its token, or administrators
/openapi.json   GET    the schema, public
/docs           GET    the schema as a page, public
"""

from django.urls import URLPattern, URLResolver, include, path

from router_app.api import health, ready, route, stats  # noqa: F401  importing an endpoint registers it
from router_app.api.docs import docs, schema
from router_app.api.face import endpoints, in_json
from router_app.api.metrics import metrics

_own = [
    *endpoints(),
    path("metrics", in_json(metrics), name="metrics"),
    path("openapi.json", in_json(schema), name="schema"),
    path("docs", docs, name="docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [path("", include((_own, "api")))]
