"""Tools and the form of the answer, as callers may ask for them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Discriminator, Field, Tag, with_config
from typing_extensions import TypedDict

from router_app.api.v1.messages import STRICT

MOST_TOOLS = 128

Identifier = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Schema = Annotated[dict[str, Any], Field(description="a JSON Schema")]


@with_config(STRICT)
class Function(TypedDict):
    """What a model may call: its name, what it does, what it takes."""

    name: Identifier
    description: NotRequired[str | None]
    parameters: NotRequired[Schema | None]
    strict: NotRequired[bool | None]


@with_config(STRICT)
class Tool(TypedDict):
    """A function that the model may call."""

    type: Literal["function"]
    function: Function


@with_config(STRICT)
class NamedFunction(TypedDict):
    """The name of one of the tools."""

    name: Identifier


@with_config(STRICT)
class NamedTool(TypedDict):
    """This very tool must be called."""

    type: Literal["function"]
    function: NamedFunction


def _kind_of_choice(choice: Any) -> str | None:
    if isinstance(choice, str):
        return "<word>"
    return "<tool>" if isinstance(choice, dict) else None


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<word>")]
    | Annotated[NamedTool, Tag("<tool>")],
    Discriminator(
        _kind_of_choice,
        custom_error_type="tool_choice",
        custom_error_message="must be 'none', 'auto', 'required' or a tool of the type 'function'",
    ),
]
Tools = Annotated[list[Tool], Field(max_length=MOST_TOOLS)]


@with_config(STRICT)
class TextFormat(TypedDict):
    """Any text: what is answered where nothing else is asked for."""

    type: Literal["text"]


@with_config(STRICT)
class JsonFormat(TypedDict):
    """A JSON object."""

    type: Literal["json_object"]


@with_config(STRICT)
class NamedSchema(TypedDict):
    """The schema that the answer must fit."""

    name: Identifier
    description: NotRequired[str | None]
    schema: NotRequired[Schema | None]
    strict: NotRequired[bool | None]


@with_config(STRICT)
class SchemaFormat(TypedDict):
    """A JSON object that fits a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


def _kind_of_format(form: Any) -> str | None:
    kind = form.get("type") if isinstance(form, dict) else None
    return f"<{kind}>" if isinstance(kind, str) else None


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("<text>")]
    | Annotated[JsonFormat, Tag("<json_object>")]
    | Annotated[SchemaFormat, Tag("<json_schema>")],
    Discriminator(
        _kind_of_format,
        custom_error_type="response_format",
        custom_error_message="must be of the type 'text', 'json_object' or 'json_schema'",
    ),
]
