"""The decision is a receipt: plain words and whole nanos that survive being stored."""

import json

import pytest

from router_app.routing.decision import Decision
from router_app.routing.request import Funds
from router_app.routing.tasks import Quality, Task

from .catalogue import AMPLE, GPT_20B, LLAMA_70B, request, route, seed_specs, with_change

RECEIPTS = {
    "best": route(Funds("month", AMPLE), task=Task.CODE, quality=Quality.HIGH),
    "clamped": route(budget_nanos=20_000),
    "squeezed": route(Funds("day", 10_500)),
    "override": route(model=GPT_20B, max_tokens=10),
    "refused": route(budget_nanos=1),
    "unknown": route(model="gpt-9", allow_lower_quality=False),
    "unpriced": route(specs=with_change(seed_specs(), LLAMA_70B, rates=None), budget_nanos=None),
    "empty": route(specs=[]),
}


@pytest.mark.parametrize("decision", RECEIPTS.values(), ids=RECEIPTS)
def test_a_receipt_survives_json(decision: Decision) -> None:
    stored = json.loads(json.dumps(decision.as_dict(), allow_nan=False))
    assert stored == decision.as_dict()
    assert Decision.from_dict(stored) == decision


@pytest.mark.parametrize("decision", RECEIPTS.values(), ids=RECEIPTS)
def test_the_text_that_is_stored_is_the_same_document(decision: Decision) -> None:
    text = decision.as_json()
    assert json.loads(text) == decision.as_dict()
    assert Decision.from_dict(json.loads(text)) == decision
    assert text.startswith('{"chosen":')
    assert "\n" not in text
    assert ": " not in text.replace(decision.reason, "").partition('"candidates"')[0]


def test_a_receipt_of_an_older_version_can_still_be_read() -> None:
    """Members that came later have their defaults."""
    stored = RECEIPTS["best"].as_dict()
    for candidate in stored["candidates"]:
        del candidate["score"]["total"]
        del candidate["estimate"]["clamp"]
    assert Decision.from_dict(stored) == RECEIPTS["best"]


def test_the_members_a_reader_looks_for() -> None:
    receipt = RECEIPTS["clamped"].as_dict()
    assert receipt["chosen"] == "llama-3.1-8b-instant"
    assert (receipt["task"], receipt["quality"], receipt["floor"]) == ("general", "low", 0)
    assert receipt["policy_version"] == "test"
    chosen, dearest = receipt["candidates"][:2]
    assert (chosen["rank"], chosen["drop"]) == (1, None)
    assert chosen["score"] == {"quality": 55, "bonus": 15, "total": 70}
    assert chosen["estimate"]["clamp"] == {
        "budget": "request",
        "from_tokens": 4096,
        "to_tokens": 189,
    }
    assert dearest["rank"] is None
    assert dearest["drop"]["code"] == "over_request_budget"


def test_amounts_are_whole_nanos() -> None:
    for decision in RECEIPTS.values():
        for candidate in decision.as_dict()["candidates"]:
            for name, value in (candidate["estimate"] or {}).items():
                assert name == "clamp" or type(value) is int


def test_a_receipt_of_a_newer_version_can_still_be_read() -> None:
    stored = RECEIPTS["best"].as_dict() | {"mood": "sunny"}
    stored["candidates"][0]["mood"] = "sunny"
    assert Decision.from_dict(stored) == RECEIPTS["best"]


def test_impossible_requests_are_refused_where_they_are_made() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        request(max_tokens=0)
    with pytest.raises(ValueError, match="token counts"):
        request(input_tokens=-1)
