"""Both ways of reading an object say the same of it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router_app.providers.base import ProviderFailure
from router_app.providers.chunks import Chunk, _read_tolerantly, read_chunk
from tests.providers.test_answers import JSON

VALUES: list[Any] = [None, True, 1, 2.5, "", "a", [], {}, [1], {"content": "a"}, [{"delta": {}}]]
MEMBERS = ("id", "model", "usage", "x_groq", "error", "choices")
VALID = b'{"id":"a","choices":[{"delta":{"content":"\xc3\xa9"},"x":["\\u00e9",1.5e3]}]}'


def said(data: bytes) -> Any:
    """What the quick way makes of it, or None where it leaves it to the slow one."""
    chunk = read_chunk(data)
    slowly = _read_tolerantly(data)
    if isinstance(chunk, ProviderFailure):
        assert isinstance(slowly, ProviderFailure)
        return (chunk.detail, slowly.detail)
    assert isinstance(slowly, Chunk)
    return (first_of(chunk), first_of(slowly))


def first_of(chunk: Chunk) -> Any:
    """All that counts: of the choices, the first. As text, because NaN is not even itself."""
    return repr(msgspec.structs.replace(chunk, choices=(chunk.choices or [None])[:1]))


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("value", VALUES)
def test_wrong_types(member: str, value: Any) -> None:
    quick, slow = said(json.dumps({"model": "m", member: value}).encode())
    assert quick == slow


@pytest.mark.parametrize("member", ["delta", "message", "finish_reason"])
@pytest.mark.parametrize("value", VALUES)
def test_wrong_types_within_a_choice(member: str, value: Any) -> None:
    for choices in ([{member: value}], [{member: value}, None], [{}, {member: value}]):
        quick, slow = said(json.dumps({"choices": choices}).encode())
        assert quick == slow


@given(JSON)
@example({"choices": [{"delta": {"content": "a\ud800b"}}]})
@example({"choices": [{"delta": {"content": float("nan")}}]})
@example({"usage": {"prompt_tokens": 10**400}})
def test_any_json(value: Any) -> None:
    quick, slow = said(json.dumps(value).encode())
    assert quick == slow


@given(st.integers(0, len(VALID)), st.integers(0, len(VALID)), st.binary(max_size=3))
def test_a_damaged_object(start: int, end: int, instead: bytes) -> None:
    """What neither takes is garbage for both. Bytes that are no UTF-8 may stand where we do not
    look, so that nothing else can differ."""
    quick, slow = said(VALID[:start] + instead + VALID[end:])
    assert quick == slow


@pytest.mark.parametrize("data", [b"", b"[", b"{}x", b"nul", b"[" * 100_000, b"1" * 5_000, b"\xff"])
def test_what_is_no_json(data: bytes) -> None:
    chunk = read_chunk(data)
    assert isinstance(chunk, ProviderFailure)
    assert chunk.detail == "the provider sent something that is not JSON"


@pytest.mark.parametrize("data", [b"null", b"[]", b"1", b'"a"', b"NaN"])
def test_what_is_no_object(data: bytes) -> None:
    chunk = read_chunk(data)
    assert isinstance(chunk, ProviderFailure)
    assert chunk.detail == "the provider's answer is not an object"


def test_the_last_of_two_members_counts() -> None:
    quick, slow = said(b'{"id":"a","id":"b","choices":1,"choices":[]}')
    assert quick == slow and "'b'" in quick
