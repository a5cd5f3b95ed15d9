"""A server, an upstream and a browser for all tests here; people and windows for each."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.people import PATIENCE_MILLISECONDS, MakePerson, Person, Visits, make_person
from tests.browser.server import Server
from tests.browser.upstream import ScriptedUpstream
from tests.browser.watch import Watch
from tests.surroundings import BROWSERS

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """The server is another process: there is nothing of this one to forget."""


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    """Writes the answers."""
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def server(
    upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Server]:
    """The running product."""
    folder = tmp_path_factory.mktemp("served")
    url, unblock = upstream.url(), django_db_blocker.unblock
    with Server(folder, upstream_url=url, unblock=unblock) as server:
        yield server


# For the package, not for the session: the driver's event loop would be in the way of other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium: the one of this machine, else playwright's own."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"no Chromium could be started: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def watch(server: Server) -> Iterator[Watch]:
    """Fails the test for what no page may do."""
    watch = Watch(server.url)
    yield watch
    if watch.findings:
        pytest.fail("\n".join(dict.fromkeys(watch.findings)), pytrace=False)


@pytest.fixture
def visit(browser: Browser, server: Server, watch: Watch) -> Iterator[Visits]:
    """Opens windows."""
    visits = Visits(browser, server, watch, [])
    yield visits
    visits.leave()


@pytest.fixture
def new_person(server: Server) -> MakePerson:
    """Makes people who are signed in."""
    return lambda **fields: server.rows(make_person, **fields)


@pytest.fixture
def alice(new_person: MakePerson) -> Person:
    """A person with the monthly limit of new accounts ($5)."""
    return new_person()


@pytest.fixture
def page(visit: Visits, alice: Person) -> Page:
    """Alice's window."""
    return visit(alice)
