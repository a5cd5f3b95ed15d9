"""Tool calls: passed on as they were sent where they are calls, and nothing where they are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.providers.tool_calls import Joiner, indexed, read_calls, written
from tests.providers.behaviours.calling_tools import CALL, NO_CALLS, PIECES
from tests.providers.calling import a_request, call
from tests.providers.hostile import HostileUpstream

SECOND = {**CALL, "id": "call_2"}


def test_pieces_are_passed_on_as_they_come(hostile_upstream: HostileUpstream) -> None:
    outcome = call(a_request(hostile_upstream.url("calls_a_tool")))
    assert outcome.tool_calls == [[piece] for piece in PIECES]


@pytest.mark.parametrize("name", ["calls_a_tool", "calls_a_tool_whole"])
def test_who_asked_for_a_whole_answer_gets_whole_calls(
    hostile_upstream: HostileUpstream, name: str
) -> None:
    outcome = call(a_request(hostile_upstream.url(name), stream=False))
    assert outcome.tool_calls == [[CALL]]


def test_who_asked_for_a_stream_gets_numbered_calls(hostile_upstream: HostileUpstream) -> None:
    outcome = call(a_request(hostile_upstream.url("speaks_and_calls_whole")))
    assert outcome.tool_calls == [[{"index": 0, **CALL}, {"index": 1, **SECOND}]]


@pytest.mark.parametrize("name", ["calls_garbage", "calls_garbage_whole"])
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_no_list_of_objects_is_no_call(
    hostile_upstream: HostileUpstream, name: str, stream: bool
) -> None:
    assert call(a_request(hostile_upstream.url(name), stream=stream)).tool_calls == []


@pytest.mark.parametrize("value", [*NO_CALLS, [{}] * 1_025])
def test_no_calls(value: object) -> None:
    assert not read_calls(value)


def test_a_call_of_half_characters_can_be_stored(hostile_upstream: HostileUpstream) -> None:
    outcome = call(a_request(hostile_upstream.url("calls_unstorable")))
    assert outcome.tool_calls[0][0]["id"] == "a\ufffdb\ufffdc"


def test_calls_that_broke_off_are_not_handed_out_as_whole(
    hostile_upstream: HostileUpstream,
) -> None:
    outcome = call(a_request(hostile_upstream.url("breaks_while_calling"), stream=False))
    assert outcome.tool_calls == [] and outcome.failure


@pytest.mark.parametrize(
    "pieces, calls",
    [
        (PIECES, [CALL]),
        ([{"index": 1, **SECOND}, {"index": 0, **CALL}], [CALL, SECOND]),
        ([CALL, SECOND], [CALL, SECOND]),  # no index: an id begins a call
        ([CALL, {"id": "", "type": None, "function": {"name": None, "arguments": ""}}], [CALL]),
        (
            [{**CALL, "function": {"name": "f"}}],
            [{**CALL, "function": {"name": "f", "arguments": ""}}],
        ),
        ([{"index": True, "function": 7}], [{"function": {"arguments": ""}}]),
    ],
)
def test_pieces_are_joined(pieces: Any, calls: Any) -> None:
    joiner = Joiner()
    for piece in pieces:
        joiner.add([piece])
    assert list(joiner.complete()) == calls


def test_a_flood_of_calls_is_held_within_bounds() -> None:
    joiner = Joiner()
    for number in range(5_000):
        joiner.add([{"index": number}])
    assert len(joiner.complete()) == 1_024


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["index", "id", "function", "name", "arguments", "a\x00"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=4))
def test_whatever_is_called_can_be_written_and_joined(values: list[Any]) -> None:
    joiner = Joiner()
    for value in values:
        for calls in (read_calls(value), read_calls([value])):
            joiner.add(calls)
            for data in (written(calls), written(indexed(calls))):
                assert b"\\u0000" not in data
                assert isinstance(json.loads(data), list)
    json.loads(written(joiner.complete()))
