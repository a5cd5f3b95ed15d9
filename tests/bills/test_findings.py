"""What calls say: charges equal the journal, each cause is what its rows come to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from router_app.bills.findings import Days, findings_of
from router_app.bills.verdict import Cause, Code, Findings
from router_app.models import Call, LanguageModel, LedgerEntry, Price, User
from tests import factories as make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 10, 25, 12, tzinfo=UTC)
OCTOBER = Days(date(2026, 10, 1), date(2026, 10, 31), "UTC")


@pytest.fixture
def model() -> LanguageModel:
    return make.make_model("m/1", input="1", cached_input="0.25", output="2")


@pytest.fixture
def alice() -> User:
    return make.make_user("alice")


def found(model: LanguageModel, days: Days = OCTOBER) -> Findings:
    return findings_of(days).get(model.pk, Findings())


def cause(model: LanguageModel, code: Code) -> Cause:
    return next((each for each in found(model).causes if each.code is code), Cause(code, 0))


def test_charges_of_everybody_equal_the_journal(model: LanguageModel, alice: User) -> None:
    other = make.make_model("m/2")
    window = make.make_window(make.make_budget(alice, 10**15))
    people = (alice, make.make_user("bob"))
    for number, hours in enumerate(range(-2000, 2000, 130)):
        call = make.make_call(
            people[number % 2], (model, other)[number % 3 % 2], at=NOON + timedelta(hours=hours),
            outcome=(Call.Outcome.ANSWERED, Call.Outcome.PRESUMED)[number % 5 == 0],
            windows=[window], cost_nanos=10**6 + number**5, reserved_nanos=10**6,
        )  # fmt: skip
        if number % 4 == 0:
            make.correct_call(call, -number, [window])
    for zone in ("UTC", "Europe/Berlin", "Pacific/Chatham"):
        days = Days(date(2026, 10, 24), date(2026, 10, 26), zone)
        for each in (days, OCTOBER):
            for its in (model, other):
                assert found(its, each).charged_nanos == _booked(its, each)
    assert found(model).charged_nanos > 0


def _booked(model: LanguageModel, days: Days) -> int:
    entries = LedgerEntry.objects.filter(
        reservation__call__model=model,
        reservation__call__created_at__gte=days.starts_at,
        reservation__call__created_at__lt=days.ends_at,
    )
    sums = entries.aggregate(spent=Sum("spent_delta_nanos"), over=Sum("overage_delta_nanos"))
    return (sums["spent"] or 0) + (sums["over"] or 0)


def test_a_day_on_which_clocks_change_has_its_hours() -> None:
    day = Days(date(2026, 10, 25), date(2026, 10, 25), "Europe/Berlin")
    assert day.ends_at - day.starts_at == timedelta(hours=25)


def test_a_month_without_calls_has_no_findings(model: LanguageModel) -> None:
    assert findings_of(OCTOBER) == {}


def test_ordinary_answers_leave_no_cause(model: LanguageModel, alice: User) -> None:
    make.make_call(alice, model, at=NOON)
    assert found(model).causes == ()
    assert found(model).calls == 1


def test_what_is_presumed_may_be_too_much_until_somebody_decides(
    model: LanguageModel, alice: User
) -> None:
    call = make.make_call(
        alice, model, at=NOON, outcome=Call.Outcome.PRESUMED, cost_nanos=700, reserved_nanos=700
    )
    assert cause(model, Code.PRESUMED) == Cause(Code.PRESUMED, 1, above_nanos=700)
    Call.objects.filter(pk=call.pk).update(decided_at=NOON)
    assert found(model).causes == ()


def test_what_was_counted_may_be_too_much_or_too_little(model: LanguageModel, alice: User) -> None:
    make.make_call(
        alice, model, at=NOON, outcome=Call.Outcome.STOPPED, cost_nanos=300, reserved_nanos=1_000
    )
    assert cause(model, Code.COUNTED) == Cause(Code.COUNTED, 1, above_nanos=300, below_nanos=700)


def test_a_failed_attempt_that_was_charged(model: LanguageModel, alice: User) -> None:
    make.make_call(
        alice, model, at=NOON, outcome=Call.Outcome.FAILED, cost_nanos=50, usage_source="reported"
    )
    assert cause(model, Code.FAILED) == Cause(Code.FAILED, 1, above_nanos=50)


def test_a_failed_attempt_booked_at_nothing_and_one_under_way(
    model: LanguageModel, alice: User
) -> None:
    make.make_call(
        alice, model, at=NOON, outcome=Call.Outcome.FAILED, billed=False, reserved_nanos=40
    )
    make.make_call(alice, model, at=NOON, outcome=Call.Outcome.RUNNING, reserved_nanos=30)
    make.make_call(
        alice, model, at=NOON, outcome=Call.Outcome.FAILED, sent=False, reserved_nanos=20
    )
    assert cause(model, Code.UNBILLED) == Cause(Code.UNBILLED, 1, below_nanos=40)
    assert cause(model, Code.OPEN) == Cause(Code.OPEN, 1, below_nanos=30)


def test_cached_tokens_at_the_plain_rate_would_cost_more(model: LanguageModel, alice: User) -> None:
    make.make_call(alice, model, at=NOON, input_tokens=100, cached_tokens=80, output_tokens=1)
    # 80 tokens x (1 - 0.25) USD a million
    assert cause(model, Code.CACHED) == Cause(Code.CACHED, 1, below_nanos=60_000)


def test_a_price_that_changed_is_reckoned_both_ways(model: LanguageModel, alice: User) -> None:
    make.make_call(alice, model, at=NOON, input_tokens=1_000, output_tokens=0)
    Price.objects.create(
        model=model, input=Decimal(3), cached_input=Decimal(3), output=Decimal(2), valid_from=NOON
    )
    make.make_call(alice, model, at=NOON, input_tokens=1_000, output_tokens=0)
    # Booked 1 + 3 thousandths of a dollar; all at the old price 2, all at the new one 6.
    assert cause(model, Code.PRICE) == Cause(
        Code.PRICE, 2, above_nanos=2_000_000, below_nanos=2_000_000
    )


def test_one_query_reads_the_calls_however_many_there_are(
    model: LanguageModel, alice: User, django_assert_num_queries
) -> None:
    for hours in range(20):
        make.make_call(alice, model, at=NOON + timedelta(hours=hours))
    with django_assert_num_queries(2):  # and the prices
        findings_of(OCTOBER)
