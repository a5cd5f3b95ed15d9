"""What happened, told by whoever did it. Cheap enough for the hot path, from any thread.

A request is told of once: `request_ended` if it was admitted, else `request_refused`.
"""

from typing import NamedTuple

from router_app.analytics.metrics import families as f
from router_app.analytics.metrics.tally import MOST_CELLS, Cell, Labels, Snapshot, lock, observe

OPERATION = "chat"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Every other name is one that a person gave to a budget, and becomes "account".
BUDGETS = frozenset({"", "request", "none"})


class _RequestCells(NamedTuple):
    total: Cell
    seconds: Cell


class _CallCells(NamedTuple):
    total: Cell
    cost: Cell
    seconds: Cell
    first_token: Cell
    input_tokens: Cell
    output_tokens: Cell


_requests: dict[Labels, _RequestCells] = {}
_calls: dict[Labels, _CallCells] = {}


def request_ended(face: str, outcome: str, seconds: float) -> None:
    """An admitted request is over; `seconds` since it was admitted."""
    with lock:
        cells = _requests.get((face, outcome)) or _request_cells(face, outcome)
        cells.total[0] += 1
        observe(cells.seconds, f.SECONDS, seconds)


def request_refused(face: str, code: str, budget: str = "") -> None:
    """A request was turned away, with this error code; `budget` is the refusing one's name."""
    with lock:
        f.REFUSALS.cell(face, code, budget if budget in BUDGETS else "account")[0] += 1


def call_ended(
    model: str,
    provider: str,
    outcome: str,
    error: str,
    seconds: float,
    first_token_seconds: float | None,
    usage_input: int,
    usage_output: int,
    cost_nanos: int,
) -> None:
    """One call at a provider was closed and booked.

    `model` is the catalogue's id, `error` the failure's kind or empty; `first_token_seconds` is
    None where the answer was not streamed or nothing came. Tokens are those charged for.
    """
    with lock:
        key = (provider, model, outcome, error)
        cells = _calls.get(key) or _call_cells(*key)
        cells.total[0] += 1
        cells.cost[0] += cost_nanos
        observe(cells.seconds, f.SECONDS, seconds)
        if first_token_seconds is not None:
            observe(cells.first_token, f.SECONDS, first_token_seconds)
        if usage_input or usage_output:
            observe(cells.input_tokens, f.TOKENS, usage_input)
            observe(cells.output_tokens, f.TOKENS, usage_output)


def retried(model: str) -> None:
    """The same model is asked again after a failure."""
    with lock:
        f.RETRIES.cell(model)[0] += 1


def fell_back(model: str) -> None:
    """This model failed, and another is asked in its place."""
    with lock:
        f.FALLBACKS.cell(model)[0] += 1


def batch_committed(size: int, waiting: int) -> None:
    """The writer committed so many operations together, and so many wait behind them."""
    with lock:
        observe(f.BATCHES.cell(), f.OPERATIONS, size)
        observe(f.QUEUE.cell(), f.QUEUED, waiting)


def http_request_ended(method: str, route: str, status: int, seconds: float) -> None:
    """An HTTP request was answered. `route` is the URL's pattern, never the address asked for."""
    with lock:
        cell = f.HTTP_REQUESTS.cell(method if method in METHODS else "_OTHER", route, str(status))
        observe(cell, f.HTTP_SECONDS, seconds)


def snapshot() -> Snapshot:
    """All numbers of this process, as they are now."""
    with lock:
        return {
            family.name: [(labels, cell.copy()) for labels, cell in family.cells.items()]
            for family in f.FAMILIES
        }


def forget() -> None:
    """Begin at nothing (tests)."""
    with lock:
        _requests.clear()
        _calls.clear()
        for family in f.FAMILIES:
            family.cells.clear()


def _request_cells(face: str, outcome: str) -> _RequestCells:
    cells = _RequestCells(f.REQUESTS.cell(face, outcome), f.REQUEST_SECONDS.cell(face))
    if len(_requests) < MOST_CELLS:
        _requests[face, outcome] = cells
    return cells


def _call_cells(provider: str, model: str, outcome: str, error: str) -> _CallCells:
    called = (OPERATION, provider, model)
    cells = _CallCells(
        total=f.CALLS.cell(provider, model, outcome),
        cost=f.COST.cell(provider, model),
        seconds=f.CALL_SECONDS.cell(*called, error),
        first_token=f.FIRST_TOKEN_SECONDS.cell(*called),
        input_tokens=f.TOKEN_USAGE.cell(*called, "input"),
        output_tokens=f.TOKEN_USAGE.cell(*called, "output"),
    )
    if len(_calls) < MOST_CELLS:
        _calls[provider, model, outcome, error] = cells
    return cells
