"""`/docs` in a real browser: it renders under the strict policy, asks nobody else, and works."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from router_app.models import User
from router_app.providers.scripted import ScriptedProvider
from tests.surroundings import BROWSERS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROUTE = "#operations-Routing-route .opblock-summary-control"
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def docs_page(server: LiveServer, client: Client | None = None, **options: Any) -> Iterator[Page]:
    """The page, once it shows the endpoints. Fails on console errors and on foreign requests."""
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(**options)
        if client is not None:
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}]
            )
        page = context.new_page()
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else 0)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda sent: troubles.extend(_foreign(sent.url, server.url)))
        page.goto(f"{server.url}/docs")
        page.locator(".opblock").first.wait_for()
        yield page
        browser.close()
    # The accessibility checker is a guest that the policy would keep out, and loads what it wants.
    assert not troubles or options.get("bypass_csp")


def _foreign(url: str, own: str) -> list[str]:
    return [] if url.startswith((own, "data:")) else [f"a request to {url}"]


def try_route(page: Page) -> str:
    """Open POST /route, send its example, and return the status that came."""
    page.locator(ROUTE).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    return page.locator(".live-responses-table .response-col_status").last.inner_text()


def test_it_shows_every_endpoint_within_a_phone_and_a_desk(live_server: LiveServer) -> None:
    with docs_page(live_server) as page:
        page.locator(ROUTE).click()
        page.get_by_text("Choose the best model that the budgets allow").wait_for()
        shown = page.locator(".opblock-summary-path").all_inner_texts()
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    paths = [path.replace("\u200b", "").strip() for path in shown]
    own = ["/route", "/stats", "/health", "/ready"]
    assert paths == [*own, "/v1/chat/completions", "/v1/models", "/v1/models/{model}"]


def test_a_key_pasted_there_opens_the_api(
    key: str, provider: ScriptedProvider, live_server: LiveServer
) -> None:
    with docs_page(live_server) as page:
        page.get_by_role("button", name="Authorize").click()
        page.get_by_label("auth-bearer-value").fill(key)
        page.get_by_role("button", name="Apply credentials").first.click()
        page.get_by_role("button", name="Close").last.click()
        status = try_route(page)
        body = page.locator(".live-responses-table .response-col_description").last.inner_text()

    assert status == "200"
    assert '"model": "llama-3.3-70b-versatile"' in body


def test_someone_signed_in_tries_it_without_a_key(
    alice: User, provider: ScriptedProvider, live_server: LiveServer
) -> None:
    client = Client()
    client.force_login(alice)

    with docs_page(live_server, client) as page:
        status = try_route(page)

    assert status == "200"


def test_it_can_be_read_by_everyone(live_server: LiveServer) -> None:
    with docs_page(live_server, bypass_csp=True) as page:
        page.locator(ROUTE).click()
        page.get_by_text("Choose the best model that the budgets allow").wait_for()
        found = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [(scheme, item) for item in Axe().run(page).response["violations"]]

    assert [
        (scheme, item["id"], [node["target"] for node in item["nodes"]][:5])
        for scheme, item in found
        if item["impact"] in ("serious", "critical")
    ] == []
