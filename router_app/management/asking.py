"""How `ask` puts a question: text to one stream as it comes, one line about it to another."""

import re
from collections.abc import Callable

from router_app.errors import (
    BudgetExceeded,
    InvalidRequest,
    NoCandidate,
    PermissionDenied,
    ProviderError,
    RouterError,
)
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.requests import Answer, Delta, RouteRequest, Switched
from router_app.money import format_usd

# A model's text must not command the terminal: everything but line breaks and tabs goes.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EXIT_CODES: tuple[tuple[type[RouterError], int], ...] = (
    (BudgetExceeded, 3),
    (NoCandidate, 4),
    (ProviderError, 5),
    (InvalidRequest, 2),
    (PermissionDenied, 2),
)
OTHER_FAILURE = 1


async def ask(
    request: RouteRequest, *, say: Callable[[str], None], note: Callable[[str], None]
) -> Answer:
    """Hand every piece of text to `say` and every change of model to `note`; return the answer.

    Raises RouterError. Whatever ends it early also ends the answer, which is then charged for what
    ran, before this returns.
    """
    run = await service.start(request)
    try:
        await _follow(run, say, note)
    except BaseException:
        run.stop()
        await run.finished()
        raise
    return await run.finished()


def exit_code(error: RouterError) -> int:
    """The command's exit code for an error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), OTHER_FAILURE)


def in_words(error: RouterError) -> str:
    """What went wrong and, where a provider was asked, what that cost."""
    if error.charged is None:
        return error.message
    return f"{error.message} Charged: {format_usd(error.charged.cost_nanos)}."


def summary(answer: Answer) -> str:
    """One line: who answered, what it cost, why that one."""
    by = f"{answer.model_name} ({answer.model})"
    if answer.stand_in:
        by += ", written by the local stand-in"
    tokens = f"{answer.usage.input_tokens} in, {answer.usage.output_tokens} out"
    cost = f"{format_usd(answer.total_cost_nanos)} (estimated {format_usd(answer.estimated_nanos)})"
    return f"{by} · {cost} · {tokens} · {answer.decision.reason}"


async def _follow(run: Run, say: Callable[[str], None], note: Callable[[str], None]) -> None:
    async for event in run.events():
        if isinstance(event, Delta):
            say(CONTROLS.sub("", event.text))
        elif isinstance(event, Switched):
            note(f"→ {event.model}: {event.reason}")
