"""The SQL that `fill.py` runs: a plan with a row a call, and from it the rows of every table.

Ids are version 7 UUIDs made of the call's moment and number; a digit in between tells the tables
apart. Costs differ from call to call and stay below what was held.
"""

HELD_NANOS = 40_000_000

_MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {epoch}, 'unixepoch')",
    "postgresql": "to_timestamp({epoch})",
}
_ID = {
    "sqlite": "printf('%012x7{digit}008%015x', CAST(epoch * 1000 AS INTEGER), i)",
    "postgresql": (
        "(lpad(to_hex((epoch * 1000)::bigint), 12, '0') || '7{digit}008'"
        " || lpad(to_hex(i), 15, '0'))::uuid"
    ),
}
_TEXT = {"sqlite": "'{text}'", "postgresql": "'{text}'::jsonb"}
_PLAN = """
CREATE TEMP TABLE bench_plan AS
WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < {calls}),
timed AS (SELECT i, {start} + (i - 1) * {step} AS epoch FROM number)
SELECT i, epoch, {at} AS at, user_id, workspace_id, budget_id, model_id, price_id,
    {decision} AS decision_id, {reservation} AS reservation_id, {call} AS call_id,
    20000 + (i % 9973) * 300 AS cost, 200 + i % 700 AS tokens
FROM timed
JOIN bench_person ON bench_person.k = i % {people}
JOIN bench_model ON bench_model.k = i % {models}
"""
_IN_ITS_WINDOW = (
    "bench_plan JOIN router_app_window ON router_app_window.budget_id = bench_plan.budget_id"
    " AND bench_plan.at >= starts_at AND bench_plan.at < ends_at ORDER BY i"
)
SPENT = """
UPDATE router_app_window SET spent_nanos = (
    SELECT COALESCE(SUM(spent_delta_nanos), 0) FROM router_app_ledgerentry
    WHERE window_id = router_app_window.id
)
"""


def plan(vendor: str, *, calls: int, start: float, seconds: float, people: int, models: int) -> str:
    """The plan: `calls` calls, evenly over `seconds` from `start` (seconds since 1970)."""
    ids = {name: _ID[vendor].format(digit=digit) for digit, name in enumerate(TABLE_OF_ID)}
    at = _MOMENT[vendor].format(epoch="epoch")
    step = seconds / calls
    return _PLAN.format(
        calls=calls, start=start, step=step, people=people, models=models, at=at, **ids
    )


TABLE_OF_ID = ("decision", "reservation", "call")
Insert = tuple[str, dict[str, str], str]  # the table, its columns' values, where from


def inserts(vendor: str, receipt: str) -> list[Insert]:
    """Every table in the order in which they refer to each other."""

    def later(seconds: float) -> str:
        return _MOMENT[vendor].format(epoch=f"epoch + {seconds}")

    receipt_text = _TEXT[vendor].format(text=receipt.replace("'", "''"))
    moments = {"created_at": "at", "sent_at": later(0.004), "closed_at": later(0.9)}
    decided = {"created_at": "at", "closed_at": later(0.9), "receipt": receipt_text}
    return [
        ("router_app_routingdecision", {**_DECISION, **decided}, _IN_ORDER),
        (
            "router_app_reservation",
            {**_RESERVATION, **moments, "lease_ends_at": later(150)},
            _IN_ORDER,
        ),
        ("router_app_call", {**_CALL, **moments, "first_token_at": later(0.3)}, _IN_ORDER),
        ("router_app_ledgerentry", {**_ENTRY, **_RESERVE, "at": "at"}, _IN_ITS_WINDOW),
        ("router_app_ledgerentry", {**_ENTRY, **_SETTLE, "at": later(0.9)}, _IN_ITS_WINDOW),
        ("router_app_closedcall", {"call_id": "call_id", "line": "i"}, _IN_ORDER),
    ]


_IN_ORDER = "bench_plan ORDER BY i"
_TASK = (
    "CASE i % 4 WHEN 0 THEN 'general' WHEN 1 THEN 'code' WHEN 2 THEN 'email' ELSE 'summarize' END"
)
_DECISION = {
    "id": "decision_id",
    "user_id": "user_id",
    "workspace_id": "workspace_id",
    "api_key_id": "NULL",
    "face": "'route'",
    "task_type": _TASK,
    "quality": "'medium'",
    "budget_nanos": "100000000",
    "requested_model": "''",
    "prompt": "''",
    "quality_met": "TRUE",
    "outcome": "'answered'",
    "cost_nanos": "cost",
    "stop_requested_at": "NULL",
}
_RESERVATION = {
    "id": "reservation_id",
    "user_id": "user_id",
    "state": "'settled'",
    "amount_nanos": str(HELD_NANOS),
    "actual_nanos": "cost",
}
_CALL = {
    "id": "call_id",
    "decision_id": "decision_id",
    "attempt": "1",
    "reservation_id": "reservation_id",
    "user_id": "user_id",
    "workspace_id": "workspace_id",
    "model_id": "model_id",
    "price_id": "price_id",
    "task_type": _TASK,
    "quality": "'medium'",
    "outcome": "'answered'",
    "failure_kind": "''",
    "failure_detail": "''",
    "finish_reason": "'stop'",
    "output_cap_tokens": "4096",
    "estimated_nanos": "cost",
    "reserved_nanos": str(HELD_NANOS),
    "cost_nanos": "cost",
    "correction_nanos": "0",
    "input_tokens": "tokens",
    "cached_tokens": "0",
    "output_tokens": "tokens",
    "reasoning_tokens": "0",
    "usage_source": "'reported'",
    "provider_request_id": "''",
    "decided_at": "NULL",
}
_ENTRY = {
    "reservation_id": "reservation_id",
    "window_id": "router_app_window.id",
    "overage_delta_nanos": "0",
    "author_id": "NULL",
    "reason": "''",
}
_RESERVE = {
    "kind": "'reserve'",
    "spent_delta_nanos": "0",
    "reserved_delta_nanos": str(HELD_NANOS),
}
_SETTLE = {
    "kind": "'settle'",
    "spent_delta_nanos": "cost",
    "reserved_delta_nanos": str(-HELD_NANOS),
}
