"""Adding a price: previewed, checked for slips, dated, signed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from router_app.models import LanguageModel, Price
from tests.admin.conftest import text_of
from tests.factories import make_model

pytestmark = pytest.mark.django_db
ADD = "/admin/router_app/price/add/"


@pytest.fixture
def model(db: None) -> LanguageModel:
    return make_model(input="0.59", output="0.79")


def _sent(model: LanguageModel, **fields: str) -> dict[str, str]:
    now = timezone.now()
    typed = {
        "model": str(model.pk), "input": "0.60", "output": "0.80", "cached_input": "",
        "valid_from_0": f"{now:%Y-%m-%d}", "valid_from_1": f"{now:%H:%M:%S}",
        "source": "list price",
    }  # fmt: skip
    return {**typed, **fields}


def test_a_price_is_added_signed_and_its_example_said(operator, root, model):
    response = operator.post(ADD, _sent(model, input="0.15", output="0.60"), follow=True)
    assert "1,000 in + 500 out = $0.00045" in text_of(response)
    price = model.prices.first()
    assert (str(price.input), str(price.output)) == ("0.150000", "0.600000")
    assert price.created_by == root
    assert price.cached_input is None


def test_the_form_has_a_preview_that_a_script_of_ours_fills(operator, model):
    page = text_of(operator.get(ADD, {"model": model.pk}))
    assert 'id="price-preview"' in page
    assert "js/price_preview.js" in page
    assert "$0.000985" in page  # what the model costs now, to compare with
    assert f'<option value="{model.pk}" selected>' in page


def test_without_a_script_the_preview_is_worked_out_when_the_form_comes_back(operator, model):
    response = operator.post(ADD, _sent(model, input="0.00059", output="0.79"))
    assert "1,000 in + 500 out = $0.00039559" in text_of(response)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"input": "0.00059"}, "price per thousand tokens, enter 0.59"),
        ({"output": "0.00079"}, "price per thousand tokens, enter 0.79"),
        ({"input": "0.00000059"}, "price per token, enter 0.59"),
        ({"input": "5.9e-7"}, "price per token, enter 0.59"),
        ({"output": "1001"}, "very much"),
        ({"output": "79"}, "100 times the price before (0.79)"),
        ({"input": "0"}, "free"),
        ({"cached_input": "0.00007"}, "less than a hundredth of the input rate"),
    ],
)
def test_a_slip_is_named_until_one_is_sure(operator, model, typed, said):
    refused = operator.post(ADD, _sent(model, **typed))
    page = text_of(refused)
    assert said in page
    assert "If it is right, tick “I am sure”." in page
    assert model.prices.count() == 1

    finer = {name for name, rate in typed.items() if float(rate) and float(rate) < 1e-6}
    stored = {name: "0.000001" if name in finer else rate for name, rate in typed.items()}
    saved = operator.post(ADD, _sent(model, **stored, sure="on"))
    assert saved.status_code == 302
    assert model.prices.count() == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"cached_input": "0.61"}, "Cached input cannot cost more than input."),
        ({"input": "-1"}, "greater than or equal to 0"),
        ({"input": "NaN"}, "Enter a number."),
        ({"input": "Infinity"}, "Enter a number."),
        ({"input": "0.1234567"}, "At most 6 decimals."),
        ({"input": "1e-400"}, "At most 6 decimals."),
        ({"input": "1e400"}, "less than or equal to"),
        ({"input": ""}, "This field is required."),
    ],
)
def test_some_things_nobody_can_be_sure_of(operator, model, typed, said):
    response = operator.post(ADD, _sent(model, **typed, sure="on"))
    assert said in text_of(response)
    assert model.prices.count() == 1


def test_a_free_model_takes_being_sure(operator, model):
    free = _sent(model, input="0", output="0")
    assert operator.post(ADD, free).status_code == 200
    assert operator.post(ADD, {**free, "sure": "on"}).status_code == 302


def test_output_cheaper_than_input_is_only_remarked_on(operator, model):
    response = operator.post(ADD, _sent(model, input="0.9", output="0.3"), follow=True)
    assert "Are they the right way round?" in text_of(response)
    assert model.prices.count() == 2


def test_a_price_for_later_is_coming_and_the_old_one_stays_in_force(operator, model):
    later = timezone.now() + timedelta(days=2)
    operator.post(ADD, _sent(model, valid_from_0=f"{later:%Y-%m-%d}"))
    page = text_of(operator.get("/admin/router_app/price/"))
    assert page.index("coming") < page.index("in force")


def test_a_price_that_could_never_apply_is_refused(operator, model):
    response = operator.post(ADD, _sent(model, valid_from_0="2019-12-31"))
    assert "would never apply" in text_of(response)
    assert Price.objects.count() == 1


def test_a_new_model_without_a_price_leads_to_the_form(operator, model):
    sent = {
        "provider": model.provider_id, "model_id": "new/one", "name": "New one", "quality": "70",
        "strengths": ["code", "email"], "context_tokens": "8192", "max_output_tokens": "4096",
        "template_allowance_tokens": "256", "status": "active", "image_tokens": "16384",
    }  # fmt: skip
    response = operator.post("/admin/router_app/languagemodel/add/", sent, follow=True)
    made = LanguageModel.objects.get(model_id="new/one")
    assert made.strengths == ["code", "email"]
    assert "has no price and cannot be routed to" in text_of(response)
    assert f"{reverse('admin:router_app_price_add')}?model={made.pk}" in text_of(response)
