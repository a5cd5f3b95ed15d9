"""`/v1/models`: what can be asked for now, and what is known of it."""

from typing import Any

import pytest

from router_app.catalog.availability import mark_unavailable
from router_app.models import LanguageModel
from router_app.routing.tasks import Quality, Task
from tests.api.v1.calling import Program
from tests.factories import make_model, make_provider

pytestmark = pytest.mark.django_db(transaction=True)


def listed(program: Program) -> dict[str, Any]:
    body = program.get("/v1/models").json()
    assert body["object"] == "list"
    return {model["id"]: model for model in body["data"]}


def test_auto_comes_with_each_of_its_words(program: Program, catalog: None) -> None:
    names = [name for name in listed(program) if name.startswith("auto")]

    assert names == ["auto", *(f"auto:{word}" for word in (*Task, *Quality))]


@pytest.mark.parametrize("name", ["auto", "auto:code", "auto:high:code", "auto:code:high"])
def test_every_name_of_the_router_can_be_looked_at(
    name: str, program: Program, catalog: None
) -> None:
    model = program.get(f"/v1/models/{name}").json()

    assert (model["id"], model["owned_by"], model["pricing"]) == (name, "budget-router", None)


def test_what_is_known_of_a_model(program: Program, catalog: None) -> None:
    make_model(
        "some/model",
        provider=make_provider("demo"),
        name="Some Model",
        input="0.15",
        cached_input="0.075",
        output="3",
        quality=77,
        strengths=["code", "email"],
        context_tokens=8_192,
        max_output_tokens=1_024,
        supports_tools=True,
        reasoning_efforts=["low"],
    )

    model = program.get("/v1/models/some/model").json()

    assert model == listed(program)["some/model"]
    assert model == {
        "id": "some/model",
        "object": "model",
        "created": 0,
        "owned_by": "demo",
        "name": "Some Model",
        "context_window": 8_192,
        "max_completion_tokens": 1_024,
        "pricing": {
            "prompt": "0.00000015",
            "completion": "0.000003",
            "input_cache_read": "0.000000075",
        },
        "supports": ["reasoning", "tools"],
        "quality": 77,
        "strengths": ["code", "email"],
        "active": True,
    }


def test_what_cannot_be_routed_to_is_not_listed(program: Program, catalog: None) -> None:
    demo = make_provider("demo")
    make_model("is/off", provider=demo, status="off")
    make_model("is/retired", provider=demo, status="retired")
    make_model("is/elsewhere", provider=make_provider("keyless", api_key_env="NO_SUCH_KEY"))
    gone = make_model("is/gone", provider=demo)
    mark_unavailable(gone.pk, "gone", now=gone.prices.get().created_at)
    make_model("is/free", provider=demo, input="0", output="0", status="preview")
    unpriced = make_model("is/unpriced", provider=demo)
    unpriced.prices.all().delete()
    unpriced.save()

    found = listed(program)

    assert [name for name in found if name.startswith("is/")] == ["is/free"]
    assert found["is/free"]["pricing"]["prompt"] == "0"
    assert program.get("/v1/models/is/gone").status == 404


def test_without_any_model_auto_is_not_active(program: Program) -> None:
    LanguageModel.objects.update(status="off")
    LanguageModel.objects.all()[0].save()

    found = listed(program)

    assert {name.partition(":")[0] for name in found} == {"auto"}
    assert found["auto"]["active"] is False
