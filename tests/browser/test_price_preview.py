"""While an operator types a price, the page says what an ordinary call will cost."""

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from router_app.catalog.prices import example_text
from router_app.money import Rates
from tests.browser.people import MakePerson, Visits

pytestmark = pytest.mark.browser
WAITING = "Worked out from the rates above."


@pytest.fixture
def form(visit: Visits, new_person: MakePerson) -> Page:
    """The form for a new price of the first model, in an administrator's window."""
    page = visit(new_person(is_staff=True, is_superuser=True))
    page.goto("/admin/router_app/price/add/")
    page.locator("[name=model]").select_option(index=1)
    return page


def _type(form: Page, input_: str, output: str) -> None:
    form.locator("[name=input]").fill(input_)
    form.locator("[name=output]").fill(output)


@pytest.mark.parametrize(
    ("input_", "output"),
    [
        ("0.15", "0.60"),
        ("0.00059", "0.79"),
        ("0.000001", "0.000001"),
        ("1000", "1000"),
        ("999999.999999", "999999.999999"),
        ("0", "0"),
        (".5", "2"),
    ],
)
def test_it_works_out_what_the_server_would(form, input_, output):
    _type(form, input_, output)
    rates = Rates(Decimal(input_), Decimal(input_), Decimal(output))
    expect(form.locator("#price-preview")).to_contain_text(f"{example_text(rates)} (in force now:")


def test_it_waits_until_both_rates_are_typed(form):
    preview = form.locator("#price-preview")
    expect(preview).to_contain_text(WAITING)
    _type(form, "0.15", "")
    expect(preview).to_contain_text(WAITING)
    _type(form, "0.15", "0.60")
    expect(preview).to_contain_text("= $0.00045")
    _type(form, "0.15", "0.0000001")
    expect(preview).to_contain_text(WAITING)
