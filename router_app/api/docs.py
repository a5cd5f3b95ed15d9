"""`/openapi.json` and `/docs`: the schema of the models that validate, and a page to try it on."""

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from router_app.api.face import face
from router_app.api.v1 import schema as schema_of_v1


@cache
def schema_text() -> str:
    """The OpenAPI document as JSON: what the framework serves, and `/v1` in front of it."""
    document: dict[str, Any] = dict(face.get_openapi_schema(path_prefix="/"))
    components = document["components"]
    schemas = {**schema_of_v1.components(), **components["schemas"]}
    document["components"] = {**components, "schemas": schemas}
    document["paths"] = {**document["paths"], **schema_of_v1.paths()}
    document["tags"] = [*document["tags"], schema_of_v1.TAG]
    return json.dumps(document)


@require_safe
async def schema(request: HttpRequest) -> HttpResponse:
    """`GET /openapi.json`."""
    return HttpResponse(schema_text(), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`GET /docs`: the schema as a page; calls made there go out with a key or the session."""
    return render(request, "api/docs.html", {"schema_url": reverse("api:schema")})
