"""Only right answers are counted: whatever else a server says is an error."""

import pytest

from bench import wire
from bench.replies import Broken, Expected, Reply

ASKED = b'{"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true}}'


def read(data: bytes, *, step: int | None = None) -> Reply:
    reply = Reply()
    for start in range(0, len(data), step or len(data)):
        reply.feed(data[start : start + (step or len(data))])
    return reply


def whole(chunks: int = 3) -> bytes:
    first, rest = wire.whole(ASKED, chunks)
    return first + b"%012d" % 7 + rest


def streamed(chunks: int = 3) -> bytes:
    head, parts = wire.stream(ASKED, chunks)
    return head + b"".join(parts)


@pytest.mark.parametrize("step", [None, 1, 7])
def test_an_answer_is_read_in_whatever_pieces_it_comes(step: int | None) -> None:
    reply = read(whole(), step=step)

    assert reply.whole
    assert Expected(3).problem(reply, closely=True) is None


@pytest.mark.parametrize("step", [None, 1, 7])
def test_a_stream_is_read_in_whatever_pieces_it_comes(step: int | None) -> None:
    reply = read(streamed(), step=step)

    assert reply.whole
    assert Expected(3, streamed=True).problem(reply, closely=True) is None


def test_an_error_is_no_answer_though_it_quotes_one() -> None:
    text = wire.text(3)
    reply = read(wire.error(500, text))

    assert reply.whole
    assert Expected(3).problem(reply)


def test_another_or_a_shorter_text_is_no_answer() -> None:
    assert Expected(4).problem(read(whole(3)))
    assert Expected(3).problem(read(wire.reply(200, {"choices": []})))


def test_a_stream_without_its_end_is_not_whole() -> None:
    cut = streamed()[:-5]
    assert not read(cut).whole

    without_done = streamed().replace(b"[DONE]", b"[NONE]")
    assert Expected(3, streamed=True).problem(read(without_done))


def test_a_stream_that_lost_or_mixed_up_words_is_no_answer() -> None:
    expected = Expected(3, streamed=True)
    swapped = streamed().replace(b"lorem0", b"loremX").replace(b"lorem1", b"lorem0")

    assert expected.problem(read(streamed(2)))
    assert expected.problem(read(swapped.replace(b"loremX", b"lorem1")), closely=True)


def test_what_is_no_http_is_said() -> None:
    with pytest.raises(Broken):
        read(b"SSH-2.0\r\n\r\n")
    with pytest.raises(Broken):
        read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
