"""Rows for tests: plain functions that make what a test is about and let the rest be ordinary.

Money is in nano-dollars. A call made with `windows=` is booked there as the ledger books it
(reserve, then settle / release / presume), so counters, journal and calls agree.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from router_app.analytics.usage import UsageFacts, add_usage, correct_usage, whose_is
from router_app.models import (
    Alert,
    ApiKey,
    Budget,
    Call,
    ClosedCall,
    Conversation,
    LanguageModel,
    LedgerEntry,
    Membership,
    Message,
    Notice,
    Price,
    Provider,
    Reservation,
    RoutingDecision,
    User,
    Window,
    Workspace,
)
from router_app.money import Rates, token_cost_nanos
from router_app.routing.candidates import Candidate, Drop, DropCode, Estimate, Score
from router_app.routing.decision import Decision, Route
from router_app.routing.tasks import Quality, Task
from router_app.workspaces.teams import create_team

_numbers = itertools.count(1)
CENT = 10_000_000  # nano-dollars
DOLLAR = 1_000_000_000

SEED_MODELS = (
    # model id, name, quality, input, output, strengths, context, most output
    ("llama-3.3-70b-versatile", "LLaMA 3.3 70B", 88, "0.59", "0.79",
     ["general", "code", "summarize"], 131_072, 32_768),
    ("openai/gpt-oss-120b", "GPT-OSS 120B", 85, "0.15", "0.60",
     ["general", "code", "email"], 131_072, 65_536),
    ("openai/gpt-oss-20b", "GPT-OSS 20B", 68, "0.075", "0.30",
     ["general", "email"], 131_072, 65_536),
    ("llama-3.1-8b-instant", "LLaMA 3.1 8B", 55, "0.05", "0.08", ["general"], 131_072, 131_072),
)  # fmt: skip


def make_user(username: str = "", **fields: Any) -> User:
    """A person who can sign in with the password "correct horse battery"."""
    name = username or f"person{next(_numbers)}"
    password = fields.pop("password", "correct horse battery")
    fields.setdefault("email", f"{name}@example.org")
    return User.objects.create_user(username=name, password=password, **fields)


def make_team(maker: User, name: str = "Harbour", **roles: Sequence[User]) -> Workspace:
    """A team whose maker is an admin, and who else is in it by role: `member=[bob]`."""
    team = create_team(name=name, time_zone=maker.time_zone, by=maker)
    for role, people in roles.items():
        for person in people:
            Membership.objects.create(workspace=team, user=person, role=role)
    return team


def make_key(user: User, **fields: Any) -> ApiKey:
    """A key's row. Its hash is nobody's: to call the API, make a real key."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "name": f"key {number}", "prefix": f"br_{number:06d}", "hash": f"{number:064x}",
    }  # fmt: skip
    fields.setdefault("workspace", user.personal_workspace)
    return ApiKey.objects.create(user=user, **{**defaults, **fields})


def make_provider(slug: str = "demo", **fields: Any) -> Provider:
    """The provider with that slug, made if it is not there."""
    defaults = {"name": slug.capitalize(), "base_url": f"http://{slug}.test/v1", **fields}
    return Provider.objects.get_or_create(slug=slug, defaults=defaults)[0]


def make_model(
    model_id: str = "openai/gpt-oss-20b",
    *,
    provider: Provider | None = None,
    input: str = "0.075",  # noqa: A002
    output: str = "0.30",
    cached_input: str | None = None,
    priced_since: datetime | None = None,
    **fields: Any,
) -> LanguageModel:
    """A model with a price (USD per million tokens) in force since 2020 unless said."""
    defaults: dict[str, Any] = {
        "name": model_id, "quality": 68, "strengths": ["general"],
        "context_tokens": 131_072, "max_output_tokens": 65_536,
    }  # fmt: skip
    model = LanguageModel.objects.create(
        provider=provider or make_provider(), model_id=model_id, **{**defaults, **fields}
    )
    Price.objects.create(
        model=model,
        input=Decimal(input),
        output=Decimal(output),
        cached_input=None if cached_input is None else Decimal(cached_input),
        valid_from=priced_since or datetime(2020, 1, 1, tzinfo=UTC),
    )
    return model


def make_catalogue(provider: Provider | None = None) -> dict[str, LanguageModel]:
    """The four models every example speaks of, at their prices, by model id."""
    provider = provider or make_provider()
    return {
        model_id: make_model(
            model_id, provider=provider, name=name, quality=quality, input=in_, output=out,
            strengths=strengths, context_tokens=context, max_output_tokens=most,
        )
        for model_id, name, quality, in_, out, strengths, context, most in SEED_MODELS
    }  # fmt: skip


def make_budget(user: User, limit_nanos: int = 5 * DOLLAR, **fields: Any) -> Budget:
    """A budget; monthly, for all tasks, in the owner's time zone unless said."""
    defaults = {"name": f"{user}'s budget", "period": "month", "time_zone": user.time_zone}
    return Budget.objects.create(user=user, limit_nanos=limit_nanos, **{**defaults, **fields})


def make_window(budget: Budget, starts_at: datetime | None = None, **fields: Any) -> Window:
    """A window of the budget with empty counters; begins a day ago and has no end unless said."""
    fields.setdefault("limit_nanos", budget.limit_nanos)
    fields.setdefault("peak_limit_nanos", fields["limit_nanos"])
    starts_at = starts_at or timezone.now() - timedelta(days=1)
    return Window.objects.create(budget=budget, starts_at=starts_at, **fields)


def make_decision(
    user: User,
    *,
    models: Sequence[LanguageModel] = (),
    receipt: dict[str, Any] | None = None,
    at: datetime | None = None,
    **fields: Any,
) -> RoutingDecision:
    """A request that was routed; `models` are its candidates, the chosen one first."""
    task = fields.setdefault("task_type", "general")
    quality = fields.setdefault("quality", "medium")
    fields.setdefault("face", RoutingDecision.Face.ROUTE)
    fields.setdefault("workspace", user.personal_workspace)
    fields.setdefault("quality_met", True)
    if receipt is None:
        receipt = make_receipt(models, task=task, quality=quality)
    return RoutingDecision.objects.create(
        user=user, receipt=receipt, created_at=at or timezone.now(), **fields
    )


def make_receipt(
    models: Sequence[LanguageModel], *, task: str = "general", quality: str = "medium"
) -> dict[str, Any]:
    """A stored `Decision` that chose the first model and dropped the last of several."""
    return Decision(
        policy_version="1", task=Task(task), quality=Quality(quality), floor=60,
        budget_nanos=CENT, max_tokens=None, model=None, allow_lower_quality=True, funds=(),
        route=Route.BEST, reason=f"Best quality match for {task} tasks within budget",
        quality_met=True, candidates=tuple(_candidates(models)),
    ).as_dict()  # fmt: skip


def _candidates(models: Sequence[LanguageModel]) -> list[Candidate]:
    last = len(models) - 1
    return [_candidate(m, rank, dropped=0 < rank == last) for rank, m in enumerate(models)]


def _candidate(model: LanguageModel, place: int, *, dropped: bool) -> Candidate:
    estimate = Estimate(
        expected_input_tokens=40, expected_output_tokens=200, bound_input_tokens=320,
        useful_tokens=64, wanted_cap_tokens=2048, cap_tokens=2048, expected_cost_nanos=63_000,
        estimated_cost_nanos=63_000, ceiling_nanos=640_000, useful_ceiling_nanos=43_200,
    )  # fmt: skip
    return Candidate(
        id=model.model_id, name=model.name, provider=model.provider.slug, model_pk=model.pk,
        price_pk=price_of(model).pk, score=Score(quality=model.quality, bonus=15),
        estimate=estimate, rank=None if dropped else place + 1,
        drop=Drop(DropCode.BELOW_FLOOR, "Its quality is below the floor.") if dropped else None,
    )  # fmt: skip


def price_of(model: LanguageModel) -> Price:
    """The newest price of the model."""
    return model.prices.order_by("-valid_from", "-pk")[0]


def make_call(
    user: User,
    model: LanguageModel | None = None,
    *,
    decision: RoutingDecision | None = None,
    outcome: str = Call.Outcome.ANSWERED,
    cost_nanos: int | None = None,
    reserved_nanos: int | None = None,
    sent: bool = True,
    billed: bool | None = None,
    windows: Sequence[Window] = (),
    at: datetime | None = None,
    milliseconds: int = 800,
    **fields: Any,
) -> Call:
    """One attempt in the given state, with its reservation, bookings and closing.

    Ordinary: answered, 40 tokens in and 200 out at the model's price. Not billed (released at
    zero) if it was never sent or failed, unless `billed`. RUNNING leaves everything open.
    """
    model = model or LanguageModel.objects.first() or make_model()
    at = at or timezone.now()
    decision = decision or make_decision(user, models=[model], at=at)
    closed = outcome != Call.Outcome.RUNNING
    if billed is None:
        billed = sent and (outcome != Call.Outcome.FAILED or bool(cost_nanos))
    _fill_usage(fields, outcome, billed)
    price = price_of(model)
    if not (closed and billed):
        cost_nanos = 0
    elif cost_nanos is None:
        cost_nanos = _cost(price, fields)
    if reserved_nanos is None:
        reserved_nanos = max(cost_nanos * 3, 100_000)
    closed_at = at + timedelta(milliseconds=milliseconds) if closed else None
    call = Call.objects.create(
        decision=decision, user=user, workspace=decision.workspace, model=model, price=price,
        attempt=fields.pop("attempt", decision.calls.count() + 1),
        reservation=_reserve(
            user, outcome, reserved_nanos, cost_nanos, at=at, closed_at=closed_at,
            sent=sent, billed=billed, windows=windows,
        ),
        task_type=decision.task_type, quality=decision.quality, outcome=outcome,
        estimated_nanos=fields.pop("estimated_nanos", reserved_nanos // 2),
        reserved_nanos=reserved_nanos, cost_nanos=cost_nanos, created_at=at,
        sent_at=at if sent else None, closed_at=closed_at,
        output_cap_tokens=fields.pop("output_cap_tokens", 2048), **fields,
    )  # fmt: skip
    if closed:
        ClosedCall.objects.create(call=call)
        add_usage([UsageFacts.of(call)])
    _conclude(decision, call)
    return call


def _fill_usage(fields: dict[str, Any], outcome: str, billed: bool) -> None:
    known = billed and outcome not in (Call.Outcome.RUNNING, Call.Outcome.PRESUMED)
    fields.setdefault("input_tokens", 40 if known else 0)
    fields.setdefault("output_tokens", 200 if known else 0)
    source = "reported" if outcome == Call.Outcome.ANSWERED else "counted"
    presumed = "presumed" if outcome == Call.Outcome.PRESUMED else ""
    fields.setdefault("usage_source", source if known else presumed)
    if outcome == Call.Outcome.ANSWERED:
        fields.setdefault("finish_reason", "stop")
    if outcome == Call.Outcome.FAILED:
        fields.setdefault("failure_kind", "server")


def _cost(price: Price, fields: dict[str, Any]) -> int:
    return token_cost_nanos(
        Rates(price.input, price.cached_rate, price.output),
        input_tokens=fields["input_tokens"],
        output_tokens=fields["output_tokens"],
        cached_tokens=fields.get("cached_tokens", 0),
    )


def _reserve(
    user: User, outcome: str, amount: int, cost: int, *, at: datetime,
    closed_at: datetime | None, sent: bool, billed: bool, windows: Sequence[Window],
) -> Reservation:  # fmt: skip
    state, kind = _ending(outcome, sent=sent, billed=billed)
    reservation = Reservation.objects.create(
        user=user, state=state, amount_nanos=amount, actual_nanos=cost if closed_at else None,
        lease_ends_at=at + timedelta(seconds=150), created_at=at,
        sent_at=at if sent else None, closed_at=closed_at,
    )  # fmt: skip
    for window in windows:
        book(reservation, window, LedgerEntry.Kind.RESERVE, reserved=amount, at=at)
        if kind:
            over = max(0, cost - amount)
            book(reservation, window, kind, spent=cost - over, reserved=-amount, overage=over,
                 at=closed_at or at)  # fmt: skip
    return reservation


def _ending(outcome: str, *, sent: bool, billed: bool) -> tuple[str, str]:
    if outcome == Call.Outcome.RUNNING:
        return (Reservation.State.SENT if sent else Reservation.State.HELD), ""
    if outcome == Call.Outcome.PRESUMED:
        return Reservation.State.PRESUMED, LedgerEntry.Kind.PRESUME
    if billed:
        return Reservation.State.SETTLED, LedgerEntry.Kind.SETTLE
    return Reservation.State.RELEASED, LedgerEntry.Kind.RELEASE


def book(
    reservation: Reservation, window: Window, kind: str, *, spent: int = 0, reserved: int = 0,
    overage: int = 0, at: datetime | None = None, **fields: Any,
) -> LedgerEntry:  # fmt: skip
    """Write one journal entry and move the window's counters by the same deltas."""
    window.refresh_from_db()
    window.spent_nanos += spent
    window.reserved_nanos += reserved
    window.overage_nanos += overage
    window.save()
    return LedgerEntry.objects.create(
        reservation=reservation, window=window, kind=kind, spent_delta_nanos=spent,
        reserved_delta_nanos=reserved, overage_delta_nanos=overage, at=at or timezone.now(),
        **fields,
    )  # fmt: skip


def correct_call(call: Call, delta_nanos: int, windows: Sequence[Window] = ()) -> Call:
    """Correct what a closed call cost by `delta_nanos`, as a new entry in each window."""
    for window in windows:
        book(call.reservation, window, LedgerEntry.Kind.CORRECT, spent=delta_nanos,
             reason="the provider's bill says so")  # fmt: skip
    call.correction_nanos += delta_nanos
    call.save()
    correct_usage(whose=whose_is(call), at=call.created_at, delta_nanos=delta_nanos)
    _conclude(call.decision, call)
    return call


def _conclude(decision: RoutingDecision, call: Call) -> None:
    """Carry a call's end to its decision: cost of all calls, outcome of the last."""
    decision.cost_nanos = sum(each.total_nanos for each in decision.calls.all())
    presumed = call.outcome == Call.Outcome.PRESUMED
    decision.outcome = RoutingDecision.Outcome.FAILED if presumed else call.outcome
    decision.closed_at = call.closed_at
    decision.save()


def make_conversation(user: User, **fields: Any) -> Conversation:
    """A conversation without messages; in the person's own workspace unless said."""
    fields.setdefault("workspace", user.personal_workspace)
    return Conversation.objects.create(user=user, **fields)


def make_exchange(
    user: User, prompt: str, answer: str = "", *, decision: RoutingDecision | None = None,
    conversation: Conversation | None = None,
) -> Message:  # fmt: skip
    """A question and its answer in a conversation; returns the answer."""
    conversation = conversation or make_conversation(user, title=prompt[:120])
    at = timezone.now() if decision is None else decision.created_at
    Message.objects.create(conversation=conversation, role="user", text=prompt, created_at=at)
    return Message.objects.create(
        conversation=conversation, role="assistant", text=answer or "An answer.",
        decision=decision, created_at=at + timedelta(milliseconds=1),
    )  # fmt: skip


def make_notice(user: User, title: str = "A limit is spent", **fields: Any) -> Notice:
    """What a person finds behind the bell."""
    alert = Alert.objects.create(
        key=f"made:{next(_numbers)}", kind=Alert.Kind.TEST, spread_at=timezone.now()
    )
    fields.setdefault("text", "All of it.")
    return Notice.objects.create(alert=alert, user=user, title=title, link="/budgets/", **fields)
