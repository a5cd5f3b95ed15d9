"""The rules' worked examples, asked by `POST /route` with `dry_run` against the demo catalogue."""

from decimal import Decimal

import pytest

from tests.api.conftest import Asker, exact

pytestmark = pytest.mark.django_db(transaction=True)

B70, B120, B20, B8 = (
    "llama-3.3-70b-versatile",
    "openai/gpt-oss-120b",
    "openai/gpt-oss-20b",
    "llama-3.1-8b-instant",
)

AMPLE = [
    # task, quality, the winner with its score, a rival with its score
    ("code", "high", (B70, 103), (B120, 100)),
    ("email", "high", (B120, 100), (B70, 88)),
    ("summarize", "medium", (B70, 103), (B120, 85)),
    ("general", "medium", (B70, 103), (B20, 83)),
]


@pytest.mark.parametrize(("task", "quality", "winner", "rival"), AMPLE)
def test_with_an_ample_budget_the_highest_score_wins(
    task: str, quality: str, winner: tuple[str, int], rival: tuple[str, int], asker: Asker
) -> None:
    reply = asker.ask(task_type=task, quality=quality, budget=1, dry_run=True).json()

    scores = {item["model"]: item["score"]["total"] for item in reply["decision"]["candidates"]}
    assert reply["model"] == winner[0]
    assert scores[winner[0]] == winner[1]
    assert scores[rival[0]] == rival[1]
    assert reply["quality_met"] is True
    assert reply["decision"]["route"] == "best"


@pytest.mark.parametrize("task", ["general", "code", "email", "summarize"])
def test_a_budget_that_only_the_smallest_fits_gets_the_smallest(task: str, asker: Asker) -> None:
    ample = asker.ask(task_type=task, quality="low", budget=1, dry_run=True)
    expected = {
        item["model"]: item["expected_cost"] for item in exact(ample)["decision"]["candidates"]
    }
    dearer = min(cost for model, cost in expected.items() if model != B8)
    budget = float(dearer - Decimal("0.000000001"))

    reply = asker.ask(task_type=task, quality="low", budget=budget, dry_run=True).json()

    assert reply["model"] == B8
    assert reply["quality_met"] is True


def test_high_quality_has_two_candidates(asker: Asker) -> None:
    reply = asker.ask(quality="high", budget=1, dry_run=True).json()

    dropped = {
        item["model"]: item["dropped"] and item["dropped"]["code"]
        for item in reply["decision"]["candidates"]
    }
    assert dropped == {B70: None, B120: None, B20: "below_floor", B8: "below_floor"}


def test_where_no_model_of_the_quality_fits_the_cheapest_answers_and_says_so(asker: Asker) -> None:
    reply = asker.ask(quality="high", budget=0.00003, dry_run=True).json()

    assert reply["model"] == B8
    assert reply["quality_met"] is False
    assert reply["decision"]["route"] == "cheapest"
    assert "below the high floor of 75" in reply["routing_reason"]


def test_a_caller_can_forbid_that(asker: Asker) -> None:
    answer = asker.ask(quality="high", budget=0.00003, allow_lower_quality=False, dry_run=True)

    assert answer.status_code == 402


def test_what_nothing_fits_is_refused_before_any_call(asker: Asker) -> None:
    assert asker.ask(budget=0.000001).status_code == 402


def test_scores_are_the_sum_of_their_parts(asker: Asker) -> None:
    reply = asker.ask(task_type="email", quality="low", budget=1, dry_run=True).json()

    parts = {item["model"]: item["score"] for item in reply["decision"]["candidates"]}
    assert parts == {
        B70: {"total": 88, "quality": 88, "bonus": 0},
        B120: {"total": 100, "quality": 85, "bonus": 15},
        B20: {"total": 83, "quality": 68, "bonus": 15},
        B8: {"total": 55, "quality": 55, "bonus": 0},
    }


def test_a_request_that_named_its_model_gets_it(asker: Asker) -> None:
    reply = asker.ask(model=B20, quality="high", budget=1, dry_run=True).json()

    assert reply["model"] == B20
    assert reply["quality_met"] is False
    assert reply["decision"]["route"] == "override"
