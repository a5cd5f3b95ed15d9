"""Providers without keys, models back in service, policies as new rows."""

import pytest
from django.utils import timezone

from router_app.catalog.snapshot import current_snapshot
from router_app.models import CatalogRevision, LanguageModel, Provider, RoutingPolicy
from tests.admin.conftest import text_of
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


def test_a_policy_begins_with_the_one_in_force_and_becomes_a_new_row(operator, root):
    RoutingPolicy.objects.create(floor_high=80)
    form = operator.get(f"{POLICIES}add/").context["adminform"].form
    assert form["floor_high"].value() == 80

    sent = {"floor_low": "0", "floor_medium": "65", "floor_high": "80", "strength_bonus": "10"}
    assert operator.post(f"{POLICIES}add/", sent).status_code == 302
    policy = RoutingPolicy.objects.first()
    assert (policy.floor_medium, policy.created_by) == (65, root)
    assert RoutingPolicy.objects.count() == 2

    assert "in force already" in text_of(operator.post(f"{POLICIES}add/", sent))
    upside_down = {**sent, "floor_low": "70"}
    assert "Floors must rise" in text_of(operator.post(f"{POLICIES}add/", upside_down))
    assert RoutingPolicy.objects.count() == 2
