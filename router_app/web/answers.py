"""Answers as HTML: a model's markdown in, safe markup out.

What a model writes is hostile. Markdown is read with raw HTML switched off; what comes out is
cleaned against a short list of tags and attributes of our own; only then are our own parts added
(the copy button). Text that would take too long to read as markdown is shown as it is:
the grammars of markdown and of programming languages are quadratic on some of it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

# Measured on the worst input found: below these an answer takes at most about two seconds, an
# ordinary one two milliseconds.
MAX_CHARACTERS = 40_000
MAX_MARKUP_CHARACTERS = 400_000  # what markdown made of it; a table can grow a hundredfold
MAX_NESTING = 40
MAX_CODE_CHARACTERS = 8_000  # a longer block stays black and white
MAX_COLOURED_CHARACTERS = 16_000  # of all blocks of an answer
REMEMBERED = 64  # answers: a page is often shown again

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "*": set[str](),
    "a": {"href"},
    "code": {"class"},
    "ol": {"start"},
    "span": {"class"},
}
LINK_SCHEMES = {"http", "https", "mailto"}
LINK_REL = "nofollow noopener noreferrer"
TOP_HEADING = 3  # above it stand the page's own headings

# Tried on hostile input: some of Pygments' hundreds of grammars never end.
LANGUAGES = frozenset(
    [
        "bash",
        "c",
        "c++",
        "cpp",
        "console",
        "cs",
        "csharp",
        "css",
        "dart",
        "diff",
        "docker",
        "dockerfile",
        "go",
        "golang",
        "graphql",
        "haskell",
        "html",
        "ini",
        "java",
        "javascript",
        "js",
        "json",
        "jsx",
        "kotlin",
        "kt",
        "lua",
        "make",
        "makefile",
        "nginx",
        "php",
        "powershell",
        "py",
        "pycon",
        "python",
        "python3",
        "r",
        "rb",
        "rs",
        "ruby",
        "rust",
        "scala",
        "sh",
        "shell",
        "sql",
        "swift",
        "toml",
        "ts",
        "tsx",
        "typescript",
        "xml",
        "yaml",
        "yml",
        "zsh",
    ]
)

_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\"'`\\]+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,24}")
_COLOURS = frozenset(name for name in STANDARD_TYPES.values() if name)
# In cleaned markup "<" begins a tag and nothing else: in text it is escaped, in addresses refused.
_CODE = re.compile(
    r'<pre><code(?: class="language-([^"<>]+)")?>((?:[^<]|<(?!/code></pre>))*)</code></pre>'
)


@lru_cache(maxsize=REMEMBERED)
def render_answer(text: str) -> SafeString:
    """An answer's markdown as HTML that cannot run, load, submit or restyle anything."""
    if len(text) <= MAX_CHARACTERS:
        markup = _markdown.render(text, {"uncoloured": MAX_COLOURED_CHARACTERS})
        if len(markup) <= MAX_MARKUP_CHARACTERS:
            return mark_safe(_with_our_parts(clean(markup)))  # noqa: S308  cleaned
    return format_html('<p class="as-written">{}</p>', text)


def clean(markup: str) -> str:
    """`markup` without any tag, attribute, class or address that is not on our lists."""
    return nh3.clean(
        markup,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_keep,
        link_rel=LINK_REL,
        url_schemes=LINK_SCHEMES,
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _keep(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _ADDRESS.fullmatch(value) else None
    if attribute == "start":
        return value if _NUMBER.fullmatch(value) else None
    if attribute != "class":
        return value  # rel and target are ours
    if tag == "code":
        language = value.removeprefix("language-")
        return value if language != value and _LANGUAGE.fullmatch(language) else None
    return value if value in _COLOURS else None


def _with_our_parts(markup: str) -> str:
    """A head with a copy button on each block of code."""
    return _CODE.sub(lambda block: _code_block(block[1] or "", block[2]), markup)


def _code_block(language: str, coloured: str) -> str:
    return (
        f'<div class="code"><div class="code-head"><span>{escape(language)}</span>'
        '<button class="button button-quiet button-small" type="button" data-copy>'
        '<span data-copy-label>Copy</span><span class="visually-hidden"> this code</span></button>'
        f"</div><pre><code>{coloured}</code></pre></div>"
    )


class _Renderer(RendererHTML):
    """Markdown's tokens as HTML, with nothing that loads by itself."""

    def fence(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        token = tokens[index]
        language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
        return self._block(token.content, language.lower(), env)

    def code_block(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return self._block(tokens[index].content, "", env)

    def image(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """A picture would be fetched without asking, and its address can tell on the reader."""
        token = tokens[index]
        address = escapeHtml(str(token.attrs.get("src", "")))
        words = self.renderInlineAsText(token.children, options, env) or "picture"
        return f'<a href="{address}">{escapeHtml(words)}</a>'

    def _block(self, code: str, language: str, env: Any) -> str:
        name = f' class="language-{escapeHtml(language)}"' if language else ""
        return f"<pre><code{name}>{_coloured(code, language, env)}</code></pre>\n"


def _coloured(code: str, language: str, env: Any) -> str:
    if language not in LANGUAGES or len(code) > min(MAX_CODE_CHARACTERS, env["uncoloured"]):
        return escapeHtml(code)
    env["uncoloured"] -= len(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False)  # type: ignore[no-untyped-call]
    except ClassNotFound:
        return escapeHtml(code)
    return str(highlight(code, lexer, _formatter))  # type: ignore[no-untyped-call]


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + TOP_HEADING - 1)}"


def _reader() -> MarkdownIt:
    options = {"html": False, "linkify": False, "breaks": True, "maxNesting": MAX_NESTING}
    reader = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    reader.enable(["table", "strikethrough"])
    reader.core.ruler.push("lower_headings", _lower_headings)
    return reader


_formatter = HtmlFormatter(nowrap=True)  # type: ignore[no-untyped-call]
_markdown = _reader()
