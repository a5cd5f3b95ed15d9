"""Conversations: found again, renamed, taken along as a file, deleted."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Person
from tests.browser.server import Server
from tests.browser.upstream import ScriptedUpstream
from tests.factories import make_exchange

pytestmark = pytest.mark.browser


def test_a_conversation_is_found_by_words_of_its_answer(
    page: Page, alice: Person, server: Server
) -> None:
    server.rows(_talk, alice.pk, "Plans for the garden", "Plant the rosemary in spring.")
    server.rows(_talk, alice.pk, "Plans for the roof", "Ask a roofer.")
    page.goto("/")

    page.get_by_label("Search conversations").fill("rosemary")
    page.keyboard.press("Enter")

    found = page.locator(".conversation-list li")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Plant the rosemary in spring.")
    found.get_by_role("link").click()
    expect(Chat(page).answers).to_have_text("Plant the rosemary in spring.")


def test_a_conversation_gets_another_name(page: Page, upstream: ScriptedUpstream) -> None:
    chat = Chat(page).open()
    chat.ask_and_read("What shall we call it?")
    chat.choose("Rename")
    dialog = page.get_by_role("dialog")

    dialog.get_by_label("Title").fill("The naming of things")
    dialog.get_by_role("button", name="Rename").click()

    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("The naming of things")
    expect(page.locator("#rail").get_by_role("link", name="The naming of things")).to_be_visible()
    expect(page).to_have_title("The naming of things · Budget Router")


def test_a_conversation_is_deleted_and_its_cost_is_not(page: Page) -> None:
    chat = Chat(page).open()
    chat.ask_and_read("Forget me")
    address = chat.address()
    chat.choose("Delete")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Keep it").click()
    expect(dialog).to_have_count(0)

    chat.choose("Delete")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_text("“Forget me” is deleted")).to_be_visible()
    expect(page.locator("#rail").get_by_role("link", name="Forget me")).to_have_count(0)
    gone = page.request.get(address)
    assert gone.status == 404
    page.goto("/dashboard/")
    requests = page.locator("#dashboard-figures .stat").filter(has_text="Requests")
    expect(requests.locator(".stat-value")).to_have_text("1")


def test_a_conversation_goes_along_as_a_file(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Export this", "With **all** of it.")
    chat = Chat(page).open()
    chat.ask_and_read("Export this")

    as_json = json.loads(_saved(chat, "Export as JSON", "export-this.json"))
    as_markdown = _saved(chat, "Export as Markdown", "export-this.md")

    question, answer = as_json["messages"]
    assert (question["role"], question["text"]) == ("user", "Export this")
    assert (answer["text"], answer["model"]) == ("With **all** of it.", "llama-3.3-70b-versatile")
    assert answer["cost_usd"] == as_json["total_cost_usd"] == "0.00002439"
    assert "Export this" in as_markdown
    assert "With **all** of it." in as_markdown


def _saved(chat: Chat, item: str, name: str) -> str:
    with chat.page.expect_download() as download:
        chat.choose(item)
    assert download.value.suggested_filename == name
    chat.page.keyboard.press("Escape")
    return Path(download.value.path()).read_text()


def _talk(user_pk: int, prompt: str, answer: str) -> None:
    from router_app.models import User

    make_exchange(User.objects.get(pk=user_pk), prompt, answer)
