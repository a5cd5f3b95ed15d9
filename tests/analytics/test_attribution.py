"""Groups of spending: whatever they are, they sum to the journal, to the nano."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from router_app.analytics import conversation_sums, spending
from router_app.analytics.attribution import (
    Attribution,
    Group,
    Grouping,
    Kind,
    attribution,
    groupings_open_to,
)
from router_app.analytics.cells import sum_totals
from router_app.analytics.group_names import named
from router_app.analytics.ranges import Range, RangeKey
from router_app.analytics.scope import Scope
from router_app.models import (
    ApiKey,
    Call,
    Conversation,
    LanguageModel,
    LedgerEntry,
    Membership,
    RoutingDecision,
    User,
    Window,
    Workspace,
)
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), NOW.date()
# Berlin's clocks went back on 25 October 2026 and forward on 29 March, Chatham's on other days.
RANGES = [
    (date(2026, 10, 25), date(2026, 10, 25), "Europe/Berlin"),
    (date(2026, 3, 28), date(2026, 3, 30), "Europe/Berlin"),
    (date(2026, 9, 26), date(2026, 9, 28), "Pacific/Chatham"),
    (date(2026, 1, 1), date(2026, 11, 15), "America/New_York"),
]
MOMENTS = [
    datetime(2026, 10, 24, 21, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 10, 24, 22, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # half past two in Berlin
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # half past two in Berlin again
    datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 23, 0, tzinfo=UTC),
    datetime(2026, 3, 27, 23, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 3, 30, 22, 0, tzinfo=UTC),
    datetime(2026, 9, 26, 13, 44, 59, tzinfo=UTC),
    datetime(2026, 9, 26, 14, 1, tzinfo=UTC),
    datetime(2026, 11, 15, 9, 0, tzinfo=UTC),
]


class Team:
    """Alice leads it, Bob asks, Vera left; every kind of call at every moment, in the books."""

    def __init__(self) -> None:
        self.alice, self.bob, self.vera = map(make.make_user, ("alice", "bob", "vera"))
        self.workspace = make.make_team(self.alice, member=[self.bob, self.vera])
        Membership.objects.filter(user=self.vera, workspace=self.workspace).update(left_at=NOW)
        self.models = list(make.make_catalogue().values())
        self.window = make.make_window(make.make_budget(self.alice, 10**15))
        self.keys = {
            user.pk: make.make_key(user, workspace=self.workspace)
            for user in (self.alice, self.bob, self.vera)
        }
        self.numbers = itertools.count(1)

    def call(self, user: User, at: datetime, *, key: ApiKey | None = None, **fields: Any) -> Call:
        number = next(self.numbers)
        task = ("code", "email", "general")[number % 3]
        decision = make.make_decision(
            user, workspace=self.workspace, task_type=task, api_key=key, at=at,
            face=RoutingDecision.Face.ROUTE if key else RoutingDecision.Face.CHAT,
        )  # fmt: skip
        fields.setdefault("cost_nanos", 10**6 + 7**number % 10**6)
        model: LanguageModel = self.models[number % len(self.models)]
        fields |= {"decision": decision, "windows": [self.window], "at": at}
        return make.make_call(user, model, **fields)

    def chat(
        self, user: User, at: datetime, *, shared: bool = False, **fields: Any
    ) -> Conversation:
        """A conversation with one answer."""
        call = self.call(user, at, **fields)
        conversation = make.make_conversation(
            user, title=f"{user} asks", workspace=self.workspace, updated_at=at,
            shared_at=at if shared else None,
        )  # fmt: skip
        make.make_exchange(user, "?", decision=call.decision, conversation=conversation)
        return conversation


@pytest.fixture
def team() -> Team:
    return Team()


def scope_of(team: Team, user: User | None = None, zone: str = "UTC") -> Scope:
    return Scope(team.workspace.pk, user.pk if user else None, zone)


def span_of(scope: Scope, first: date = FIRST, last: date = LAST) -> Range:
    return spending.range_for(scope, RangeKey.CUSTOM, first=first, last=last, now=NOW)


def booked(workspace: Workspace, window: Window, span: Range, user: User | None = None) -> int:
    """What the journal says of the calls that were admitted in the range."""
    entries = LedgerEntry.objects.filter(
        window=window,
        reservation__call__workspace=workspace,
        reservation__call__created_at__gte=span.starts_at,
        reservation__call__created_at__lt=span.ends_at,
    )
    if user:
        entries = entries.filter(reservation__user=user)
    sums = entries.aggregate(spent=Sum("spent_delta_nanos"), over=Sum("overage_delta_nanos"))
    return (sums["spent"] or 0) + (sums["over"] or 0)


def by(team: Team, grouping: Grouping, reader: User, scope: Scope | None = None) -> Attribution:
    scope = scope or scope_of(team)
    return attribution(scope, span_of(scope), grouping, reader_id=reader.pk)


def costs(found: Attribution) -> dict[tuple[Kind, Any], int]:
    return {(group.kind, group.id): group.totals.cost_nanos for group in found.groups}


@pytest.mark.parametrize(("first", "last", "zone"), RANGES)
@pytest.mark.parametrize("grouping", Grouping)
def test_all_groups_sum_to_the_journal(
    team: Team, grouping: Grouping, first: date, last: date, zone: str
) -> None:
    people = (team.alice, team.bob, team.vera)
    for number, at in enumerate(MOMENTS):
        user = people[number % 3]
        team.chat(user, at, shared=number % 2 == 0)
        team.call(user, at, key=team.keys[user.pk])
        team.call(user, at, outcome=Call.Outcome.PRESUMED, reserved_nanos=3_000_000)
        dear = team.call(user, at, cost_nanos=9_000_001, reserved_nanos=8_000_000)  # overage
        make.correct_call(dear, -1_234_567, [team.window])
        talked = team.chat(user, at, outcome=Call.Outcome.PRESUMED, reserved_nanos=3_000_000)
        presumed = Call.objects.get(decision__message__conversation=talked)
        make.correct_call(presumed, -presumed.cost_nanos, [team.window])
        team.chat(user, at).delete()

    for user in (None, *people):
        scope = scope_of(team, user, zone)
        span = span_of(scope, first, last)
        reader = user or team.alice
        found = attribution(scope, span, grouping, reader_id=reader.pk)

        expected = booked(team.workspace, team.window, span, user)
        assert found.totals.cost_nanos == expected
        assert sum(group.totals.cost_nanos for group in found.groups) == expected
        assert found.totals == spending.totals(scope, span)
        assert min((group.totals.requests for group in found.groups), default=0) >= 0
        assert expected > 0 or user is not None


def test_whom_and_what_it_went_to(team: Team) -> None:
    key = team.keys[team.bob.pk]
    team.call(team.bob, NOW, key=key, cost_nanos=5)
    team.call(team.alice, NOW, cost_nanos=3)
    assert costs(by(team, Grouping.MEMBER, team.alice)) == {
        (Kind.MEMBER, team.bob.pk): 5,
        (Kind.MEMBER, team.alice.pk): 3,
    }
    assert costs(by(team, Grouping.KEY, team.alice)) == {
        (Kind.KEY, key.pk): 5,
        (Kind.NO_KEY, 0): 3,
    }


def test_the_dearest_comes_first_and_what_cost_and_asked_nothing_not_at_all(team: Team) -> None:
    for user, cost in ((team.alice, 4), (team.bob, 9)):
        team.call(user, NOW, cost_nanos=cost)
    team.call(team.vera, NOW, outcome=Call.Outcome.FAILED, sent=False, cost_nanos=0)
    groups = by(team, Grouping.MEMBER, team.alice).groups
    assert [group.id for group in groups] == [team.bob.pk, team.alice.pk]


def test_what_is_under_way_is_a_request_of_its_conversation(team: Team) -> None:
    team.chat(team.alice, NOW, outcome=Call.Outcome.RUNNING)
    (group,) = by(team, Grouping.CONVERSATION, team.alice).groups
    assert (group.kind, group.totals.requests) == (Kind.CONVERSATION, 1)


def test_a_further_attempt_is_the_same_request_and_costs_besides(team: Team) -> None:
    conversation = team.chat(team.alice, NOW, outcome=Call.Outcome.FAILED, cost_nanos=7)
    decision = RoutingDecision.objects.get(message__conversation=conversation)
    make.make_call(team.alice, decision=decision, cost_nanos=5, at=NOW)
    (group,) = by(team, Grouping.CONVERSATION, team.alice).groups
    assert (group.totals.requests, group.totals.cost_nanos) == (1, 12)


class TestConversations:
    def test_of_others_are_one_sum_each_unless_they_are_shared(self, team: Team) -> None:
        mine = team.chat(team.alice, NOW, cost_nanos=1)
        shared = team.chat(team.bob, NOW, shared=True, cost_nanos=10)
        for cost in (100, 200):
            team.chat(team.bob, NOW, cost_nanos=cost)
        team.call(team.bob, NOW, key=team.keys[team.bob.pk], cost_nanos=1000)
        found = by(team, Grouping.CONVERSATION, team.alice)
        assert costs(found) == {
            (Kind.CONVERSATION, mine.pk): 1,
            (Kind.CONVERSATION, shared.pk): 10,
            (Kind.REST, team.bob.pk): 300,
            (Kind.KEYS, 0): 1000,
        }
        names = [each.name for each in _named(team, found.groups, team.alice)]
        assert names == ["API keys", "Private conversations of bob", "bob asks", "alice asks"]

    def test_in_ones_own_part_nothing_of_others_is_seen(self, team: Team) -> None:
        mine = team.chat(team.bob, NOW, cost_nanos=1)
        team.chat(team.alice, NOW, shared=True, cost_nanos=10)
        scope = scope_of(team, team.bob)
        found = by(team, Grouping.CONVERSATION, team.bob, scope)
        assert costs(found) == {(Kind.CONVERSATION, mine.pk): 1}

    def test_one_that_is_no_longer_shared_loses_its_title_at_once(self, team: Team) -> None:
        shared = team.chat(team.bob, NOW, shared=True)
        groups = by(team, Grouping.CONVERSATION, team.alice).groups
        Conversation.objects.filter(pk=shared.pk).update(shared_at=None)
        (each,) = _named(team, groups, team.alice)
        assert "bob" not in each.name + each.note

    def test_deleted_and_earlier_ones_are_in_the_rest(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        newest = "ORDER BY updated_at DESC LIMIT 2"
        own = conversation_sums._OWN.replace(conversation_sums._NEWEST, newest)
        monkeypatch.setattr(conversation_sums, "_OWN", own)
        listed = {
            team.chat(team.alice, NOW - timedelta(hours=n), cost_nanos=10**n).pk for n in (0, 1)
        }
        team.chat(team.alice, NOW - timedelta(hours=2), cost_nanos=100)
        team.chat(team.alice, NOW - timedelta(hours=3), cost_nanos=1000).delete()
        found = by(team, Grouping.CONVERSATION, team.alice, scope_of(team, team.alice))
        assert {group.id for group in found.groups if group.kind is Kind.CONVERSATION} == listed
        assert costs(found)[Kind.REST, team.alice.pk] == 1100

    def test_queries_are_two_however_many_there_are(
        self, team: Team, django_assert_num_queries: Any
    ) -> None:
        for number in range(30):
            team.chat(team.alice, NOW - timedelta(hours=number))
        with django_assert_num_queries(2):
            by(team, Grouping.CONVERSATION, team.alice)


class TestNames:
    def test_who_left_and_what_is_no_longer_valid_says_so(self, team: Team) -> None:
        key = team.keys[team.vera.pk]
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        team.call(team.vera, NOW, key=key)
        (member,) = _named(team, by(team, Grouping.MEMBER, team.alice).groups, team.alice)
        assert (member.name, member.note) == ("vera", "no longer a member")
        (of_key,) = _named(team, by(team, Grouping.KEY, team.alice).groups, team.alice)
        assert of_key.name == key.name
        assert of_key.note.endswith("of vera, no longer valid")

    def test_what_is_deleted_keeps_its_row(self, team: Team) -> None:
        gone = [Group(kind, 10**9, sum_totals([])) for kind in (Kind.MEMBER, Kind.KEY, Kind.MODEL)]
        names = [each.name for each in _named(team, gone, team.alice)]
        assert names == ["A deleted account", "A deleted key", "A deleted model"]

    def test_names_are_read_a_query_a_kind(
        self, team: Team, django_assert_num_queries: Any
    ) -> None:
        for user in (team.alice, team.bob, team.vera):
            team.call(user, NOW)
        groups = by(team, Grouping.MEMBER, team.alice).groups
        with django_assert_num_queries(2):  # people, and who of them is a member
            _named(team, groups, team.alice)


def _named(team: Team, groups: Any, reader: User) -> list[Any]:
    return named(groups, scope_of(team), reader_id=reader.pk)


@pytest.mark.parametrize(
    ("role", "is_teams", "open_ones"),
    [
        ("admin", True, set(Grouping)),
        ("member", True, {Grouping.MODEL, Grouping.TASK}),
        ("viewer", True, {Grouping.MODEL, Grouping.TASK}),
        ("member", False, set(Grouping)),
    ],
)
def test_who_may_have_what_told_apart(role: str, is_teams: bool, open_ones: set[Grouping]) -> None:
    scope = Scope(1, None if is_teams else 1, "UTC")
    assert set(groupings_open_to(role, scope)) == open_ones
