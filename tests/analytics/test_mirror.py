"""The request log: what a line says, that none is lost or doubled, that it can be made again."""

import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from router_app.analytics import mirror
from router_app.analytics.mirror import logfile, outbox
from router_app.models import ClosedCall, RoutingDecision
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "requests.jsonl"


def lines_of(log: Path) -> list[dict]:
    return [json.loads(line, parse_float=Decimal) for line in log.read_bytes().splitlines()]


def calls_in(log: Path) -> list[str]:
    return [line["call"] for line in lines_of(log)]


def closed_calls() -> list[str]:
    return [str(pk) for pk in ClosedCall.objects.order_by("pk").values_list("call", flat=True)]


class TestALine:
    def test_says_what_was_asked_and_what_it_cost(self, log: Path) -> None:
        alice = make.make_user("alice")
        key = make.make_key(alice)
        model = make.make_model("openai/gpt-oss-20b")
        decision = make.make_decision(alice, models=[model], task_type="code", api_key=key)
        call = make.make_call(
            alice, model, decision=decision, cost_nanos=62_001, estimated_nanos=60_000,
            reserved_nanos=640_000, cached_tokens=8, reasoning_tokens=12, milliseconds=734,
            at=datetime(2026, 11, 5, 12, 0, 0, 500_000, tzinfo=UTC),
        )  # fmt: skip
        assert mirror.write_pending(log) == 1
        assert lines_of(log) == [
            {
                "at": "2026-11-05T12:00:01.234Z",
                "id": str(decision.pk),
                "call": str(call.pk),
                "attempt": 1,
                "user": alice.pk,
                "key": key.prefix,
                "face": "route",
                "provider": "demo",
                "model": "openai/gpt-oss-20b",
                "task_type": "code",
                "quality": "medium",
                "quality_met": True,
                "outcome": "answered",
                "failure_kind": None,
                "finish_reason": "stop",
                "input_tokens": 40,
                "cached_tokens": 8,
                "output_tokens": 200,
                "reasoning_tokens": 12,
                "usage_source": "reported",
                "estimated_cost": Decimal("0.00006"),
                "reserved": Decimal("0.00064"),
                "actual_cost": Decimal("0.000062001"),
                "variance_percent": Decimal("3.3"),
                "milliseconds": 734,
            }
        ]

    def test_amounts_are_json_numbers_with_every_digit(self, log: Path) -> None:
        make.make_call(make.make_user(), cost_nanos=1, reserved_nanos=9_007_199_254_740_993)
        mirror.write_pending(log)
        text = log.read_text()
        assert '"actual_cost":0.000000001,' in text
        assert '"reserved":9007199.254740993,' in text

    def test_has_no_prompt_unless_one_is_stored(self, log: Path) -> None:
        alice = make.make_user()
        make.make_exchange(alice, "a chat prompt", decision=make.make_call(alice).decision)
        stored = make.make_decision(alice, prompt="store me")
        make.make_call(alice, decision=stored)
        mirror.write_pending(log)
        first, second = lines_of(log)
        assert "prompt" not in first
        assert second["prompt"] == "store me"
        assert "a chat prompt" not in log.read_text()

    @pytest.mark.parametrize(
        "prompt",
        [
            "a\nb\r\nc", "line\u2028and\u2029paragraph", "\x1b[2J\x07\x7f\x85\x9b", '"}\n{"call":',
            "日本語 🦊", "\\u0000 \\n", "nul-free \x01\x1f", "\ufeff\u202e",
        ],
    )  # fmt: skip
    def test_stays_one_ascii_line_whatever_the_prompt_holds(self, log: Path, prompt: str) -> None:
        alice = make.make_user()
        for _ in range(2):
            make.make_call(alice, decision=make.make_decision(alice, prompt=prompt))
        mirror.write_pending(log)
        raw = log.read_bytes()
        assert raw.isascii()
        assert raw.startswith(logfile.BEGINNING)
        assert not any(byte < 0x20 or byte == 0x7F for byte in raw.replace(b"\n", b""))
        assert len(raw.decode().splitlines()) == 2
        assert [line["prompt"] for line in lines_of(log)] == [prompt, prompt]

    def test_a_call_never_sent_and_a_failed_one_say_so(self, log: Path) -> None:
        alice = make.make_user()
        make.make_call(alice, outcome="failed", sent=False, failure_kind="connect")
        make.make_call(alice, outcome="presumed", reserved_nanos=500, cost_nanos=500)
        mirror.write_pending(log)
        unsent, presumed = lines_of(log)
        assert (unsent["milliseconds"], unsent["failure_kind"]) == (None, "connect")
        assert (unsent["actual_cost"], unsent["usage_source"]) == (0, None)
        assert (presumed["outcome"], presumed["usage_source"]) == ("presumed", "presumed")

    @pytest.mark.parametrize(
        "receipt",
        [[], {}, {"candidates": None}, {"candidates": [{"id": 7}], "floor": "high"}, {"chosen": 1}],
    )
    def test_a_receipt_of_another_shape_names_no_model(self, log: Path, receipt: object) -> None:
        alice, model = make.make_user(), make.make_model("its/name")
        decision = make.make_decision(alice, receipt=receipt, quality_met=False)
        make.make_call(alice, model, decision=decision)
        mirror.write_pending(log)
        [line] = lines_of(log)
        assert (line["provider"], line["model"]) == ("demo", "its/name")
        assert line["quality_met"] is False

    def test_the_model_is_called_as_the_receipt_knew_it(self, log: Path) -> None:
        alice, model = make.make_user(), make.make_model("its/name")
        receipt = make.make_receipt([model])
        receipt["candidates"][0].update(id="its/old name", provider="old")
        receipt["floor"] = 99
        make.make_call(alice, model, decision=make.make_decision(alice, receipt=receipt))
        mirror.write_pending(log)
        [line] = lines_of(log)
        assert (line["provider"], line["model"]) == ("old", "its/old name")
        assert line["quality_met"] is False

    def test_a_running_call_has_none(self, log: Path) -> None:
        make.make_call(make.make_user(), outcome="running")
        assert mirror.write_pending(log) == 0


class TestNothingIsLostOrDoubled:
    def test_each_call_has_one_line_in_the_order_of_closing(self, log: Path) -> None:
        alice = make.make_user()
        for _ in range(3):
            make.make_call(alice)
        assert mirror.write_pending(log) == 3
        make.make_call(alice)
        assert mirror.write_pending(log) == 1
        assert mirror.write_pending(log) == 0
        assert calls_in(log) == closed_calls()
        assert list(ClosedCall.objects.order_by("pk").values_list("line", flat=True)) == [
            1,
            2,
            3,
            4,
        ]

    def test_more_than_one_append_holds(self, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbox, "MOST_LINES", 2)
        monkeypatch.setattr(outbox, "MOST_BYTES", 700)
        alice = make.make_user()
        for _ in range(7):
            make.make_call(alice)
        assert mirror.write_pending(log) == 7
        assert calls_in(log) == closed_calls()

    def test_a_crash_after_appending_does_not_write_lines_twice(
        self, log: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = make.make_user()
        make.make_call(alice)
        mirror.write_pending(log)
        for _ in range(5):
            make.make_call(alice)
        with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
            broken.setattr(outbox, "_number", _dies_when_given_rows)
            mirror.write_pending(log)
        assert len(lines_of(log)) == 6
        assert mirror.lag().pending == 5
        make.make_call(alice)
        assert mirror.write_pending(log) == 6
        assert calls_in(log) == closed_calls()
        assert mirror.lag().pending == 0

    def test_a_crash_in_the_middle_of_an_append_leaves_whole_lines_once(
        self, log: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = make.make_user()
        for _ in range(4):
            make.make_call(alice)
        with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
            broken.setattr(logfile, "_write_all", _writes_two_and_a_half_lines_and_dies)
            mirror.write_pending(log)
        assert log.read_bytes().count(b"\n") == 2
        assert mirror.write_pending(log) == 4
        assert calls_in(log) == closed_calls()

    @pytest.mark.parametrize("cut", [1, 2, 60, 400])
    def test_a_torn_last_line_is_repaired_and_restored(self, log: Path, cut: int) -> None:
        alice = make.make_user()
        for _ in range(3):
            make.make_call(alice)
        mirror.write_pending(log)
        whole = log.read_bytes()
        os.truncate(log, len(whole) - cut)
        assert mirror.write_pending(log) == 0
        assert log.read_bytes() == whole

    def test_a_torn_only_line_is_restored(self, log: Path) -> None:
        make.make_call(make.make_user())
        mirror.write_pending(log)
        whole = log.read_bytes()
        os.truncate(log, 200)
        mirror.write_pending(log)
        assert log.read_bytes() == whole

    @pytest.mark.parametrize("junk", [b"\0" * 5000, b'{"call": 1}\n', b"half a li", b"\r\n\n\n"])
    def test_junk_behind_the_last_line_is_cut(self, log: Path, junk: bytes) -> None:
        alice = make.make_user()
        make.make_call(alice)
        mirror.write_pending(log)
        with log.open("ab") as file:
            file.write(junk)
        make.make_call(alice)
        assert mirror.write_pending(log) == 1
        assert calls_in(log) == closed_calls()

    def test_a_rotated_file_is_not_written_again(self, log: Path) -> None:
        alice = make.make_user()
        make.make_call(alice)
        mirror.write_pending(log)
        log.rename(log.with_suffix(".1"))
        make.make_call(alice)
        assert mirror.write_pending(log) == 1
        assert calls_in(log) == closed_calls()[1:]

    @pytest.mark.parametrize(
        "content",
        [
            b"My diary\nDay one\n", b'{"name": "settings"}', b"\x7fELF" + b"x" * 200_000,
            b'{"at":"noon"}\n{"at":"night"}\n',
        ],
    )  # fmt: skip
    def test_a_file_that_is_not_ours_is_left_alone(self, log: Path, content: bytes) -> None:
        make.make_call(make.make_user())
        log.parent.mkdir()
        log.write_bytes(content)
        with pytest.raises(mirror.NotARequestLog):
            mirror.write_pending(log)
        assert log.read_bytes() == content
        assert mirror.lag().pending == 1

    @pytest.mark.parametrize("content", [b"", b"{", b'{"at":"2026-', b"\0" * 70_000])
    def test_a_torn_beginning_is_no_foreign_file(self, log: Path, content: bytes) -> None:
        make.make_call(make.make_user())
        log.parent.mkdir()
        log.write_bytes(content)
        assert mirror.write_pending(log) == 1
        assert calls_in(log) == closed_calls()

    def test_a_very_long_line_is_found_again(self, log: Path) -> None:
        alice = make.make_user()
        make.make_call(alice, decision=make.make_decision(alice, prompt="ü" * 100_000))
        mirror.write_pending(log)
        os.truncate(log, log.stat().st_size - 5)
        make.make_call(alice)
        mirror.write_pending(log)
        assert calls_in(log) == closed_calls()


class TestADiskThatSaysNo:
    def test_a_full_disk_loses_nothing(self, log: Path) -> None:
        alice = make.make_user()
        make.make_call(alice)
        mirror.write_pending(log)
        before = log.read_bytes()
        for _ in range(20):
            make.make_call(alice)
        with pytest.MonkeyPatch.context() as full:
            full.setattr(logfile, "_write_all", _disk_full_after(1000))
            with pytest.raises(OSError, match="No space left"):
                mirror.write_pending(log)
        assert log.read_bytes() == before
        assert mirror.lag().pending == 20
        assert mirror.write_pending(log) == 20
        assert calls_in(log) == closed_calls()

    def test_a_folder_that_cannot_be_made_loses_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "logs").write_text("a file where the folder should be")
        make.make_call(make.make_user())
        with pytest.raises(OSError):
            mirror.write_pending(tmp_path / "logs" / "requests.jsonl")
        (tmp_path / "logs").unlink()
        assert mirror.write_pending(tmp_path / "logs" / "requests.jsonl") == 1

    def test_the_lag_tells_how_long_lines_wait(self, log: Path) -> None:
        assert mirror.lag() == mirror.Lag(0, 0.0)
        make.make_call(make.make_user(), at=datetime(2026, 1, 1, tzinfo=UTC))
        assert mirror.lag().pending == 1
        assert mirror.lag().oldest_seconds > 3600


class TestRebuild:
    def test_gives_the_same_file_byte_for_byte(self, log: Path) -> None:
        alice = make.make_user("alice")
        models = list(make.make_catalogue().values())
        for model in models:
            make.make_call(alice, model)
        make.make_call(alice, outcome="failed")
        mirror.write_pending(log)
        whole = log.read_bytes()
        log.unlink()
        assert mirror.rebuild(log) == 5
        assert log.read_bytes() == whole

    def test_keeps_the_order_of_the_file_not_of_the_ids(self, log: Path) -> None:
        alice = make.make_user()
        late = ClosedCall.objects.get(call=make.make_call(alice))
        ClosedCall.objects.filter(pk=late.pk).update(id=late.pk + 1000)
        make.make_call(alice)
        mirror.write_pending(log)
        whole = log.read_bytes()
        ClosedCall.objects.filter(pk=late.pk + 1000).update(id=late.pk)
        mirror.rebuild(log)
        assert log.read_bytes() == whole

    def test_is_not_moved_by_what_changes_later(self, log: Path) -> None:
        alice = make.make_user("alice")
        model, other = make.make_model("a/model"), make.make_model("other", quality=10)
        first = make.make_call(alice, model)
        mirror.write_pending(log)
        whole = log.read_bytes()
        make.correct_call(first, -500)
        RoutingDecision.objects.filter(pk=first.decision_id).update(
            quality_met=False, outcome="failed"
        )
        alice.username = "alicia"
        alice.save()
        model.model_id, model.name, model.quality = "renamed", "Renamed", 1
        model.save()
        make.make_call(alice, other, decision=first.decision)
        mirror.rebuild(log)
        assert log.read_bytes().startswith(whole)
        assert len(lines_of(log)) == 2

    def test_takes_in_what_is_due_and_numbers_it(self, log: Path) -> None:
        alice = make.make_user()
        for _ in range(3):
            make.make_call(alice)
        assert mirror.rebuild(log) == 3
        assert mirror.write_pending(log) == 0
        assert calls_in(log) == closed_calls()

    def test_that_fails_leaves_the_old_file(
        self, log: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make.make_call(make.make_user())
        mirror.write_pending(log)
        whole = log.read_bytes()
        with monkeypatch.context() as full, pytest.raises(OSError):
            full.setattr(logfile.os, "fsync", _no_space)
            mirror.rebuild(log)
        assert log.read_bytes() == whole
        assert sorted(path.name for path in log.parent.iterdir()) == [log.name, f"{log.name}.lock"]


class TestTheCommand:
    def test_writes_what_is_due(self, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
        make.make_call(make.make_user())
        call_command("mirror_log", path=log)
        assert capsys.readouterr().out == f"Added to {log}: 1 line.\n"
        call_command("mirror_log", path=log, rebuild=True)
        assert capsys.readouterr().out == f"Rebuilt {log}: 1 line.\n"

    def test_fails_in_words(self, tmp_path: Path) -> None:
        make.make_call(make.make_user())
        with pytest.raises(CommandError, match="was not written"):
            call_command("mirror_log", path=tmp_path)


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path: Path) -> None:
    """The system's own refusal, in a process of its own: part of the write goes through."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100)
    code = f"""
        import pathlib, resource
        from router_app.analytics.mirror import logfile
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            logfile.append(pathlib.Path({str(log)!r}), b"y" * 5000)
        except OSError as refused:
            print("refused", refused.errno)
    """
    setup = "import django; django.setup()\n"
    ran = subprocess.run(
        [sys.executable, "-c", setup + textwrap.dedent(code)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith("refused")
    assert log.read_bytes() == b"x" * 100


def _dies_when_given_rows(closings: list[ClosedCall]) -> int:
    if list(closings):
        raise KeyboardInterrupt
    return 0


def _writes_two_and_a_half_lines_and_dies(descriptor: int, data: bytes) -> None:
    second = data.index(b"\n", data.index(b"\n") + 1)
    os.write(descriptor, data[: second + 100])
    raise KeyboardInterrupt


def _disk_full_after(room: int):
    def write(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:room])
        _no_space()

    return write


def _no_space(*args: object) -> None:
    raise OSError(28, "No space left on device")
