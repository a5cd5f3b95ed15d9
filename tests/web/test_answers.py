"""Answers are hostile: whatever a model writes, nothing runs, loads, submits or restyles."""

import re
import time

import pytest

from router_app.web.answers import (
    ATTRIBUTES,
    MAX_CHARACTERS,
    MAX_CODE_CHARACTERS,
    TAGS,
    clean,
    render_answer,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/leak.png'>",
    "![leak](https://evil.example/leak.png)",
    "![leak][1]\n\n[1]: https://evil.example/leak.png",
    "![a](javascript:alert(1))",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src='https://evil.example'></iframe>",
    "<object data='https://evil.example'></object>",
    "<embed src='https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>body{display:none}</style>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action='/accounts/logout/' method=post><button>Free money</button></form>",
    "<button hx-post='/keys/' hx-trigger='load'>x</button>",
    "<div hx-get='/keys/' hx-trigger='load'></div>",
    "<div data-hx-get='/keys/' data-hx-trigger='load'></div>",
    "<div hx-on:load='alert(1)'></div>",
    "<a href='#' data-fill='x' data-open='chat-dialog' data-copy='#x'>x</a>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video src='https://evil.example/v.mp4' autoplay></video>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<p id='composer' class='alert alert-ok'>x</p>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](java\tscript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[click](vbscript:msgbox(1))",
    "[click](file:///etc/passwd)",
    "[click](/accounts/logout/)",
    "[click](//evil.example/x)",
    "[click](?all=1)",
    '[click](https://evil.example/"onmouseover=alert(1)")',
    '[click](https://evil.example/ "x\\" onmouseover=alert(1) y=\\"")',
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '```"><script>alert(1)</script>\nx\n```',
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    "```python'><img/src=x>\nx\n```",
    "`<img src=x onerror=alert(1)>`",
    "| <script>alert(1)</script> | b |\n|---|---|\n| <img src=x onerror=alert(1)> | c |",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "</div></article><script>alert(1)</script>",
    "<a href='https://ok.example' onclick='alert(1)' target=_self rel=opener>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
]
OURS = re.compile(
    r'<div class="code"><div class="code-head"><span>[\w+#.-]*</span><button class="button '
    r'button-quiet button-small" type="button" data-copy><span data-copy-label>Copy</span>'
    r'<span class="visually-hidden"> this code</span></button></div>'
)
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[^\s<>=]+(?:=\"[^\"]*\")?)*)\s*/?>")
ATTRIBUTE = re.compile(r"([^\s<>=]+)(?:=\"([^\"]*)\")?")


def assert_inert(markup: str) -> None:
    """Every tag, attribute and address in `markup` is one that we allow."""
    rest = OURS.sub("", markup).replace("</pre></div>", "</pre>")
    for _, tag, attributes in TAG.findall(rest):
        assert tag in TAGS, markup
        for name, value in ATTRIBUTE.findall(attributes):
            allowed = ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
            assert name in allowed, markup
            if name == "href":
                assert re.match(r"(https?://|mailto:)", value), markup
            if name == "target":
                assert value == "_blank"
            if name == "rel":
                assert value == "nofollow noopener noreferrer"
    assert "<" not in TAG.sub("", rest), markup  # whatever is no tag of ours is text


@pytest.mark.parametrize("answer", HOSTILE)
def test_a_hostile_answer_is_inert(answer: str) -> None:
    assert_inert(str(render_answer(answer)))


@pytest.mark.parametrize("answer", HOSTILE)
def test_the_second_lock_holds_without_the_first(answer: str) -> None:
    """Even if markdown let raw HTML through, nothing would pass the cleaning."""
    assert_inert(clean(answer))


def test_a_picture_becomes_a_link_that_nobody_follows_by_itself() -> None:
    markup = render_answer("![a chart](https://pictures.example/x.png)")
    assert '<a href="https://pictures.example/x.png"' in markup
    assert ">a chart</a>" in markup


def test_links_open_elsewhere_and_tell_nothing() -> None:
    markup = render_answer("[docs](https://docs.example/a?b=1&c=2)")
    assert 'href="https://docs.example/a?b=1&amp;c=2"' in markup
    assert 'target="_blank"' in markup
    assert 'rel="nofollow noopener noreferrer"' in markup


def test_addresses_in_text_stay_text() -> None:
    assert "<a" not in render_answer("See https://docs.example and www.docs.example")


def test_markdown_is_shown() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    markup = render_answer(f"# Title\n\n**bold** *it* ~~gone~~\nnext\n\n{table}")
    for part in ("<h3>Title</h3>", "<strong>bold</strong>", "<s>gone</s><br>", "<td>1</td>"):
        assert part in markup


def test_a_list_that_goes_on_keeps_its_number() -> None:
    assert '<ol start="4">' in render_answer("4. four\n5. five")


def test_code_is_coloured_and_can_be_copied() -> None:
    markup = render_answer("```python\ndef f():\n    return '<b>'\n```")
    assert '<span class="k">def</span>' in markup
    assert "data-copy" in markup
    assert "<span>python</span>" in markup
    assert "&lt;b&gt;" in markup


def test_an_unknown_language_is_plain() -> None:
    markup = render_answer("```klingon\nqapla' <b>\n```")
    assert "<code>qapla' &lt;b&gt;" in markup


def test_a_long_block_stays_black_and_white() -> None:
    block = "x = 1\n" * (MAX_CODE_CHARACTERS // 6 + 1)
    assert '<span class="n">' not in render_answer(f"```python\n{block}```")


def test_a_fence_that_was_never_closed_is_code() -> None:
    assert "<pre><code>" in render_answer("```python\nprint('cut")


def test_too_long_an_answer_is_shown_as_it_is() -> None:
    answer = "**x** <script> " * (MAX_CHARACTERS // 15 + 1)
    markup = render_answer(answer)
    assert "<strong>" not in markup
    assert "**x** &lt;script&gt;" in markup


@pytest.mark.parametrize(
    "unit",
    ["[", "![", "[a", "*", "*a _b ", "> ", "- ", "`", "~~a", "[]( ", "|", "&", "<a ", "```\n",
     "1. ", "```java\na b a b\n```\n", "# ", "\\", "<!--", "$", "  - a\n"],
)  # fmt: skip
def test_pathological_markdown_ends_soon(unit: str) -> None:
    began = time.perf_counter()
    markup = render_answer(unit * (MAX_CHARACTERS // len(unit)))
    assert time.perf_counter() - began < 10  # a generous machine-independent bound; measured: 1.2 s
    assert len(markup) < 4_000_000


def test_a_wide_table_with_short_rows_does_not_blow_up() -> None:
    head = "|" + "a|" * 2_000 + "\n|" + "-|" * 2_000 + "\n"
    markup = render_answer(head + "|x\n" * 5_000)
    assert len(markup) < 4_000_000
