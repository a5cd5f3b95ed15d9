"""`/v1` as the OpenAPI document shows it, made of the models that validate and describe it."""

from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from router_app.api.idempotency import KEY_PARAMETER
from router_app.api.v1.addresses import COMPLETIONS, MODEL, MODELS
from router_app.api.v1.replies import ChatReply, ChunkReply, ModelReply, ModelsReply
from router_app.api.v1.requests import ChatBody

TAG = {
    "name": "OpenAI-compatible",
    "description": "For any OpenAI client: its base URL is `/v1` here. The same addresses answer "
    "under `/openai/v1`, which Groq's clients append by themselves.",
}
_COMPONENTS = "#/components/schemas/"
_BY_KEY: list[dict[str, list[str]]] = [{"ApiKey": []}]
_JSON, _STREAM = "application/json", "text/event-stream"
_FAILURES = {
    COMPLETIONS: (400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504),
    MODELS: (400, 401, 500, 503),
    MODEL: (400, 401, 404, 500, 503),
}
_SHAPES = {402: ["BudgetErrorReply"], 422: ["NoCandidateReply", "ErrorReply"]}


def components() -> dict[str, Any]:
    """The schemas of bodies and replies, by name. Those of errors are where `/route` is."""
    _, found = models_json_schema(
        [
            (ChatBody, "validation"),
            (ChatReply, "serialization"),
            (ChunkReply, "serialization"),
            (ModelsReply, "serialization"),
            (ModelReply, "serialization"),
        ],
        ref_template=f"{_COMPONENTS}{{model}}",
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def paths() -> dict[str, Any]:
    """The operations, by address."""
    return {
        COMPLETIONS: {"post": _completions()},
        MODELS: {
            "get": _operation(
                MODELS,
                "list_models",
                "List models",
                "Every model that can be asked for, and `auto` with each of its words.",
                {_JSON: _of("ModelsReply")},
            )
        },
        MODEL: {
            "get": {
                **_operation(
                    MODEL,
                    "retrieve_model",
                    "Look at a model",
                    "One of them. Slashes in an id may stand as they are.",
                    {_JSON: _of("ModelReply")},
                ),
                "parameters": [
                    {
                        "name": "model",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "minLength": 1},
                    }
                ],
            }
        },
    }


def _completions() -> dict[str, Any]:
    operation = _operation(
        COMPLETIONS,
        "chat_completion",
        "Go on with a conversation",
        "Choose the best model that the budgets allow, and let it answer: in one piece, or with "
        "`stream` as server-sent events, each `data:` line a chunk and the last `[DONE]`.",
        {_JSON: _of("ChatReply"), _STREAM: _of("ChunkReply")},
    )
    body = {"content": {_JSON: _of("ChatBody")}, "required": True}
    return {**operation, "parameters": [KEY_PARAMETER], "requestBody": body}


def _operation(
    address: str, name: str, summary: str, description: str, content: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "tags": [TAG["name"]],
        "security": _BY_KEY,
        "responses": {
            "200": {"description": "OK", "content": content},
            **{str(status): _failure(status) for status in _FAILURES[address]},
        },
    }


def _failure(status: int) -> dict[str, Any]:
    shapes = [_reference(name) for name in _SHAPES.get(status, ["ErrorReply"])]
    schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    return {"description": HTTPStatus(status).phrase, "content": {_JSON: {"schema": schema}}}


def _of(name: str) -> dict[str, Any]:
    return {"schema": _reference(name)}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"{_COMPONENTS}{name}"}
