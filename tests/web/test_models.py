"""The catalogue page says what answers, what it costs, and why something does not answer."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from router_app.catalog.seed import load_catalog
from router_app.models import LanguageModel, Price
from tests.factories import make_model, make_provider, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client):
    client.force_login(make_user())


def _page(client) -> str:
    return " ".join(client.get("/models/").content.decode().split())


def test_the_starting_catalogue_with_rates_per_million(client, person):
    load_catalog()
    page = _page(client)
    assert "US dollars per million tokens" in page
    for rate in ("$0.59", "$0.79", "$0.0375", "$4.00"):
        assert rate in page
    assert "131,072" in page
    # The stand-in is in use here, and that is said; Groq, without a key, comes after it.
    assert "writes the answers in place of these" in page
    assert page.index("Demo (a small") < page.index("Not in use here")


def test_with_a_key_the_provider_takes_over(client, person, settings):
    load_catalog()
    settings.GROQ_API_KEY = "gsk_not_a_real_key"
    page = _page(client)
    assert page.index(">Groq ") < page.index("Demo (a small")
    assert "in place of these" not in page
    assert "gsk_" not in page


def test_what_a_model_takes_besides_text_stands_below_its_name(client, person):
    make_model("plain")
    make_model(
        "able", supports_tools=True, supports_json_mode=True, supports_json_schema=True,
        reasoning_efforts=["low", "high"],
    )  # fmt: skip
    make_model("seer", supports_vision=True, supports_json_mode=True)
    page = _page(client)
    assert ">tools · JSON schema · reasoning<" in page
    assert "Besides text: tools, JSON mode, JSON schema, reasoning (low, high)" in page
    assert ">images · JSON<" in page
    assert page.count("Besides text") == 2


def test_each_status_in_words(client, person):
    now = timezone.now()
    make_model("old", status="retired", retires_on=date(2026, 8, 16), replaced_by="newer")
    make_model("new", status="preview")
    make_model("idle", status="off")
    make_model("lost", unavailable_since=now, unavailable_reason="it is gone, says its provider")
    page = _page(client)
    assert "Retired on 16 Aug 2026" in page
    assert "replaced by <code>newer</code>" in page
    assert "Preview" in page
    assert "Switched off" in page
    assert "Unavailable" in page
    assert f"since {now:%-d %b %Y}: it is gone, says its provider" in page


def test_a_coming_price_is_announced_and_the_one_in_force_is_shown(client, person):
    model = make_model("priced", input="0.50", output="1.125")
    soon = timezone.now() + timedelta(days=3)
    Price.objects.create(model=model, input=Decimal(2), output=Decimal(3), valid_from=soon)
    page = _page(client)
    assert page.index("$0.50") < page.index("$2.00") < page.index(f"from {soon:%-d %b %Y}")


def test_without_a_price_a_model_is_not_routed_to(client, person):
    LanguageModel.objects.create(
        provider=make_provider(), model_id="free", name="Free", quality=1,
        context_tokens=1000, max_output_tokens=100,
    )  # fmt: skip
    assert "No price: not routed to" in _page(client)


def test_an_empty_catalogue_says_what_will_be_here(client, person):
    assert "No models yet" in _page(client)


def test_without_signing_in_one_is_sent_to_do_so(client):
    response = client.get("/models/")
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
