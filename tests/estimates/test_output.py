"""How long answers are expected to be, and may be."""

import pytest

from router_app.estimates.output import default_cap_tokens, expected_output_tokens
from router_app.routing.tasks import Task


@pytest.mark.parametrize(
    ("task", "input_tokens", "expected"),
    [
        ("summarize", 10, 100),
        ("summarize", 1_000, 300),
        ("summarize", 1_001, 301),
        ("email", 10, 200),
        ("email", 1_000, 800),
        ("code", 120, 300),
        ("code", 121, 303),
        ("code", 1_000, 2_500),
        ("general", 100, 150),
        ("general", 1_000, 1_500),
        (Task.GENERAL, 0, 150),
    ],
)
def test_a_share_of_the_input_never_below_the_floor(
    task: str, input_tokens: int, expected: int
) -> None:
    assert expected_output_tokens(task, input_tokens) == expected


@pytest.mark.parametrize("task", list(Task))
def test_the_default_cap_is_generous_and_never_below_the_expectation(task: Task) -> None:
    assert default_cap_tokens(task) >= 10 * expected_output_tokens(task, 0)
    assert default_cap_tokens(task, 50_000) == 50_000


def test_an_unknown_task_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        expected_output_tokens("poetry", 10)
