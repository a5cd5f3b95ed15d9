"""The chat as a person uses it: where things are on its page, and how one asks."""

import re

from playwright.sync_api import Locator, Page, expect


class Chat:
    """One window of the chat."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.prompt = page.get_by_label("Your prompt")
        self.send = page.get_by_role("button", name="Send")
        self.questions = page.locator(".message-user .message-text")
        self.answers = page.locator("[data-answer]")
        self.writing = page.locator("[aria-busy=true]")
        self.refusal = page.locator(".alert-refusal")
        self.gauge = page.locator("#header-gauge")
        self.price = page.locator("#composer-price")

    def open(self, path: str = "/") -> "Chat":
        """Go to a new conversation, or to the one at `path`."""
        self.page.goto(path)
        expect(self.prompt).to_be_visible()
        return self

    def ask(self, prompt: str) -> None:
        """Write the prompt and send it."""
        self.prompt.fill(prompt)
        self.prompt.press("Enter")

    def ask_and_read(self, prompt: str) -> Locator:
        """Ask and wait for the whole answer."""
        before = self.answers.count()
        self.ask(prompt)
        expect(self.answers).to_have_count(before + 1)
        return self.answers.last

    def expand(self, name: str) -> Locator:
        """Open one of the last answer's expanders; returns what is in it."""
        summary = self.page.locator("summary", has_text=name).last
        summary.click()
        body = summary.locator("xpath=following-sibling::*")
        expect(body).to_be_visible()
        return body

    def choose(self, item: str) -> None:
        """Open the conversation's menu and click one of its items."""
        self.page.locator("summary[title='This conversation']").click()
        self.page.get_by_role("link", name=item).click()

    def settle(self) -> None:
        """Wait until nothing is being written."""
        expect(self.writing).to_have_count(0)

    def address(self) -> str:
        """The conversation's address, once it has one."""
        expect(self.page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}/"))
        return self.page.url
