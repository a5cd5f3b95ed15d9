"""The history: one's own requests, filtered, sorted, paged; and the receipt of each."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from router_app.analytics import history as selectors
from router_app.models import Call, LanguageModel, RoutingDecision, User
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def alice(client: Client) -> User:
    alice = make.make_user("alice", time_zone="Europe/Berlin")
    client.force_login(alice)
    return alice


@pytest.fixture
def models() -> list[LanguageModel]:
    return list(make.make_catalogue().values())


def page(client: Client, query: str = "") -> str:
    response = client.get(reverse("history") + query)
    assert response.status_code == 200
    return response.content.decode()


def listed(client: Client, query: str = "") -> list[str]:
    """The decisions in the list, in its order."""
    return re.findall(r'href="/history/([0-9a-f-]{36})/"', page(client, query))


def leads_to(html: str) -> str:
    """The query of the link to the requests before those listed; empty without one."""
    return unescape(([*re.findall(r'href="([^"]*)">Requests before', html), ""])[0])


def ids(*calls: Call) -> list[str]:
    return [str(call.decision_id) for call in calls]


def receipt_of(client: Client, decision: RoutingDecision) -> str:
    response = client.get(reverse("receipt", args=[decision.pk]))
    assert response.status_code == 200
    return unescape(response.content.decode())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


class TestTheList:
    def test_before_the_first_request_it_says_what_to_do(self, client: Client, alice: User) -> None:
        html = page(client)
        assert "No requests yet" in html
        assert "<form" not in html[html.index("<main") :]

    def test_newest_first_in_the_owners_time(self, client: Client, alice: User) -> None:
        old = make.make_call(alice, at=NOW - timedelta(days=1))
        new = make.make_call(alice, at=NOW)
        assert listed(client) == ids(new, old)
        assert "15 Nov, 11:30" in page(client)

    def test_a_row_says_what_matters(self, client: Client, alice: User) -> None:
        model = make.make_model(name="GPT-OSS 20B")
        decision = make.make_decision(alice, models=[model], task_type="email", prompt="Dear\nSir")
        make.make_call(alice, model, decision=decision, cost_nanos=62_001)
        row = text_of(page(client).split("<tbody")[1])
        for part in ("Dear Sir", "GPT-OSS 20B", "Email", "Answered", "240", "$0.000062"):
            assert part in row

    def test_a_running_one_shows_what_is_held(self, client: Client, alice: User) -> None:
        make.make_call(alice, outcome="running", reserved_nanos=640_000)
        row = page(client).split("<tbody")[1]
        assert "swatch-held" in row
        assert "$0.00064" in row

    def test_pages_of_25_without_repeats(self, client: Client, alice: User) -> None:
        for _ in range(30):
            make.make_call(alice, at=NOW)  # all at one moment: the order must not waver
        first, second = listed(client), listed(client, "?page=2")
        assert (len(first), len(second)) == (25, 5)
        assert len({*first, *second}) == 30

    @pytest.mark.parametrize("query", ["?page=99", "?page=x", "?sort=nonsense", "?sort=-model"])
    def test_nonsense_in_the_address_is_no_error(
        self, client: Client, alice: User, query: str
    ) -> None:
        call = make.make_call(alice)
        assert listed(client, query) == ids(call)

    @pytest.mark.parametrize("column", ["when", "task", "status", "cost"])
    def test_sorts_both_ways_and_decides_ties(
        self, client: Client, alice: User, column: str
    ) -> None:
        calls = [
            make.make_call(alice, at=NOW - timedelta(hours=hours), cost_nanos=cost)
            for hours, cost in ((0, 5), (1, 7), (2, 5), (3, 6))
        ]
        up, down = listed(client, f"?sort={column}"), listed(client, f"?sort=-{column}")
        assert up == down[::-1]
        assert sorted(up) == sorted(ids(*calls))
        if column == "cost":
            assert down == ids(calls[1], calls[3], calls[0], calls[2])

    def test_few_queries_however_long(
        self, client: Client, alice: User, django_assert_max_num_queries
    ) -> None:
        for number in range(25):
            make.make_exchange(alice, f"prompt {number}", decision=make.make_call(alice).decision)
        with django_assert_max_num_queries(18):
            page(client)


class TestAMillion:
    """What is listed, searched, sorted and counted at a time is bounded; here by three."""

    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selectors, "MOST_LISTED", 3)

    @pytest.fixture
    def calls(self, alice: User) -> list[Call]:
        """Newest first; the older, the dearer."""
        return [
            make.make_call(alice, at=NOW - timedelta(hours=hours), cost_nanos=1000 + hours)
            for hours in range(8)
        ]

    def test_leads_on_to_the_requests_before(self, client: Client, calls: list[Call]) -> None:
        found, query = [], ""
        for _ in range(3):
            html = page(client, query)
            found.append(re.findall(r'href="/history/([0-9a-f-]{36})/"', html))
            query = leads_to(html)
        assert found == [ids(*calls[:3]), ids(*calls[3:6]), ids(*calls[6:])]
        assert query == ""

    def test_counts_and_sorts_what_is_listed(self, client: Client, calls: list[Call]) -> None:
        html = page(client, "?sort=-cost")
        assert listed(client, "?sort=-cost") == ids(calls[2], calls[1], calls[0])
        assert "3 requests since 15 Nov 2026, 09:30" in text_of(html)
        assert listed(client, leads_to(html)) == ids(calls[5], calls[4], calls[3])

    def test_of_the_days_asked_for(self, client: Client, calls: list[Call]) -> None:
        query = "?since=2026-11-15&until=2026-11-15&task=general"
        assert listed(client, query) == ids(*calls[:3])
        html = page(client, query)
        assert "task=general" in leads_to(html)
        assert listed(client, leads_to(html)) == ids(*calls[3:6])

    def test_says_nothing_of_it_when_all_is_listed(
        self, client: Client, alice: User, calls: list[Call]
    ) -> None:
        client.force_login(make.make_user("bob"))
        for _ in range(3):
            make.make_call(User.objects.get(username="bob"), at=NOW)
        html = page(client)
        assert "3 requests" in html
        assert "since" not in text_of(html[html.index("<main") :].replace("From", ""))
        assert "before=" not in html

    @pytest.mark.parametrize("before", [
        "x", "2026", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "%00",
    ])  # fmt: skip
    def test_nonsense_is_no_error(self, client: Client, calls: list[Call], before: str) -> None:
        page(client, f"?before={before}")


class TestFilters:
    def test_by_model_also_of_a_failed_attempt(
        self, client: Client, alice: User, models: list[LanguageModel]
    ) -> None:
        failed = make.make_call(alice, models[0], outcome="failed")
        make.make_call(alice, models[1], decision=failed.decision)
        other = make.make_call(alice, models[2])
        assert listed(client, f"?model={models[0].pk}") == ids(failed)
        assert listed(client, f"?model={models[1].pk}") == ids(failed)
        assert listed(client, f"?model={models[2].pk}") == ids(other)

    def test_offers_only_models_one_has_used(
        self, client: Client, alice: User, models: list[LanguageModel]
    ) -> None:
        make.make_call(alice, models[0])
        make.make_call(make.make_user("bob"), models[1])
        html = page(client)
        assert f">{models[0]}</option>" in html
        assert f">{models[1]}</option>" not in html

    def test_by_task_and_status(self, client: Client, alice: User) -> None:
        code = make.make_call(alice, decision=make.make_decision(alice, task_type="code"))
        failed = make.make_call(alice, outcome="failed")
        assert listed(client, "?task=code") == ids(code)
        assert listed(client, "?status=failed") == ids(failed)
        assert listed(client, "?task=code&status=failed") == []

    def test_by_days_of_ones_own(self, client: Client, alice: User) -> None:
        before = make.make_call(alice, at=datetime(2026, 10, 24, 21, 59, tzinfo=UTC))
        first = make.make_call(alice, at=datetime(2026, 10, 24, 22, 0, tzinfo=UTC))
        last = make.make_call(alice, at=datetime(2026, 10, 25, 22, 59, tzinfo=UTC))
        after = make.make_call(alice, at=datetime(2026, 10, 25, 23, 0, tzinfo=UTC))
        assert listed(client, "?since=2026-10-25&until=2026-10-25") == ids(last, first)
        assert listed(client, "?until=2026-10-24") == ids(before)
        assert listed(client, "?since=2026-10-26") == ids(after)

    def test_by_text_of_a_stored_prompt_or_of_the_chat(self, client: Client, alice: User) -> None:
        hour_ago = NOW - timedelta(hours=1)
        decision = make.make_decision(alice, prompt="a Quicksort please", at=hour_ago)
        stored = make.make_call(alice, decision=decision, at=hour_ago)
        chat = make.make_call(alice)
        answer = make.make_exchange(alice, "explain quicksort", "Pivot!", decision=chat.decision)
        later = make.make_call(alice, at=NOW + timedelta(seconds=1))
        make.make_exchange(
            alice, "and mergesort?", decision=later.decision, conversation=answer.conversation
        )
        assert listed(client, "?text=QUICKSORT") == ids(chat, stored)
        assert listed(client, "?text=mergesort") == ids(later)
        assert listed(client, "?text=pivot") == []  # an answer is not a prompt
        assert listed(client, "?text=100%25") == []

    @pytest.mark.parametrize(
        "query",
        [
            "?model=x", "?model=999999", "?task=nonsense", "?since=yesterday", "?until=2026-02-31",
            "?since=0001-01-01", "?until=9999-12-31", "?text=%00", "?text=" + "x" * 5000,
            "?status=%27%3B--",
        ],
    )  # fmt: skip
    def test_bad_input_is_no_error(self, client: Client, alice: User, query: str) -> None:
        make.make_call(alice)
        page(client, query)

    def test_says_when_nothing_matches_and_offers_all(self, client: Client, alice: User) -> None:
        make.make_call(alice)
        html = page(client, "?task=code")
        assert "No request matches these filters." in html
        assert "Show all" in html
        assert "No requests yet" not in html

    def test_sorting_keeps_the_filter(self, client: Client, alice: User) -> None:
        make.make_call(alice)
        assert "task=general" in re.search(r'href="(\?[^"]*sort=[^"]*)"',
                                           page(client, "?task=general"))[1]  # fmt: skip


class TestTheReceipt:
    def test_explains_the_choice(
        self, client: Client, alice: User, models: list[LanguageModel]
    ) -> None:
        decision = make.make_decision(alice, models=models)
        make.make_call(alice, models[0], decision=decision)
        html = receipt_of(client, decision)
        rows = re.findall(r"<tr[^>]*>.*?</tr>", html, re.DOTALL)
        chosen = next(row for row in rows if 'class="chosen"' in row)
        dropped = next(row for row in rows if 'class="dropped"' in row)
        assert text_of(chosen).startswith("LLaMA 3.3 70B Chosen 88 +15 103")
        assert "Its quality is below the floor." in dropped
        assert "Best quality match for general tasks within budget" in html

    def test_breaks_down_the_cost(self, client: Client, alice: User) -> None:
        call = make.make_call(
            alice, cost_nanos=90_000, estimated_nanos=80_000, reserved_nanos=640_000,
            input_tokens=1_040, cached_tokens=1_000, output_tokens=2_200, reasoning_tokens=150,
        )  # fmt: skip
        text = text_of(receipt_of(client, call.decision))
        for part in (
            "Estimated $0.00008", "Held $0.00064", "Actual $0.00009", "Variance +12.5 %",
            "Input tokens 1,040 (1,000 cached)", "Output tokens 2,200 (150 reasoning)",
            "Token counts as the provider reported",
        ):  # fmt: skip
            assert part in text

    def test_shows_every_attempt_and_what_went_wrong(
        self, client: Client, alice: User, models: list[LanguageModel]
    ) -> None:
        first = make.make_call(
            alice, models[0], outcome="presumed", cost_nanos=640_000, reserved_nanos=640_000,
            failure_kind="timeout", failure_detail="no first token within 30 s",
        )  # fmt: skip
        make.make_call(alice, models[1], decision=first.decision, cost_nanos=60_000)
        text = text_of(receipt_of(client, first.decision))
        assert "The provider took too long." in text
        assert "No first token within 30 s" in text
        assert "Unknown: the full amount held was booked" in text
        assert "Earlier attempts $0.00064 Total $0.0007" in text

    def test_of_one_still_running(self, client: Client, alice: User) -> None:
        call = make.make_call(alice, outcome="running")
        text = text_of(receipt_of(client, call.decision))
        assert "Actual not known yet" in text
        assert "The answer is still being written." in text

    def test_of_one_that_never_left(self, client: Client, alice: User) -> None:
        call = make.make_call(alice, outcome="failed", sent=False, failure_kind="connect")
        text = text_of(receipt_of(client, call.decision))
        assert "Never sent The provider could not be reached." in text
        unheld = make.make_decision(alice)
        assert "Nothing was held and nothing was charged." in receipt_of(client, unheld)

    def test_names_overage_and_corrections(self, client: Client, alice: User) -> None:
        call = make.make_call(alice, cost_nanos=100_000, reserved_nanos=70_000)
        make.correct_call(call, -20_000)
        text = text_of(receipt_of(client, call.decision))
        assert "Actual $0.00008" in text
        assert "Overage $0.00003" in text
        assert "Corrected later by -$0.00002" in text

    def test_names_key_and_prompt(self, client: Client, alice: User) -> None:
        key = make.make_key(alice, name="laptop", prefix="br_12345")
        decision = make.make_decision(alice, api_key=key, prompt="<b>bold</b>\nline")
        make.make_call(alice, decision=decision)
        html = client.get(reverse("receipt", args=[decision.pk])).content.decode()
        assert "br_12345" in html
        assert "&lt;b&gt;bold&lt;/b&gt;<br>line" in html

    @pytest.mark.parametrize("face", RoutingDecision.Face)
    def test_says_through_which_door_it_came(
        self, client: Client, alice: User, face: RoutingDecision.Face
    ) -> None:
        decision = make.make_decision(alice, face=face)
        make.make_call(alice, decision=decision)
        assert "Through" in receipt_of(client, decision)

    def test_leads_back_to_the_conversation(self, client: Client, alice: User) -> None:
        call = make.make_call(alice)
        answer = make.make_exchange(alice, "what?", decision=call.decision)
        html = receipt_of(client, call.decision)
        assert reverse("chat_conversation", args=[answer.conversation_id]) in html
        assert "what?" in html
        answer.conversation.delete()
        assert "what?" not in receipt_of(client, call.decision)


class TestAccess:
    def test_strangers_see_nothing(self, client: Client, alice: User) -> None:
        call = make.make_call(alice)
        make.make_exchange(alice, "my secret", decision=call.decision)
        stranger = make.make_user("charlie")
        admin = make.make_user("root", is_staff=True, is_superuser=True)
        for person in (stranger, admin):
            client.force_login(person)
            assert listed(client) == []
            assert listed(client, "?text=secret") == []
            assert client.get(reverse("receipt", args=[call.decision_id])).status_code == 404

    def test_needs_signing_in(self, client: Client, alice: User) -> None:
        decision = make.make_call(alice).decision
        client.logout()
        for url in (reverse("history"), reverse("receipt", args=[decision.pk])):
            response = client.get(url)
            assert response.status_code == 302
            assert response["Location"].startswith(reverse("account_login"))
