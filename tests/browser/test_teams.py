"""Somebody new makes a team, invites, and the other joins and asks: by forms, without script."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import WIDE, MakePerson, Visits
from tests.browser.test_pages import EVERYTHING, check, serious
from tests.browser.upstream import ScriptedUpstream
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


def make_team(page: Page, name: str, limit: str = "20") -> None:
    """From any page, by the switcher."""
    page.goto("/")
    page.locator(".switcher summary").click()
    page.get_by_role("link", name="Workspaces and teams").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Monthly limit in US dollars").fill(limit)
    page.get_by_role("button", name="Make the team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def invite(page: Page, role: str) -> str:
    """On the team's page; the link."""
    page.get_by_role("radio", name=role).check(force=True)
    page.get_by_role("button", name="Make the invitation").click()
    return page.locator("#invitation-link").inner_text()


def test_invited_joined_and_asked_without_script(
    visit: Visits, new_person: MakePerson, upstream: ScriptedUpstream
) -> None:
    admin, other = visit(new_person(), script=False), visit(new_person(), script=False)
    make_team(admin, "Harbour")
    link = invite(admin, "Member")

    other.goto(link)
    other.get_by_role("button", name="Join as").click()
    expect(other.locator(".topbar-workspace")).to_have_text("Harbour")
    upstream.answers("Low tide?", "At six.")
    chat = Chat(other)
    chat.prompt.fill("Low tide?")
    chat.send.click()
    expect(chat.answers).to_have_text("At six.")
    other.locator("summary[title='This conversation']").click()
    other.get_by_role("button", name="Share with Harbour").click()

    admin.goto("/")
    admin.get_by_role("link", name="Shared with the team").click()
    admin.get_by_role("link", name="Low tide?").click()
    expect(admin.locator("#turns")).to_contain_text("At six.")
    expect(admin.locator("#composer-prompt")).to_have_count(0)
    admin.locator(".switcher summary").click()
    admin.locator(".switcher button[name=workspace]").first.click()
    expect(admin.locator(".topbar-workspace")).to_have_count(0)


def test_the_story_of_a_members_limit(
    visit: Visits, new_person: MakePerson, upstream: ScriptedUpstream, watch: Watch
) -> None:
    watch.expect(402, 404)
    for question, answer in (("Low tide?", "At six."), ("And high?", "At noon.")):
        upstream.answers(question, answer)
    bens = new_person()
    admin, ben, vera = visit(new_person()), visit(bens), visit(new_person())
    make_team(admin, "Harbour")
    team = admin.url
    for page, role in ((ben, "Member"), (vera, "Viewer")):
        admin.goto(team)
        page.goto(invite(admin, role))
        page.get_by_role("button", name="Join as").click()
        expect(page.locator(".topbar-workspace")).to_have_text("Harbour")

    # The member asks; then the admin gives them next to nothing a day.
    chat = Chat(ben).open()
    expect(chat.ask_and_read("Low tide?")).to_have_text("At six.")
    conversation = chat.address()
    admin.get_by_role("link", name="Budgets").click()
    admin.get_by_role("link", name="Limits of members and keys").click()
    admin.get_by_role("link", name=bens.username).click()
    admin.get_by_label("Limit in US dollars").fill("0.000001")
    admin.get_by_role("button", name="Add the limit").click()
    expect(admin.get_by_text("is in force")).to_be_visible()

    # Refused, by name: nothing was charged, and the words are not lost.
    chat.ask("And high?")
    expect(chat.refusal).to_contain_text(f"Daily limit of {bens.username} in Harbour")
    expect(chat.refusal).to_contain_text("Nothing was charged")

    # Topped up for today, and asked again from where one was.
    admin.get_by_role("link", name="Change Daily limit").click()
    admin.get_by_label("Add in US dollars").fill("1")
    admin.get_by_label("Reason").fill("the demo")
    admin.get_by_role("button", name="Top up").click()
    expect(admin.get_by_text("is free now")).to_be_visible()
    ben.goto(conversation)
    expect(chat.prompt).to_have_value("And high?")
    chat.prompt.press("Enter")
    expect(chat.answers.last).to_have_text("At noon.")

    # The viewer sees what the team has spent in all, and nobody's words.
    vera.get_by_role("link", name="Dashboard").click()
    expect(vera.locator("#dashboard-figures .stat").first).to_contain_text("2")
    expect(vera.locator("main")).not_to_contain_text("Low tide?")
    vera.goto(conversation)
    expect(vera.get_by_role("heading", level=1)).to_have_text("Nothing is here")
    vera.goto("/")
    expect(vera.locator("#composer-prompt")).to_have_count(0)


def test_the_pages_of_a_team(visit: Visits, new_person: MakePerson) -> None:
    page, reader = visit(new_person()), visit(new_person())
    make_team(page, "A team with a name as long as names of teams can be, which is eighty signs")
    address = page.url
    link = invite(page, "Viewer")
    check(page)
    reader.goto(link)
    check(reader)
    reader.get_by_role("button", name="Join as").click()
    for path in ("/", "/dashboard/", "/keys/", "/c/shared/", address, f"{address}leave/"):
        reader.goto(path)
        check(reader)
    of_admins = (f"{address}rename/", f"{address}close/", f"{address}webhooks/", "/alerts/")
    for path in ("/workspaces/", address, "/budgets/", "/dashboard/", *of_admins):
        page.goto(path)
        check(page)
    page.set_viewport_size({"width": WIDE, "height": 844})
    page.locator(".switcher summary").click()
    assert not serious(page, EVERYTHING)
