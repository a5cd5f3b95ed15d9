"""Providers without keys, models back in service, policies as new rows."""

import pytest
from django.utils import timezone

from router_app.catalog.snapshot import current_snapshot
from router_app.models import AuditEntry, CatalogRevision, LanguageModel, Provider, RoutingPolicy
from router_app.routing.needs import Need
from tests.admin.conftest import no_rows, text_of
from tests.factories import make_model

pytestmark = pytest.mark.django_db
PROVIDERS = "/admin/router_app/provider/"
MODELS = "/admin/router_app/languagemodel/"
POLICIES = "/admin/router_app/routingpolicy/"


def _provider(**fields: str) -> dict[str, str]:
    typed = {
        "name": "Open Router", "slug": "openrouter", "base_url": "https://openrouter.ai/api/v1",
        "api_key_env": "OPENROUTER_API_KEY", "enabled": "on",
    }  # fmt: skip
    return {**typed, **fields}


def test_a_provider_is_a_row_with_the_name_of_its_keys_variable(operator, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    assert operator.post(f"{PROVIDERS}add/", _provider()).status_code == 302
    assert "is not set" in text_of(operator.get(PROVIDERS))

    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-very-secret")
    for page in (PROVIDERS, f"{PROVIDERS}{Provider.objects.get().pk}/change/"):
        shown = text_of(operator.get(page))
        assert "is set" in shown
        assert "very-secret" not in shown


@pytest.mark.parametrize(
    "typed",
    ["gsk_4aB9", "sk-or-v1-0123", "groq_api_key", "GROQ API KEY", "SECRET_KEY", "DATABASE_URL",
     "AWS_SECRET_ACCESS_KEY", "DJANGO_SUPERUSER_PASSWORD"],
)  # fmt: skip
def test_a_pasted_key_and_our_own_secrets_are_refused(operator, typed):
    response = operator.post(f"{PROVIDERS}add/", _provider(api_key_env=typed))
    assert "The key itself belongs in the environment" in text_of(response)
    assert not Provider.objects.exists()


def test_the_address_is_an_address(operator):
    for bad in ("https://user:secret@host/v1", "https://host/v1?key=1", "ftp://host/v1"):
        assert operator.post(f"{PROVIDERS}add/", _provider(base_url=bad)).status_code == 200
    whole = "https://host.example/v1/chat/completions/"
    operator.post(f"{PROVIDERS}add/", _provider(base_url=whole))
    assert Provider.objects.get().base_url == "https://host.example/v1"


def test_a_slug_stays_what_receipts_call_it(operator):
    operator.post(f"{PROVIDERS}add/", _provider())
    row = Provider.objects.get()
    operator.post(f"{PROVIDERS}{row.pk}/change/", _provider(slug="other", name="Renamed"))
    changed, added = AuditEntry.objects.all()
    assert (added.action, added.after["slug"]) == ("provider.added", "openrouter")
    assert (changed.before, changed.after) == ({"name": "Open Router"}, {"name": "Renamed"})
    row.refresh_from_db()
    assert (row.slug, row.name) == ("openrouter", "Renamed")


def test_a_model_is_marked_available_again(operator):
    model = make_model(unavailable_since=timezone.now(), unavailable_reason="gone")
    before = CatalogRevision.objects.get().number
    chosen = {"action": "make_available", "_selected_action": [str(model.pk)]}
    response = operator.post(MODELS, chosen, follow=True)
    assert "1 models are available again" in text_of(response)
    model.refresh_from_db()
    assert (model.unavailable_since, model.unavailable_reason) == (None, "")
    assert CatalogRevision.objects.get().number > before


@pytest.mark.parametrize(("action", "status"), [("switch_off", "off"), ("switch_on", "active")])
def test_models_are_switched_and_routing_notices(operator, action, status):
    model = make_model(status="preview")
    current_snapshot(timezone.now())
    operator.post(MODELS, {"action": action, "_selected_action": [str(model.pk)]})
    assert LanguageModel.objects.get().status == status


def test_what_calls_refer_to_keeps_its_identity(operator, call):
    form = operator.get(f"{MODELS}{call.model_id}/change/").context["adminform"].form
    assert "model_id" not in form.fields
    assert "quality" in form.fields


def _model_form(model: LanguageModel, **typed: str) -> dict[str, str]:
    sent = {
        "provider": str(model.provider_id), "model_id": model.model_id, "name": model.name,
        "quality": str(model.quality), "context_tokens": str(model.context_tokens),
        "max_output_tokens": str(model.max_output_tokens), "template_allowance_tokens": "256",
        "status": model.status, "image_tokens": str(model.image_tokens), **no_rows("prices"),
    }  # fmt: skip
    return sent | typed


def test_what_a_model_can_do_is_ticked_and_typed_and_routing_notices(operator):
    model = make_model(reasoning_efforts=["low"])
    current_snapshot(timezone.now())
    page = f"{MODELS}{model.pk}/change/"
    assert 'value="low"' in text_of(operator.get(page))

    sent = _model_form(
        model, supports_tools="on", supports_vision="on", image_tokens="2048",
        reasoning_efforts="none, low  high,low",
    )  # fmt: skip
    assert operator.post(page, sent).status_code == 302
    model.refresh_from_db()
    assert model.reasoning_efforts == ["none", "low", "high"]
    assert 'value="none, low, high"' in text_of(operator.get(page))
    spec = current_snapshot(timezone.now()).spec(model.model_id)
    assert spec is not None
    assert spec.supports == {Need.TOOLS, Need.VISION}
    assert (spec.reasoning_efforts, spec.image_tokens) == ({"none", "low", "high"}, 2048)

    operator.post(page, _model_form(model, reasoning_efforts=""))
    model.refresh_from_db()
    assert (model.reasoning_efforts, model.supports_tools) == ([], False)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reasoning_efforts": "low, High"}, "High is not one"),
        ({"reasoning_efforts": '["low"]'}, "is not one"),
        ({"image_tokens": "0"}, "greater than or equal to 1"),
        ({"image_tokens": "1000001"}, "less than or equal to 1000000"),
    ],
)
def test_an_ability_that_cannot_be_meant_is_refused(operator, typed, said):
    model = make_model(reasoning_efforts=["low"])
    response = operator.post(f"{MODELS}{model.pk}/change/", _model_form(model, **typed))
    assert said in text_of(response)
    model.refresh_from_db()
    assert (model.reasoning_efforts, model.image_tokens) == (["low"], 16_384)


def test_models_are_found_by_what_they_take(operator):
    make_model("seer", supports_vision=True)
    make_model("blind")
    found = operator.get(f"{MODELS}?supports_vision__exact=1").context["cl"].queryset
    assert [model.model_id for model in found] == ["seer"]


def test_a_policy_begins_with_the_one_in_force_and_becomes_a_new_row(operator, root):
    RoutingPolicy.objects.create(floor_high=80)
    form = operator.get(f"{POLICIES}add/").context["adminform"].form
    assert form["floor_high"].value() == 80

    sent = {
        "floor_low": "0",
        "floor_medium": "65",
        "floor_high": "80",
        "strength_bonus": "10",
        "near_equal_points": "4",
    }
    assert operator.post(f"{POLICIES}add/", sent).status_code == 302
    policy = RoutingPolicy.objects.first()
    assert (policy.floor_medium, policy.created_by) == (65, root)
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.actor) == ("policy.added", root)
    assert noted.after["floor_medium"] == 65
    assert RoutingPolicy.objects.count() == 2

    assert "in force already" in text_of(operator.post(f"{POLICIES}add/", sent))
    upside_down = {**sent, "floor_low": "70"}
    assert "Floors must rise" in text_of(operator.post(f"{POLICIES}add/", upside_down))
    assert RoutingPolicy.objects.count() == 2
