"""The numbers are right: over threads, over processes, and in the text that Prometheus reads."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from budgetrouter.serving.install import ROOT
from router_app.analytics import metrics
from router_app.analytics.metrics import exposition, recording, sharing
from router_app.analytics.metrics.families import FAMILIES, TOKENS, Gauge
from router_app.analytics.metrics.tally import MOST_CELLS, OTHER

WAITING = "budget_router_writer_waiting"
CALLED = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "groq",
    "gen_ai_request_model": "openai/gpt-oss-20b",
}


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    recording.forget()
    yield
    recording.forget()
    sharing.stop()


def samples(numbers: sharing.Numbers | None = None) -> dict[tuple[str, frozenset[Any]], float]:
    """What the text says, by name and labels."""
    counted = numbers.counted if numbers else recording.snapshot()
    text, _ = exposition.text(counted, [])
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float | None:
    return samples().get((name, frozenset(labels.items())))


def a_call(**said: Any) -> None:
    facts: dict[str, Any] = {
        "model": "openai/gpt-oss-20b",
        "provider": "groq",
        "outcome": "answered",
        "error": "",
        "seconds": 0.5,
        "first_token_seconds": 0.1,
        "usage_input": 100,
        "usage_output": 40,
        "cost_nanos": 1_234,
    }
    metrics.call_ended(**{**facts, **said})


class TestWhatACallLeaves:
    def test_its_time_tokens_and_cost(self) -> None:
        a_call()
        a_call(seconds=3.0, usage_output=60, cost_nanos=2_000_000_000)

        timed = {**CALLED, "error_type": ""}
        assert value("gen_ai_client_operation_duration_seconds_count", **timed) == 2
        assert value("gen_ai_client_operation_duration_seconds_sum", **timed) == 3.5
        assert value("gen_ai_client_operation_duration_seconds_bucket", le="0.64", **timed) == 1
        assert value("gen_ai_client_operation_duration_seconds_bucket", le="+Inf", **timed) == 2
        for kind, tokens in (("input", 200), ("output", 100)):
            used = {**CALLED, "gen_ai_token_type": kind}
            assert value("gen_ai_client_token_usage_sum", **used) == tokens
        assert value(
            "budget_router_cost_usd_total",
            gen_ai_provider_name="groq",
            gen_ai_request_model="openai/gpt-oss-20b",
        ) == pytest.approx(2.000001234)

    def test_without_a_first_token_none_is_timed(self) -> None:
        a_call(first_token_seconds=None)
        a_call(first_token_seconds=0.2)

        name = "gen_ai_client_operation_time_to_first_chunk_seconds"
        assert value(f"{name}_count", **CALLED) == 1
        assert value(f"{name}_sum", **CALLED) == 0.2

    def test_without_usage_no_tokens_are_counted(self) -> None:
        a_call(outcome="failed", error="timeout", usage_input=0, usage_output=0, cost_nanos=0)

        used = {**CALLED, "gen_ai_token_type": "input"}
        assert value("gen_ai_client_token_usage_count", **used) == 0
        failed = {**CALLED, "error_type": "timeout"}
        assert value("gen_ai_client_operation_duration_seconds_count", **failed) == 1


def test_a_value_on_a_bound_is_within_it() -> None:
    a_call(usage_input=TOKENS[3])

    used = {**CALLED, "gen_ai_token_type": "input"}
    assert value("gen_ai_client_token_usage_bucket", le="16.0", **used) == 0
    assert value("gen_ai_client_token_usage_bucket", le="64.0", **used) == 1


def test_what_a_person_called_a_budget_is_no_label() -> None:
    metrics.request_refused("route", "budget_exceeded", "Alice's holiday money")
    metrics.request_refused("route", "budget_exceeded", "request")
    metrics.request_refused("v1", "rate_limit_exceeded")

    text, _ = exposition.text(recording.snapshot(), [])
    assert b"holiday" not in text
    for budget in ("account", "request"):
        labels = {"face": "route", "code": "budget_exceeded", "budget": budget}
        assert value("budget_router_refusals_total", **labels) == 1


def test_a_method_that_a_stranger_made_up_is_no_label() -> None:
    metrics.http_request_ended("BREW", "/route", 405, 0.1)

    labels = {
        "http_request_method": "_OTHER",
        "http_route": "/route",
        "http_response_status_code": "405",
    }
    assert value("http_server_request_duration_seconds_count", **labels) == 1


def test_nothing_is_lost_between_threads() -> None:
    def work() -> None:
        for _ in range(2_000):
            a_call()
            metrics.request_ended("route", "answered", 0.1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value("budget_router_requests_total", face="route", outcome="answered") == 16_000
    timed = {**CALLED, "error_type": ""}
    assert value("gen_ai_client_operation_duration_seconds_count", **timed) == 16_000


def test_labels_that_never_end_fill_no_memory() -> None:
    for number in range(MOST_CELLS + 500):
        a_call(model=f"model-{number}")
        metrics.retried(f"model-{number}")

    assert all(len(cells) <= MOST_CELLS + 1 for cells in recording.snapshot().values())
    assert len(recording._calls) <= MOST_CELLS
    assert value("budget_router_retries_total", gen_ai_request_model=OTHER) == 500


class TestText:
    def test_every_family_is_said_in_both_formats(self) -> None:
        a_call()
        metrics.batch_committed(3, 1)
        gauges = [
            Gauge("budget_router_reserved_usd", "Held.", {"": 0.5}),
            Gauge("budget_router_reservations", "Open.", {"held": 1, "sent": 2}, label="state"),
        ]
        wanted = {family.name for family in FAMILIES} | {gauge.name for gauge in gauges}

        plain, plain_type = exposition.text(recording.snapshot(), gauges)
        said = {family.name for family in text_string_to_metric_families(plain.decode())}
        assert said == wanted
        assert plain_type.startswith("text/plain; version=0.0.4")

        asked = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        opened, opened_type = exposition.text(recording.snapshot(), gauges, accept=asked)
        assert {family.name for family in openmetrics_families(opened.decode())} == wanted
        assert opened_type.startswith("application/openmetrics-text")

    @pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=abc", ";,;=", "é"])
    def test_whatever_is_asked_for_gets_text(self, accept: str) -> None:
        assert exposition.text(recording.snapshot(), [], accept=accept)[1].startswith("text/plain")

    def test_names_are_spelled_as_the_conventions_want(self) -> None:
        ours = ("budget_router_", "gen_ai_", "http_server_")
        assert all(family.name.startswith(ours) for family in FAMILIES)
        assert all(family.help.endswith(".") for family in FAMILIES)


# Another worker: counts so much, says when that is published, lives until its input ends.
SIBLING = """
import sys
from pathlib import Path
from router_app.analytics import metrics
from router_app.analytics.metrics import sharing

for _ in range(int(sys.argv[2])):
    metrics.request_ended("route", "answered", 0.1)
sharing.start(Path(sys.argv[1]), lambda: {"budget_router_writer_waiting": 5.0})
sharing._place.publish()
print("published", flush=True)
sys.stdin.read()
"""


class TestSeveralProcesses:
    @pytest.fixture
    def siblings(self, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
        command = [sys.executable, "-c", SIBLING, str(tmp_path)]
        running = [
            subprocess.Popen(
                [*command, str(count)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for count in (3, 4)
        ]
        for process in running:
            assert process.stdout is not None and process.stdout.readline() == "published\n"
        yield running
        for process in running:
            process.kill()
            process.communicate()

    def test_counters_and_gauges_add_up(
        self, siblings: list[subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        metrics.request_ended("route", "answered", 0.1)
        sharing.start(tmp_path, lambda: {WAITING: 1.0})

        numbers = sharing.numbers(dict)
        assert answered(numbers) == 8
        assert numbers.gauges == {WAITING: 11.0}

    def test_who_has_died_still_counts_but_has_nothing_in_line(
        self, siblings: list[subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        sharing.start(tmp_path, lambda: {WAITING: 1.0})
        siblings[0].kill()
        siblings[0].wait()
        sharing.worker_ended(tmp_path, siblings[0].pid)

        numbers = sharing.numbers(dict)
        assert answered(numbers) == 7
        assert numbers.gauges == {WAITING: 6.0}

    def test_who_ends_leaves_what_it_counted_last(self, tmp_path: Path) -> None:
        sharing.start(tmp_path, dict)
        sharing.numbers(dict)
        metrics.request_ended("route", "answered", 0.1)
        sharing.stop()

        assert answered(after_all(tmp_path)) == 1

    def test_what_one_has_said_the_next_does_not_take_back(self, tmp_path: Path) -> None:
        # Else Prometheus takes the smaller number for a restart, and counts all of it again.
        sharing.start(tmp_path, dict)
        metrics.request_ended("route", "answered", 0.1)
        said = answered(sharing.numbers(dict))

        assert said == 1
        assert answered(after_all(tmp_path)) == said

    def test_a_full_disk_costs_no_answer(self, tmp_path: Path) -> None:
        folder = tmp_path / "gone"
        sharing.start(folder, lambda: {WAITING: 2.0})
        metrics.request_ended("route", "answered", 0.1)

        numbers = sharing.numbers(dict)
        assert answered(numbers) == 1
        assert numbers.gauges == {WAITING: 2.0}

    def test_files_are_replaced_whole(self, tmp_path: Path) -> None:
        sharing.start(tmp_path, dict)
        sharing.numbers(dict)
        (mine,) = tmp_path.glob("*.json")
        before = mine.open("rb")
        metrics.request_ended("route", "answered", 0.1)
        sharing.numbers(dict)

        with before:  # whoever was reading reads on in the old one
            assert json.load(before)[0]["budget_router_requests"] == []
        assert mine.name.startswith(f"{os.getpid()}-")


def answered(numbers: sharing.Numbers) -> float:
    labels = {"face": "route", "outcome": "answered"}
    return samples(numbers).get(("budget_router_requests_total", frozenset(labels.items())), 0.0)


def after_all(folder: Path) -> sharing.Numbers:
    """What a later worker, which counted nothing, would answer."""
    return sharing.added_up(json.loads(path.read_bytes()) for path in folder.glob("*.json"))
