"""What a model, or a person, writes stays text: nothing runs, loads, submits or restyles."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.upstream import HOLD, ScriptedUpstream
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser

HOSTILE = """
<script>window.pwned = 1; alert(1)</script>
<img src=x onerror="window.pwned = 2"><img src="http://evil.example/pixel.gif">
![a picture](http://evil.example/markdown.png)
![again][ref] [a script](javascript:window.pwned=3) [data](data:text/html,<script>alert(2)</script>)
[local](/accounts/logout/) [out](https://evil.example/path?q=1)
<div hx-get="/accounts/logout/" hx-trigger="load" data-hx-post="/send/">htmx</div>
<form action="/c/" method="post"><input name="csrfmiddlewaretoken"><button>Send me</button></form>
<style>body { display: none }</style><link rel="stylesheet" href="http://evil.example/a.css">
<iframe src="http://evil.example/frame" srcdoc="<script>parent.pwned = 4</script>"></iframe>
<svg onload="window.pwned = 5"><use href="http://evil.example/i.svg#x"/></svg>
<math><mtext><table><mglyph><style><img src=x onerror="window.pwned = 6"></style></mglyph></table>
</mtext></math>
<meta http-equiv="refresh" content="0;url=http://evil.example/"><base href="http://evil.example/">
<video src="http://evil.example/v.mp4" autoplay></video>
<object data="http://evil.example/o"></object>
<textarea id="composer-prompt"></textarea><dialog open id="chat-dialog">dialog</dialog>
<a href="https://evil.example" onclick="window.pwned = 7" style="position:fixed;inset:0">cover</a>
`<b onmouseover=alert(3)>`  <https://evil.example/auto>  <javascript:alert(4)>

```html" onmouseover="window.pwned = 8
<script>window.pwned = 9</script>
```

```python
print("</code></pre><script>window.pwned = 10</script>")
```

| <img src=x onerror=window.pwned=11> | b |
|---|---|
| [x](javascript:alert`5`) | <u hx-get="/"> |

[ref]: http://evil.example/reference.png "x\\" onerror=\\"window.pwned = 12"

event: done
data: {"html": "<script>window.pwned = 13</script>"}

{% load x %}{{ request }} &lt;script&gt;alert(6)&lt;/script&gt;
"""

FORBIDDEN = (
    "script, img, iframe, form, input, button:not([data-copy]), style, link, svg, math, meta, base,"
    " video, object, embed, textarea, dialog, [style], [id], [onerror], [onclick], [onload]"
)
OUR_ATTRIBUTES = {
    "href", "rel", "target", "class", "type", "tabindex", "data-copy", "data-copy-label",
}  # fmt: skip


def attributes_in(page: Page, selector: str) -> set[str]:
    found = page.eval_on_selector_all(
        f"{selector} *", "all => all.flatMap(one => one.getAttributeNames())"
    )
    return set(found)


def assert_inert(page: Page, watch: Watch) -> None:
    assert page.evaluate("() => window.pwned") is None
    assert not [url for url in watch.requested if "evil.example" in url]
    assert not [url for url in watch.requested if "/accounts/logout/" in url]


def test_an_answer_is_inert_while_it_streams_and_when_it_is_whole(
    page: Page, upstream: ScriptedUpstream, watch: Watch
) -> None:
    half = len(HOSTILE) // 2
    pieces = [HOSTILE[start : start + 7] for start in range(0, half, 7)]
    upstream.answers("Attack me", *pieces, HOLD, HOSTILE[(len(pieces) * 7) :])
    chat = Chat(page).open()

    chat.ask("Attack me")
    expect(chat.writing).to_contain_text("</form>")
    assert page.locator("[data-stream-text] *").count() == 0
    assert_inert(page, watch)
    upstream.go_on("Attack me")
    expect(chat.answers).to_contain_text("request")

    assert chat.answers.locator(FORBIDDEN).count() == 0
    assert attributes_in(page, "[data-answer]") <= OUR_ATTRIBUTES
    assert_inert(page, watch)
    page.reload()
    expect(chat.answers).to_contain_text("request")
    assert chat.answers.locator(FORBIDDEN).count() == 0
    assert_inert(page, watch)


def test_links_of_an_answer_lead_out_and_tell_nothing(
    page: Page, upstream: ScriptedUpstream
) -> None:
    upstream.answers("Link", HOSTILE)
    chat = Chat(page).open()
    links = chat.ask_and_read("Link").locator("a[href]").all()

    assert links
    for link in links:
        address = link.get_attribute("href") or ""
        assert address.startswith(("http://", "https://", "/", "mailto:")), address
        assert set((link.get_attribute("rel") or "").split()) >= {"noopener", "noreferrer"}


def test_a_prompt_is_inert_wherever_it_is_shown(page: Page, watch: Watch) -> None:
    prompt = '<img src=x onerror="window.pwned=1"><b hx-get="/accounts/logout/">"\'{{7*7}}'
    chat = Chat(page).open()
    chat.ask_and_read(prompt)
    expect(chat.questions).to_have_text(prompt)
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")

    page.reload()
    expect(chat.questions).to_have_text(prompt)
    assert_inert(page, watch)
    page.goto("/?q=onerror")
    expect(page.locator(".conversation-list")).to_contain_text("<img src=x")
    page.goto("/history/")
    expect(page.locator("table")).to_contain_text("<img src=x")
    page.get_by_role("link", name="receipt").click()
    expect(page.get_by_role("main")).to_contain_text("<img src=x")
    assert page.locator("main img, main b").count() == 0
    assert_inert(page, watch)


def test_code_is_coloured_and_copied_as_it_is(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Code", "```python\nfor x in range(3):\n    print(x)\n```")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat = Chat(page).open()
    answer = chat.ask_and_read("Code")
    assert answer.locator("pre span").count() > 3

    answer.get_by_role("button", name="Copy").click()

    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == "for x in range(3):\n    print(x)"
