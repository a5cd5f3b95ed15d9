"""Server-sent events: however the bytes are cut, the events are the same."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router_app.providers.sse import EventParser, ServerEvent, TooLarge


def parse(chunks: Sequence[bytes], **limits: int) -> tuple[list[ServerEvent], bool]:
    """All events, and whether it became too large."""
    parser = EventParser(**limits)
    events: list[ServerEvent] = []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                events.append(event)
        events.extend(parser.close())
    except TooLarge:
        return events, True
    return events, False


def data_of(body: bytes) -> list[str]:
    """The data of a body that comes at once."""
    return [event.data for event in parse([body])[0]]


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in pieces."""
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


LINES = st.sampled_from(
    ["data: a", "data:b", "data", "data: é€😀", "event: error", ": note", "", "", "id: 7", "x: y"]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
BODIES = st.lists(st.tuples(LINES, ENDS)).map(
    lambda parts: "".join(line + end for line, end in parts).encode()
)


@given(body=BODIES | st.binary(max_size=60), places=st.lists(st.integers(0, 300)))
@example(body=b"data: a\r\n\r\ndata: b\r\n\r\n", places=[8, 10])
@example(body="data: €\n\n".encode(), places=[7, 8])
@example(body=b"\xef\xbb\xbfdata: a\n\n", places=[1, 2])
def test_where_the_bytes_are_cut_makes_no_difference(body: bytes, places: list[int]) -> None:
    assert parse(cut(body, places)) == parse([body])


@given(body=BODIES, places=st.lists(st.integers(0, 300)), bytes_=st.integers(1, 40))
def test_nor_for_what_is_too_large(body: bytes, places: list[int], bytes_: int) -> None:
    for limits in ({"max_body_bytes": bytes_}, {"max_line_bytes": bytes_}):
        assert parse(cut(body, places), **limits) == parse([body], **limits)


@pytest.mark.parametrize(
    "body, data",
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\rdata: b\r\r", ["a\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b": only a comment\n\n", []),
        (b"event: ping\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: \xff\n\n", ["�"]),
        (b"data: a", ["a"]),
        (b"data: a\n", ["a"]),
        (b"data: a\n\ndata: [DONE]", ["a", "[DONE]"]),
        (b"", []),
    ],
)
def test_what_a_body_says(body: bytes, data: list[str]) -> None:
    assert data_of(body) == data


def test_a_name_belongs_to_one_event() -> None:
    events, _ = parse([b"event: error\ndata: a\n\ndata: b\n\n"])
    assert events == [ServerEvent("error", "a"), ServerEvent("", "b")]


def test_events_before_the_flood_are_kept() -> None:
    events, too_large = parse([b"data: a\n\ndata: " + b"x" * 2_000_000])
    assert (events, too_large) == ([ServerEvent("", "a")], True)


PLAIN = st.lists(st.sampled_from(["a", "", " b", "é€😀", "[DONE]", "data: x"])).map(
    lambda texts: "".join(f"data: {text}\n\n" for text in texts).encode()
)


def parse_quickly(chunks: Sequence[bytes], **limits: int) -> tuple[list[str], bool]:
    """What `parse` reads, asking `plain` first; and whether it became too large."""
    parser, data = EventParser(**limits), []
    try:
        for chunk in chunks:
            plain = parser.plain(chunk)
            if plain is None:
                data += [event.data for event in parser.feed(chunk)]
            else:
                data += [event.decode("utf-8", "replace") for event in plain]
        data += [event.data for event in parser.close()]
    except TooLarge:
        return data, True
    return data, False


@given(bodies=st.lists(PLAIN | BODIES | st.binary(max_size=20)), bytes_=st.integers(1, 60))
@example(bodies=[b"event: x\n", b"data: a\n\n"], bytes_=60)
@example(bodies=[b"data: a\r", b"data: b\n\n"], bytes_=60)
@example(bodies=[b"data: a\n\n\ndata: b\n\n"], bytes_=60)
@example(bodies=[b"data: a\n\nid: 7\n\n"], bytes_=60)
def test_the_quick_way_reads_the_same(bodies: list[bytes], bytes_: int) -> None:
    for limits in ({}, {"max_body_bytes": bytes_}, {"max_line_bytes": bytes_}):
        quick, became_too_large = parse_quickly(bodies, **limits)
        events, was_too_large = parse(bodies, **limits)
        assert became_too_large == was_too_large
        known = [event.data for event in events]
        assert quick == known[: len(quick)] if was_too_large else quick == known


def test_the_quick_way_is_taken() -> None:
    parser = EventParser()
    assert parser.plain(b"data: a\n\ndata: [DONE]\n\n") == [b"a", b"[DONE]"]
    assert parser.plain(b": a comment\n\n") is None
