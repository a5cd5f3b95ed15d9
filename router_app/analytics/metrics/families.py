"""Which metrics are counted as things happen. `docs/operations.md` explains each.

Names that begin with `gen_ai_` and `http_` are OpenTelemetry's in Prometheus' spelling, with the
buckets that its conventions name; ours begin with `budget_router_`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from router_app.analytics.metrics.tally import Family

PROVIDER = "gen_ai_provider_name"
MODEL = "gen_ai_request_model"
CALLED = ("gen_ai_operation_name", PROVIDER, MODEL)

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TOKENS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576)
OPERATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
QUEUED = (0, 4, 16, 64, 256, 1_024, 4_096)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something read at the moment of asking: one value under "", or one for each label value."""

    name: str
    help: str
    values: Mapping[str, float]
    label: str = ""


REQUESTS = Family(
    "budget_router_requests", "Requests that ended, by face and outcome.", ("face", "outcome")
)
REQUEST_SECONDS = Family(
    "budget_router_request_duration_seconds",
    "From admission to the booked end of a request, all its calls together.",
    ("face",),
    SECONDS,
)
REFUSALS = Family(
    "budget_router_refusals",
    "Requests turned away before anything was sent, by error code, and for a 402 by whether the"
    " request's own budget or one of the account's was too small.",
    ("face", "code", "budget"),
)
CALL_SECONDS = Family(
    "gen_ai_client_operation_duration_seconds",
    "Calls to providers, from sending to the end.",
    (*CALLED, "error_type"),
    SECONDS,
)
FIRST_TOKEN_SECONDS = Family(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "Streamed calls to providers, from sending to the first token.",
    CALLED,
    SECONDS,
)
TOKEN_USAGE = Family(
    "gen_ai_client_token_usage",
    "Tokens that were charged, by call.",
    (*CALLED, "gen_ai_token_type"),
    TOKENS,
)
CALLS = Family(
    "budget_router_calls", "Calls to providers, by outcome.", (PROVIDER, MODEL, "outcome")
)
COST = Family(
    "budget_router_cost_usd",
    "What calls cost in USD, as booked. A float, to watch and not to account by: the ledger is"
    " exact.",
    (PROVIDER, MODEL),
    scale=1e-9,
)
RETRIES = Family("budget_router_retries", "Calls repeated at the model that failed.", (MODEL,))
FALLBACKS = Family(
    "budget_router_fallbacks", "Times a failing model was left for another.", (MODEL,)
)
BATCHES = Family(
    "budget_router_writer_batch_size",
    "Database operations committed together.",
    bounds=OPERATIONS,
)
QUEUE = Family(
    "budget_router_writer_queue_length",
    "Database operations left in line each time some were committed.",
    bounds=QUEUED,
)
HTTP_REQUESTS = Family(
    "http_server_request_duration_seconds",
    "HTTP requests, from their headers to the beginning of the answer.",
    ("http_request_method", "http_route", "http_response_status_code"),
    HTTP_SECONDS,
)

FAMILIES = (
    REQUESTS,
    REQUEST_SECONDS,
    REFUSALS,
    CALL_SECONDS,
    FIRST_TOKEN_SECONDS,
    TOKEN_USAGE,
    CALLS,
    COST,
    RETRIES,
    FALLBACKS,
    BATCHES,
    QUEUE,
    HTTP_REQUESTS,
)
