"""A real server that misbehaves: each way must end in the right failure, soon, leaving nothing."""

import asyncio

import pytest

from router_app.providers.base import (
    Billing,
    FailureKind,
    Limits,
    Usage,
)
from router_app.providers.openai_compatible import OpenAICompatible
from tests.providers import behaviours
from tests.providers.calling import PATIENT, SHORT, a_request, call, drain
from tests.providers.hostile import HostileUpstream, dead_url

K, FREE, MAYBE = FailureKind, Billing.NOT_BILLED, Billing.UNKNOWN

# behaviour → kind, billing, may the same model be asked again, a word of the detail
FAILURES = {
    "closes_before_headers": (K.BROKEN_STREAM, MAYBE, True, "before it answered"),
    "closes_mid_headers": (K.BROKEN_STREAM, MAYBE, True, "before it answered"),
    "resets_before_headers": (K.BROKEN_STREAM, MAYBE, True, "before it answered"),
    "half_body": (K.BROKEN_STREAM, MAYBE, True, "broke in the middle"),
    "not_http": (K.PROTOCOL, MAYBE, False, "not HTTP"),
    "garbage": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "garbage_whole": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "html_502": (K.SERVER, MAYBE, True, "HTTP 502"),
    "html_200": (K.PROTOCOL, MAYBE, False, "neither a stream nor JSON"),
    "error_in_200": (K.PROTOCOL, MAYBE, False, "inside its answer"),
    "empty_200": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "empty_stream": (K.BROKEN_STREAM, MAYBE, True, "without an end"),
    "no_content": (K.PROTOCOL, MAYBE, False, "HTTP 204"),
    "redirects": (K.PROTOCOL, FREE, False, "HTTP 302"),
    "slow_headers": (K.TIMEOUT, MAYBE, False, "'first token' of 0.4 s"),
    "slow_first_token": (K.TIMEOUT, MAYBE, False, "'first token' of 0.4 s"),
    "slow_between_tokens": (K.TIMEOUT, MAYBE, False, "'between tokens' of 0.4 s"),
    "trickles_comments": (K.TIMEOUT, MAYBE, False, "'first token' of 0.4 s"),
    "endless_comments": (K.PROTOCOL, MAYBE, False, "4,000,000 bytes"),
    "endless_tokens": (K.PROTOCOL, MAYBE, False, "4,000,000 bytes"),
    "line_of_2_mb": (K.PROTOCOL, MAYBE, False, "1,000,000 bytes"),
    "body_of_10_mb": (K.PROTOCOL, MAYBE, False, "4,000,000 bytes"),
    "error_of_10_mb": (K.SERVER, MAYBE, True, "HTTP 500"),
    "error_of_100_kb": (K.REJECTED, FREE, False, "HTTP 400"),
    "no_finish_no_done": (K.BROKEN_STREAM, MAYBE, False, "without an end"),
    "error_mid_stream": (K.SERVER, MAYBE, False, "failed"),
    "error_event": (K.PROTOCOL, MAYBE, False, "inside its answer"),
    "error_in_x_groq": (K.PROTOCOL, MAYBE, False, "inside its answer"),
    "closes_mid_stream": (K.BROKEN_STREAM, MAYBE, False, "broke in the middle"),
    "cut_mid_event": (K.BROKEN_STREAM, MAYBE, False, "cut"),
    "gzip_bomb": (K.PROTOCOL, MAYBE, False, "compressed"),
    "deeply_nested": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "null_choices": (K.PROTOCOL, MAYBE, False, "not an object"),
    "busy": (K.OVERLOADED, FREE, True, "HTTP 429"),
    "unavailable": (K.OVERLOADED, MAYBE, True, "HTTP 503"),
    "sets_cookie": (K.OVERLOADED, MAYBE, True, "HTTP 503"),
    "fails": (K.SERVER, MAYBE, True, "HTTP 500"),
    "model_not_found": (K.MODEL_GONE, FREE, False, "no longer has"),
    "decommissioned": (K.MODEL_GONE, FREE, False, "no longer has"),
    "bad_key": (K.CREDENTIALS, FREE, False, "refused our key"),
    "cut_in_chunks": (K.BROKEN_STREAM, MAYBE, True, "broke in the middle"),
    "cut_until_closed": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "length_too_small": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "length_of_no_number": (K.PROTOCOL, MAYBE, False, "not HTTP"),
    "two_lengths": (K.PROTOCOL, MAYBE, False, "not HTTP"),
    "head_of_1_mb": (K.PROTOCOL, MAYBE, False, "too large a head"),
    "breaks_while_calling": (K.BROKEN_STREAM, MAYBE, False, "without an end"),
    "calls_nested_deeply": (K.PROTOCOL, MAYBE, False, "not JSON"),
    "output_not_as_asked": (K.REJECTED, MAYBE, False, "did not fit"),
    "out_of_money": (K.OUT_OF_MONEY, FREE, False, "no money"),
    "too_long": (K.TOO_LONG, FREE, False, "too long"),
}

TRUE_USAGE = Usage(behaviours.INPUT_TOKENS, len(behaviours.TEXT))
HELLO = "".join(behaviours.TEXT)

# behaviour → text, usage, finish reason
ANSWERS = {
    "answers": (HELLO, TRUE_USAGE, "stop"),
    "answers_whole": (HELLO, TRUE_USAGE, "stop"),
    "answers_thinking": ("", Usage(20, 2), "length"),
    "thinking_whole": ("", TRUE_USAGE, "length"),
    "finish_without_usage": (HELLO, None, "stop"),
    "finish_then_silence": (HELLO, TRUE_USAGE, "stop"),
    "usage_negative": (HELLO, None, "stop"),
    "usage_strings": (HELLO, None, "stop"),
    "usage_huge": (HELLO, None, "stop"),
    "usage_subset_too_large": (HELLO, TRUE_USAGE, "stop"),
    "invalid_utf8": ("a�b", None, "stop"),
    "unstorable_text": ("a�b�c", None, "stop"),
    "data_after_done": (HELLO, None, "stop"),
    "whole_in_chunks": (HELLO, TRUE_USAGE, "stop"),
    "whole_until_closed": (HELLO, TRUE_USAGE, "stop"),
    "whole_said_to_close": (HELLO, TRUE_USAGE, "stop"),
    "whole_filtered": ("", TRUE_USAGE, "content_filter"),
    "continues_first": (HELLO, TRUE_USAGE, "stop"),
    "two_answers": (HELLO, TRUE_USAGE, "stop"),
    "calls_a_tool": ("", Usage(20, 3), "tool_calls"),
    "calls_a_tool_whole": ("", TRUE_USAGE, "tool_calls"),
    "speaks_and_calls_whole": ("I will look.", TRUE_USAGE, "tool_calls"),
    "calls_garbage": ("a", None, "stop"),
    "calls_garbage_whole": ("a", TRUE_USAGE, "tool_calls"),
    "calls_unstorable": ("", None, "tool_calls"),
    "function_call_of_old": ("", None, "tool_calls"),
}

ASKED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@ASKED
@pytest.mark.parametrize("name", FAILURES)
def test_failure(hostile_upstream: HostileUpstream, name: str, stream: bool) -> None:
    """Asked either way: what a server sends is read as what it is."""
    kind, billing, retry, detail = FAILURES[name]
    limits = SHORT if kind is K.TIMEOUT else PATIENT
    failure = call(a_request(hostile_upstream.url(name), limits=limits, stream=stream)).failed
    assert (failure.kind, failure.billing, failure.retry) == (kind, billing, retry)
    expected = "'whole answer' of 0.4 s" if kind is K.TIMEOUT and not stream else detail
    assert expected in failure.detail
    hostile_upstream.wait_until(lambda: hostile_upstream.open_connections == 0)
    assert len(hostile_upstream.received) == 1, "an adapter never repeats a request"


@ASKED
@pytest.mark.parametrize("name", ANSWERS)
def test_answer(hostile_upstream: HostileUpstream, name: str, stream: bool) -> None:
    text, usage, reason = ANSWERS[name]
    limits = SHORT if name == "finish_then_silence" else PATIENT
    outcome = call(a_request(hostile_upstream.url(name), limits=limits, stream=stream))
    finished = outcome.finished
    assert (outcome.text, finished.usage, finished.finish_reason) == (text, usage, reason)
    assert finished.provider_request_id == "req_1" or name == "finish_then_silence"
    hostile_upstream.wait_until(lambda: hostile_upstream.open_connections == 0)


LEFT_TO_OTHER_TESTS = {
    "chunked_broken",
    "reset_mid_stream",
    "busy_for_a_while",
    "busy_for_long",
    "no_finish_no_done_but_usage",
    "trickles_body",
    "trickles_tokens",
}


def test_every_behaviour_has_an_expectation() -> None:
    assert set(behaviours.BY_NAME) == {*FAILURES, *ANSWERS, *LEFT_TO_OTHER_TESTS}


@ASKED
def test_what_the_upstream_bills_is_never_called_free(
    hostile_upstream: HostileUpstream, stream: bool
) -> None:
    """The auditor's question, asked of every behaviour at once."""

    called_free = set()

    async def run() -> None:
        provider = OpenAICompatible()
        limits = Limits(connect=2, first_token=0.2, between_tokens=0.2, whole=0.2, total=0.5)
        for name in behaviours.BY_NAME:
            request = a_request(hostile_upstream.url(name), limits=limits, stream=stream)
            outcome = await drain(provider, request)
            if outcome.failure and outcome.failure.billing is FREE:
                called_free.add(name)
        await provider.aclose()

    asyncio.run(run())
    hostile_upstream.wait_until(lambda: hostile_upstream.open_connections == 0)
    assert called_free
    assert not called_free & {line.behaviour for line in hostile_upstream.bill}


def test_nothing_the_provider_said_is_kept(hostile_upstream: HostileUpstream) -> None:
    for name in (name for name, row in FAILURES.items() if row[0] is not K.TIMEOUT):
        failure = call(a_request(hostile_upstream.url(name))).failed
        shown = f"{failure!r} {failure.detail} {failure.__cause__} {vars(failure)}"
        assert "SECRET" not in shown and "gsk_" not in shown and "127.0.0.1" not in shown, name


def test_nobody_listens() -> None:
    failure = call(a_request(dead_url())).failed
    assert (failure.kind, failure.billing, failure.retry) == (K.CONNECT, FREE, True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "not a url", "http://", "http://[::1", ""])
def test_an_address_that_is_none(url: str) -> None:
    failure = call(a_request(url)).failed
    assert (failure.kind, failure.billing, failure.retry) == (K.CONNECT, FREE, False)


def test_the_connect_limit(hostile_upstream: HostileUpstream) -> None:
    """The server waits for the end of a request head, the client for the server's TLS hello."""
    url = hostile_upstream.url().replace("http:", "https:")
    failure = call(a_request(url, limits=Limits(connect=0.3))).failed
    assert (failure.kind, failure.billing, failure.retry) == (K.CONNECT, FREE, True)
    assert "'connect' of 0.3 s" in failure.detail


@pytest.mark.parametrize("name", ["chunked_broken", "reset_mid_stream"])
def test_a_break_whose_form_depends_on_the_packets(
    hostile_upstream: HostileUpstream, name: str
) -> None:
    """Broken chunks may go unnoticed by the transport: then our own limit ends the wait."""
    failure = call(a_request(hostile_upstream.url(name), limits=SHORT)).failed
    assert failure.kind in {K.BROKEN_STREAM, K.PROTOCOL, K.TIMEOUT}
    assert failure.billing is MAYBE


@pytest.mark.parametrize("key", ["gsk_\r\nX-Evil: 1", "gsk_ä", "two words"])
def test_a_key_that_fits_no_header(hostile_upstream: HostileUpstream, key: str) -> None:
    failure = call(a_request(hostile_upstream.url(), key=key)).failed
    assert (failure.kind, failure.billing) == (K.CREDENTIALS, FREE)
    assert hostile_upstream.received == []


def test_usage_that_came_before_the_break_is_kept(hostile_upstream: HostileUpstream) -> None:
    outcome = call(a_request(hostile_upstream.url("no_finish_no_done_but_usage")))
    assert outcome.failed.kind is K.BROKEN_STREAM
    assert outcome.failed.usage == TRUE_USAGE
    assert outcome.text == HELLO
    assert call(a_request(hostile_upstream.url("error_in_x_groq"))).failed.usage == TRUE_USAGE


@pytest.mark.parametrize("name", ["trickles_tokens", "trickles_body"])
def test_the_total_limit_ends_what_always_moves(
    hostile_upstream: HostileUpstream, name: str
) -> None:
    limits = Limits(connect=2, first_token=0.2, between_tokens=0.2, total=0.5)
    failure = call(a_request(hostile_upstream.url(name), limits=limits)).failed
    assert failure.kind is K.TIMEOUT
    assert "'total' of 0.5 s" in failure.detail


def test_an_answer_in_one_piece_leaves_time_for_another_model(
    hostile_upstream: HostileUpstream,
) -> None:
    limits = Limits(first_token=0.1, between_tokens=0.1, whole=0.4, total=20)
    request = a_request(hostile_upstream.url("trickles_body"), limits=limits, stream=False)
    failure = call(request).failed
    assert (failure.kind, failure.billing) == (K.TIMEOUT, MAYBE)
    assert "'whole answer' of 0.4 s" in failure.detail
    request = a_request(
        hostile_upstream.url("slow_headers"), limits=Limits(whole=20, total=0.3), stream=False
    )
    assert "'total' of 0.3 s" in call(request).failed.detail


@pytest.mark.parametrize("name, seconds", [("busy_for_a_while", 2.0), ("busy_for_long", 60.0)])
def test_retry_after(hostile_upstream: HostileUpstream, name: str, seconds: float) -> None:
    assert call(a_request(hostile_upstream.url(name))).failed.retry_after_seconds == seconds
