"""How many tokens a text is: the likely number by its scripts, and a bound it cannot exceed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router_app.estimates.scripts import (
    ACCENTED,
    DIGIT,
    LINE,
    LOWER,
    PER_ASCII,
    PER_CHARACTER,
    PER_RUN,
    SIGN,
    SPACE,
    UPPER,
    VIETNAMESE,
    marks,
    table,
)

TOKENS_PER_MESSAGE = 4  # what a chat template usually adds around one message
EXPECTED_IMAGE_TOKENS = 1_000  # a photograph of some 900 x 900 pixels; models count differently
BOUND_PER_MESSAGE = 16  # the most it adds in any template we know
JSON_FACTOR = 2  # tool and schema JSON is rewritten by templates before the model reads it

# Exact counters by tokenizer family ("o200k"); with one, the bound is its count, not the bytes.
# Empty until a tokenizer is a dependency worth having.
COUNTERS: dict[str, Callable[[str], int]] = {}

# What a stretch of marks costs in thousandths of a token, besides its characters.
_PER_WORD, _PER_SIGNS, _PER_NUMBER, _PER_GAP = 380, 770, 1000, 400
_PER_NUMBER_AFTER_SPACE = 1200

_WORDS = table({LOWER + ACCENTED + VIETNAMESE: LOWER, UPPER: UPPER}, others=SPACE)
_ROLE_AND_CONTENT = frozenset({"role", "content"})
_WIDE_SPACE = b"_"  # two spaces, where they are counted
_ONLY = {mark: table({mark: mark}, others=SPACE) for mark in (SIGN, _WIDE_SPACE, *PER_RUN)}


def estimate_tokens(text: str) -> int:
    """Likely token count of `text`, 0 for none. Linear: a millisecond for 100,000 characters.

    Fitted to o200k: within about 10 % on English prompts and code, 20 % on other languages, where
    characters / 4 is up to 65 % short. Models with smaller vocabularies need more outside English.
    """
    if not text:
        return 0
    shape = marks(text)
    thousandths = 0
    for mark, price in PER_ASCII.items():
        thousandths += shape.count(mark) * price
    if not text.isascii():
        thousandths += sum(shape.count(mark) * price for mark, price in PER_CHARACTER.items())
        thousandths += sum(_runs(shape, mark) * price for mark, price in PER_RUN.items())
    thousandths += _PER_WORD * _words(shape) + _PER_SIGNS * _runs(shape, SIGN)
    if DIGIT in shape:
        thousandths += _PER_NUMBER * _numbers(shape)
        thousandths += _PER_NUMBER_AFTER_SPACE * shape.count(SPACE + DIGIT)
    if LINE in shape or SPACE + SPACE in shape:
        thousandths += _PER_GAP * _gaps(shape)
    return -(-thousandths // 1000)


# Counted with the methods of bytes, which are several times as quick as regular expressions.


def _runs(shape: bytes, mark: bytes) -> int:
    """Stretches of nothing but this mark."""
    return len(shape.translate(_ONLY[mark]).split()) if mark in shape else 0


def _words(shape: bytes) -> int:
    """Latin words: `foo`, `Foo` and `FOO` are one each, `fooBar` is two, `HTMLfoo` too."""
    letters = shape.translate(_WORDS)
    return len(letters.split()) + letters.count(b"aA") + letters.count(b"AAa")


def _numbers(shape: bytes) -> int:
    """Groups of up to three digits, from the left of each number."""
    rest = shape.replace(b"000", b".")
    return shape.count(b"000") + rest.replace(b"00", b"0").count(b"0")


def _gaps(shape: bytes) -> int:
    """Line ends with the empty lines and the indentation after them, and other double spaces."""
    first, *others = shape.split(LINE)
    others = [line.lstrip(SPACE) for line in others]
    line_ends = 1 + sum(map(bool, others[:-1])) if others else 0
    text = LINE.join([first, *others])
    return line_ends + _runs(text.replace(SPACE + SPACE, _WIDE_SPACE), _WIDE_SPACE)


def estimate_input_tokens(messages: Sequence[Mapping[str, Any]], *, tools_json: str = "") -> int:
    """Likely prompt tokens of a whole conversation, its template included.

    Images are not: routing adds `EXPECTED_IMAGE_TOKENS` for each.
    """
    total = estimate_tokens(tools_json) + TOKENS_PER_MESSAGE * len(messages)
    for message in messages:
        for text in (*_texts(message), _extras_json(message)):
            total += estimate_tokens(text)
    return total


def input_bound_base(
    messages: Sequence[Mapping[str, Any]], *, tools_json: str = "", family: str | None = None
) -> int:
    """The most tokens these messages can be, without the model's own template allowance.

    Byte-level BPE never makes more tokens than there are UTF-8 bytes: bytes of all text, plus 16 a
    message, plus twice the bytes of tool and schema JSON. Where the model's tokenizer is at hand
    (`family` names one of `COUNTERS`), its count replaces the bytes. The caller adds
    `ModelSpec.template_allowance_tokens`, and `ModelSpec.image_tokens` for each image: what an
    image is does not depend on how many bytes it was sent in.
    """
    count = COUNTERS.get(family or "", _utf8_length)
    texts, json_bytes = 0, _utf8_length(tools_json)
    for message in messages:
        for text in _texts(message):
            texts += count(text)
        json_bytes += len(_extras_json(message)) + len(_wrapping_json(message))
    return texts + BOUND_PER_MESSAGE * len(messages) + JSON_FACTOR * json_bytes


def _utf8_length(text: str) -> int:
    # JSON may carry lone surrogates; they must be counted, not crash.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in _parts(message) if _is_text(part)]


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def image_count(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many image parts the messages hold; the same parts that the bound leaves out."""
    return sum(_is_image(part) for message in messages for part in _parts(message))


def _is_image(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "image_url"


def _parts(message: Mapping[str, Any]) -> Sequence[Any]:
    content = message.get("content")
    return [] if content is None or isinstance(content, str) else content


def _extras_json(message: Mapping[str, Any]) -> str:
    """Everything of a message that is neither its role nor its content: a name, tool calls."""
    if message.keys() <= _ROLE_AND_CONTENT:
        return ""
    return _ascii_json({key: message[key] for key in message if key not in _ROLE_AND_CONTENT})


def _wrapping_json(message: Mapping[str, Any]) -> str:
    """What its content's parts hold besides their text and the picture itself."""
    parts = _parts(message)
    return _ascii_json({"content": [_wrapping(part) for part in parts]}) if parts else ""


def _wrapping(part: Any) -> Any:
    if _is_image(
        part
    ):  # its address, often a data: URL with the picture in it, is not read as text
        image = part.get("image_url")
        detail = (
            {k: v for k, v in image.items() if k != "url"} if isinstance(image, Mapping) else {}
        )
        part = {**part, "image_url": detail}
    return {k: v for k, v in part.items() if k != "text"} if _is_text(part) else part


def _ascii_json(value: Any) -> str:
    """JSON whose length in characters is its length in bytes, never less than in UTF-8."""
    return json.dumps(value, default=str)
