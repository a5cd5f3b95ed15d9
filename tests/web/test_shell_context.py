"""What every page shows around its content: gauges, the demo banner, the offer to sign up."""

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.catalog import snapshot
from router_app.models import User
from router_app.web.context import header_gauges, shell
from tests.factories import make_model, make_user, make_window

pytestmark = pytest.mark.django_db
DOLLAR = 1_000_000_000


@pytest.fixture
def bob() -> User:
    return make_user("bob", time_zone="Africa/Cairo")


def gauges_of(user: object) -> list:
    request = RequestFactory().get("/")
    request.user = user
    request.session = {}
    return header_gauges(request)


def test_today_and_this_month_the_tightest_first(bob: User) -> None:
    create_budget(user=bob, period="month", limit_nanos=5 * DOLLAR)
    create_budget(user=bob, period="day", limit_nanos=DOLLAR)
    create_budget(user=bob, period="week", limit_nanos=DOLLAR)
    create_budget(user=bob, period="day", limit_nanos=1, task_type="code")
    assert [gauge.period for gauge in gauges_of(bob)] == ["day", "month"]


def test_a_limit_for_one_model_is_no_gauge_of_everything(bob: User) -> None:
    create_budget(user=bob, period="month", limit_nanos=5 * DOLLAR)
    create_budget(user=bob, period="day", limit_nanos=1, model=make_model())
    assert [gauge.period for gauge in gauges_of(bob)] == ["month"]


def test_spent_held_and_free_stay_apart(bob: User) -> None:
    budget = create_budget(user=bob, period="total", limit_nanos=DOLLAR)
    make_window(budget, spent_nanos=200, reserved_nanos=30)
    (gauge,) = gauges_of(bob)
    assert (gauge.spent_nanos, gauge.reserved_nanos) == (200, 30)
    assert gauge.free_nanos == DOLLAR - 230


def test_who_has_only_other_limits_sees_those(bob: User) -> None:
    create_budget(user=bob, period="total", limit_nanos=DOLLAR)
    assert [gauge.period for gauge in gauges_of(bob)] == ["total"]


def test_it_resets_at_midnight_where_the_owner_lives(bob: User) -> None:
    create_budget(user=bob, period="day", limit_nanos=DOLLAR)
    (gauge,) = gauges_of(bob)
    with timezone.override("UTC"):
        assert f"{gauge.resets_at:%H:%M %Z}" in ("00:00 EET", "00:00 EEST", "01:00 EEST")


def test_nobody_has_no_gauges(rf: RequestFactory) -> None:
    assert header_gauges(rf.get("/")) == []


def test_nothing_is_read_before_a_template_asks(
    bob: User, django_assert_num_queries: object
) -> None:
    request = RequestFactory().get("/")
    request.user = bob
    with django_assert_num_queries(0):
        context = Context(shell(request))
        Template("nothing of the shell").render(context)


def test_the_gauges_are_read_once_a_page(bob: User, django_assert_num_queries: object) -> None:
    create_budget(user=bob, period="day", limit_nanos=DOLLAR)
    request = RequestFactory().get("/")
    request.user, request.session = bob, {}
    context = Context(shell(request))
    template = Template("{{ header_gauges.0.name }}{{ header_gauges.0.name }}")
    with django_assert_num_queries(3):  # the place in the workspace, budgets, windows
        assert template.render(context) == "Daily limitDaily limit"


def test_the_banner_and_the_offer_to_sign_up_follow_the_settings(
    catalog: None, settings: object
) -> None:
    request = RequestFactory().get("/")
    template = Template("{{ demo_active }} {{ signup_open }}")
    assert template.render(Context(shell(request))) == "True True"
    settings.SIGNUP_OPEN = False
    settings.DEMO_BASE_URL = ""
    snapshot.forget()
    assert template.render(Context(shell(request))) == "False False"
