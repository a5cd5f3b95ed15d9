"""A conversation as callers may send it, strictly, and as providers get it.

What is validated comes out as plain dictionaries. Unions are told apart by one member, so that an
error names the field and not every shape that it could have had; `<...>` marks their labels.
"""

import binascii
import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

MOST_MESSAGES = 2_000
MOST_PARTS = 1_000  # of one message
MOST_TOOL_CALLS = 128  # of one message
MOST_URL_CHARACTERS = 8_192  # of an address; an image inside the body is limited by the body

STRICT = ConfigDict(extra="forbid", strict=True)
# An answer comes back with whatever its client, or a provider before us, has added to it.
ECHOED = ConfigDict(extra="ignore", strict=True)
_ADDRESS = re.compile(r"https://[^\s/?#]+[!-~]*")
_INLINE = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,")


def without_nul(text: str) -> str:
    """Text that a database can keep."""
    if "\x00" in text:
        raise PydanticCustomError("nul", "must not contain the NUL character")
    return text


def _image(url: str) -> str:
    """An https address, or the image itself."""
    inline = _INLINE.match(url)
    if inline is None:
        if len(url) <= MOST_URL_CHARACTERS and _ADDRESS.fullmatch(url):
            return url
        raise PydanticCustomError(
            "image_url", "must be an https URL or a data: URL of a PNG, JPEG, WebP or GIF image"
        )
    try:
        binascii.a2b_base64(url[inline.end() :], strict_mode=True)
    except ValueError:
        raise PydanticCustomError("image_data", "does not hold valid base64") from None
    return url


Text = Annotated[str, AfterValidator(without_nul)]
Name = Annotated[str, Field(max_length=256, description="Accepted, and not passed on.")]
CallName = Annotated[str, Field(min_length=1, max_length=256)]


@with_config(STRICT)
class TextPart(TypedDict):
    """Text as a part of a message."""

    type: Literal["text"]
    text: Text


@with_config(STRICT)
class ImageUrl(TypedDict):
    """Where an image is, or the image itself."""

    url: Annotated[str, AfterValidator(_image), Field(description="`https:` or `data:`")]
    detail: NotRequired[Literal["auto", "low", "high"] | None]


@with_config(STRICT)
class ImagePart(TypedDict):
    """An image as a part of a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


@with_config(STRICT)
class RefusalPart(TypedDict):
    """What a model said when it refused; passed on as text."""

    type: Literal["refusal"]
    refusal: Text


def _kind_of_part(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    return f"<{kind}>" if isinstance(kind, str) else None


def _kind_of_content(content: Any) -> str | None:
    if isinstance(content, str):
        return "<string>"
    return "<parts>" if isinstance(content, list) else None


def _one_of(what: str) -> Any:
    """The discriminator of parts; what it does not know is named in our words."""
    return Discriminator(
        _kind_of_part,
        custom_error_type="unsupported_parameter",
        custom_error_message=f"must be a part of the type {what}",
    )


_TEXT_OR_PARTS = Discriminator(
    _kind_of_content,
    custom_error_type="content_type",
    custom_error_message="must be a string or a list of parts",
)
_Parts = Field(min_length=1, max_length=MOST_PARTS)

TextParts = Annotated[
    list[Annotated[Annotated[TextPart, Tag("<text>")], _one_of("'text'")]], _Parts
]
UserParts = Annotated[
    list[
        Annotated[
            Annotated[TextPart, Tag("<text>")] | Annotated[ImagePart, Tag("<image_url>")],
            _one_of("'text' or 'image_url'"),
        ]
    ],
    _Parts,
]
AssistantParts = Annotated[
    list[
        Annotated[
            Annotated[TextPart, Tag("<text>")] | Annotated[RefusalPart, Tag("<refusal>")],
            _one_of("'text' or 'refusal'"),
        ]
    ],
    _Parts,
]
TextContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[TextParts, Tag("<parts>")], _TEXT_OR_PARTS
]
UserContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[UserParts, Tag("<parts>")], _TEXT_OR_PARTS
]
AssistantContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[AssistantParts, Tag("<parts>")], _TEXT_OR_PARTS
]


@with_config(STRICT)
class SystemMessage(TypedDict):
    """Instructions. `developer` is another word for `system`, and passed on as that."""

    role: Literal["system", "developer"]
    content: TextContent
    name: NotRequired[Name | None]


@with_config(STRICT)
class UserMessage(TypedDict):
    """What a person said, with images where there are any."""

    role: Literal["user"]
    content: UserContent
    name: NotRequired[Name | None]


@with_config(ECHOED)
class CalledFunction(TypedDict):
    """Which function, with what."""

    name: CallName
    arguments: str


@with_config(ECHOED)
class ToolCall(TypedDict):
    """A call that the model asked for."""

    id: CallName
    type: Literal["function"]
    function: CalledFunction


@with_config(ECHOED)
class AssistantMessage(TypedDict):
    """What a model answered before: text, tool calls or both.

    It may be sent back as it came: members that are not listed here are left out.
    """

    role: Literal["assistant"]
    content: NotRequired[AssistantContent | None]
    tool_calls: NotRequired[Annotated[list[ToolCall], Field(max_length=MOST_TOOL_CALLS)] | None]
    refusal: NotRequired[Text | None]
    audio: NotRequired[None]
    function_call: NotRequired[None]


@with_config(STRICT)
class ToolMessage(TypedDict):
    """What a tool gave back."""

    role: Literal["tool"]
    content: TextContent
    tool_call_id: CallName
    name: NotRequired[Name | None]


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    if role == "developer":
        return "<system>"
    return f"<{role}>" if isinstance(role, str) else None


Message = Annotated[
    Annotated[SystemMessage, Tag("<system>")]
    | Annotated[UserMessage, Tag("<user>")]
    | Annotated[AssistantMessage, Tag("<assistant>")]
    | Annotated[ToolMessage, Tag("<tool>")],
    Discriminator(
        _role,
        custom_error_type="role",
        custom_error_message="must be a message with the role 'system', 'developer', 'user', "
        "'assistant' or 'tool'",
    ),
]
Messages = Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
