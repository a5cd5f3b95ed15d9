"""The limits of a team's members and their keys, on pages that ten thousand of them do not fill."""

import pytest
from django.urls import reverse

from router_app.budgets.limits import create_budget
from router_app.models import Budget, Level, Membership, User
from tests.factories import CENT, DOLLAR, make_key, make_window
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team()


def _address(team: Team, user: User) -> str:
    return reverse("budgets_member", args=[team.place_of(user).pk])


def test_members_come_by_pages_and_are_found_by_name(team, django_assert_max_num_queries):
    people = User.objects.bulk_create([User(username=f"m{i:03}") for i in range(60)])
    Membership.objects.bulk_create(
        [Membership(workspace=team.workspace, user=person) for person in people]
    )
    client = team.browser(team.alice)

    with django_assert_max_num_queries(13):
        page = page_of(client.get(reverse("budgets_members")))

    assert "63 members" in page
    assert "Page 1 of 3" in page
    assert ("m010" in page, "m059" in page) == (True, False)
    page = page_of(client.get(reverse("budgets_members"), {"name": "M05"}))
    assert "10 members" in page
    assert "m059" in page
    assert "No member's name has" in page_of(
        client.get(reverse("budgets_members"), {"name": "<zzz>"})
    )


def test_an_admin_limits_a_member_and_their_key_and_sees_how_they_stand(team):
    key = make_key(team.bob, name="ci", workspace=team.workspace)
    client, url = team.browser(team.alice), _address(team, team.bob)
    assert "No limit is set for bob here" in page_of(client.get(url))

    client.post(url, {"whom": "member", "period": "day", "task_type": "code", "limit": "2"})
    page = page_of(client.post(
        url, {"whom": f"key-{key.pk}", "period": "month", "task_type": "all", "limit": "3"},
        follow=True,
    ))  # fmt: skip

    assert "Daily limit of bob in Alpha for code" in page
    assert "Monthly limit of the key ci" in page
    member = Budget.objects.get(level=Level.MEMBER)
    assert (member.user, member.set_by, member.limit_nanos) == (team.bob, team.alice, 2 * DOLLAR)
    make_window(member, spent_nanos=50 * CENT)
    assert "$0.50" in page_of(client.get(url))
    assert reverse("budgets_edit", args=[member.pk]) in page
    assert ">1</td>" in page_of(client.get(reverse("budgets_members"), {"name": "bob"}))


def test_what_an_admin_changed_of_a_member_leads_back_to_that_member(team):
    about = {"period": "day", "limit_nanos": DOLLAR, "workspace": team.workspace}
    bobs = create_budget(level=Level.MEMBER, user=team.bob, **about)
    own = create_budget(level=Level.MEMBER, user=team.alice, **about)
    client = team.browser(team.alice)

    for budget, home in ((bobs, _address(team, team.bob)), (own, reverse("budgets"))):
        edit, close = (reverse(n, args=[budget.pk]) for n in ("budgets_edit", "budgets_close"))
        for page in (edit, close):
            shown = page_of(client.get(page))
            assert f'class="button" href="{home}"' in shown
            assert (f'<li><a href="{home}">bob</a></li>' in shown) == (budget == bobs)
        assert client.post(edit, {"limit": "2"}).url == home
        assert client.post(close).url == home


def test_a_key_of_elsewhere_is_no_choice(team):
    key = make_key(team.bob)  # of his own workspace
    sent = {"whom": f"key-{key.pk}", "period": "day", "task_type": "all", "limit": "3"}
    assert "valid choice" in page_of(team.browser(team.alice).post(_address(team, team.bob), sent))
    assert not Budget.objects.exists()


def test_only_admins_come_in_and_only_to_their_own_members(team):
    strangers_place = Membership.objects.get(user=team.charlie)
    new = {"whom": "member", "period": "day", "task_type": "all", "limit": "2"}
    for person in (team.bob, team.vera):
        client = team.browser(person)
        assert client.get(reverse("budgets_members")).status_code == 403
        assert client.post(_address(team, team.bob), new).status_code == 403
    elsewhere = reverse("budgets_member", args=[strangers_place.pk])
    assert team.browser(team.alice).post(elsewhere, new).status_code == 404
    assert team.browser(team.charlie).get(_address(team, team.bob)).status_code == 404
    assert not Budget.objects.exists()


def test_who_has_left_is_not_there(team):
    budget = create_budget(
        level=Level.MEMBER, workspace=team.workspace, user=team.bob, period="day", limit_nanos=1
    )
    place = team.place_of(team.bob)
    address = _address(team, team.bob)
    Membership.objects.filter(pk=place.pk).update(left_at=budget.created_at)
    client = team.browser(team.alice)
    assert client.get(address).status_code == 404
    assert "bob" not in page_of(client.get(reverse("budgets_members")))
