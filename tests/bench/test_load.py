"""The load generator on the fake upstream, over real sockets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bench.load import GaveUp, Job, Load
from bench.measure import Upstream
from bench.replies import Expected

BODY = '{"model": "m", "messages": [{"role": "user", "content": "####"}]}'
STREAM = '{"model": "m", "stream": true, "messages": [{"role": "user", "content": "####"}]}'


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    started = Upstream(tmp_path_factory.mktemp("upstream"))
    yield started
    started.stop()


def load(
    capsys: pytest.CaptureFixture[str], url: str, body: str, expected: Expected
) -> dict[str, Any]:
    Load(
        Job(
            url=url,
            body=body,
            connections=4,
            seconds=20,
            warmup=0,
            requests=40,
            expected=expected,
        )
    ).run()
    figures: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return figures


def test_every_right_answer_is_counted(
    upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = load(capsys, f"{upstream.url}/chat/completions", BODY, Expected())

    assert figures["answered"] >= 40
    assert figures["errors"] == 0
    assert figures["latency_ms"]["p50"] > 0


def test_the_words_of_a_stream_are_timed(
    upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.behave("chunks=3&chunk_delay_ms=2")
    figures = load(capsys, f"{upstream.url}/chat/completions", STREAM, Expected(3, streamed=True))
    upstream.behave("chunks=20&chunk_delay_ms=0")

    assert figures["errors"] == 0
    assert 0 < figures["first_word_ms"]["p50"] < figures["latency_ms"]["p50"]
    assert figures["gap_ms"]["p50"] > 0


def test_wrong_answers_are_errors_and_no_answers(
    upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GaveUp, match="status 404"):
        load(capsys, f"{upstream.url}/nowhere", BODY, Expected())
