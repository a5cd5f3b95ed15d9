"""How long choosing a model takes: `python -m bench.decision`.

Twelve models, a prompt of 1,000 characters, two windows. Timed is all that a request needs before
its money is held: measuring the prompt, deciding, writing the receipt. Pure code, one thread.
"""

import argparse
import time
from collections.abc import Callable
from decimal import Decimal

from bench.figures import percentile
from router_app.estimates.tokens import estimate_input_tokens, input_bound_base
from router_app.money import Rates
from router_app.routing.choose import decide
from router_app.routing.policy import Policy
from router_app.routing.request import Funds, RoutingRequest
from router_app.routing.specs import ModelSpec
from router_app.routing.tasks import Quality, Task

MODELS = 12
CHARACTERS = 1_000
TIMES = 5_000
SENTENCE = "Please look at the letter below and tell me in two sentences what its writer wants. "
POLICY = Policy(version="bench")
FUNDS = (Funds("monthly limit", 5_000_000_000), Funds("daily limit", 1_000_000_000))


def catalogue(models: int = MODELS) -> list[ModelSpec]:
    """So many models between cheap and weak and dear and strong."""
    tasks = list(Task)
    return [
        ModelSpec(
            id=f"maker/model-{number}",
            name=f"Model {number}",
            provider="bench",
            quality=40 + number * 50 // models,
            strengths=frozenset({tasks[number % len(tasks)]}),
            rates=_rates(number),
            context_tokens=131_072,
            max_output_tokens=32_768,
            pk=number,
            price_pk=number,
        )
        for number in range(1, models + 1)
    ]


def _rates(number: int) -> Rates:
    price = Decimal(number) / 20
    return Rates(input=price, cached_input=price / 2, output=price * 4)


def prompt(characters: int = CHARACTERS) -> str:
    """English text of this length."""
    return (SENTENCE * (characters // len(SENTENCE) + 1))[:characters]


def choose(specs: list[ModelSpec], text: str) -> Callable[[], object]:
    """One whole decision, ready to be timed."""

    def once() -> object:
        messages = [{"role": "user", "content": text}]
        request = RoutingRequest(
            task=Task.GENERAL,
            quality=Quality.MEDIUM,
            budget_nanos=10_000_000,
            input_tokens=estimate_input_tokens(messages),
            input_bound_base=input_bound_base(messages),
        )
        return decide(request, specs, POLICY, FUNDS).as_json()

    return once


def timed(once: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` runs, in ascending order, after a tenth of them untimed."""
    for _ in range(times // 10):
        once()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        once()
        taken.append(time.perf_counter() - began)
    return sorted(taken)


def main() -> None:
    """Read the command line, time, print."""
    parser = argparse.ArgumentParser(description="Time the choice of a model.")
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--characters", type=int, default=CHARACTERS)
    parser.add_argument("--times", type=int, default=TIMES)
    given = parser.parse_args()
    taken = timed(choose(catalogue(given.models), prompt(given.characters)), given.times)
    figures = ", ".join(f"p{p} {percentile(taken, p) * 1000:.3f} ms" for p in (50, 95, 99))
    print(f"{given.models} models, a prompt of {given.characters} characters: {figures}")


if __name__ == "__main__":
    main()
