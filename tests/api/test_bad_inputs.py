"""Bad inputs: each is answered with a 4xx in the documented shape, and nothing is written."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse

from router_app.models import Call, LedgerEntry, Reservation, RoutingDecision
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import Asker

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"prompt": "Explain quicksort", "budget": 0.01}
MISSING = object()


@dataclass(frozen=True)
class Case:
    """What is sent, and what it is answered with."""

    name: str
    raw: bytes
    status: int = 400
    param: str | None = None
    code: str = "invalid_request_error"
    headers: dict[str, str] = field(default_factory=dict)


def changed(name: str, **fields: Any) -> Case:
    """A good body with one field changed, which is the one to be named."""
    body = {key: value for key, value in {**GOOD, **fields}.items() if value is not MISSING}
    return Case(name, json.dumps(body).encode(), param=next(iter(fields)))


def budget(name: str, text: str) -> Case:
    """A good body whose budget is spelled like this."""
    return Case(name, b'{"prompt": "x", "budget": %s}' % text.encode(), param="budget")


def unread(name: str, raw: bytes, status: int = 400, code: str = "", **headers: str) -> Case:
    """A body that is not even looked into."""
    code = code or "invalid_request_error"
    return Case(name, raw, status, code=code, headers=headers)


def of_type(content_type: str) -> Case:
    """A good body that says it is something else."""
    raw = json.dumps(GOOD).encode()
    code = "unsupported_media_type"
    return unread(f"content type {content_type!r}", raw, 415, code, content_type=content_type)


CASES = [
    changed("no prompt", prompt=MISSING),
    changed("prompt null", prompt=None),
    changed("prompt empty", prompt=""),
    changed("prompt of spaces", prompt="   "),
    changed("prompt of line breaks", prompt="\n\r\n\t"),
    changed("prompt of exotic spaces", prompt="\u2003\u00a0\u3000"),
    changed("prompt one too long", prompt="x" * 100_001),
    changed("prompt one too long in Chinese", prompt="字" * 100_001),
    changed("prompt with NUL", prompt="a\x00b"),
    changed("prompt of NUL", prompt="\x00"),
    changed("prompt a number", prompt=3),
    changed("prompt a list", prompt=["a"]),
    changed("prompt an object", prompt={"text": "a"}),
    changed("prompt true", prompt=True),
    changed("prompt half a surrogate pair", prompt="\ud83d"),
    changed("prompt the other half", prompt="ab\udc00cd"),
    changed("no budget", budget=MISSING),
    changed("budget null", budget=None),
    changed("budget a string", budget="0.01"),
    changed("budget an empty string", budget=""),
    changed("budget true", budget=True),
    changed("budget false", budget=False),
    changed("budget a list", budget=[0.01]),
    changed("budget an object", budget={"usd": 0.01}),
    budget("budget zero", "0"),
    budget("budget zero point zero", "0.0"),
    budget("budget minus zero", "-0"),
    budget("budget below zero", "-0.01"),
    budget("budget a trillionth", "0.000000000001"),
    budget("budget ten decimals", "0.0100000001"),
    budget("budget tiny by exponent", "1e-10"),
    budget("budget absurdly tiny", "1e-400"),
    budget("budget above a million", "1000001"),
    budget("budget a nano above a million", "1000000.000000001"),
    budget("budget huge", "1e300"),
    budget("budget beyond floats", "1e400"),
    budget("budget beyond decimals", "9" * 4000),
    changed("task unknown", task_type="poem"),
    changed("task in capitals", task_type="CODE"),
    changed("task with a space", task_type="code "),
    changed("task empty", task_type=""),
    changed("task null", task_type=None),
    changed("task a number", task_type=1),
    changed("task a list", task_type=["code"]),
    changed("task an object", task_type={}),
    changed("quality unknown", quality="best"),
    changed("quality in capitals", quality="High"),
    changed("quality null", quality=None),
    changed("quality a number", quality=75),
    changed("quality true", quality=True),
    changed("model empty", model=""),
    changed("model too long", model="m" * 161),
    changed("model a number", model=8),
    changed("model a list", model=["openai/gpt-oss-20b"]),
    changed("model with NUL", model="openai/\x00"),
    changed("model half a surrogate pair", model="\ud800"),
    changed("max_tokens zero", max_tokens=0),
    changed("max_tokens below zero", max_tokens=-1),
    changed("max_tokens too many", max_tokens=1_000_001),
    changed("max_tokens beyond 64 bits", max_tokens=2**70),
    changed("max_tokens a fraction", max_tokens=10.5),
    changed("max_tokens a round fraction", max_tokens=10.0),
    changed("max_tokens a string", max_tokens="10"),
    changed("max_tokens true", max_tokens=True),
    changed("max_tokens a list", max_tokens=[10]),
    changed("dry_run a string", dry_run="true"),
    changed("dry_run one", dry_run=1),
    changed("dry_run null", dry_run=None),
    changed("allow_lower_quality a string", allow_lower_quality="no"),
    changed("allow_lower_quality zero", allow_lower_quality=0),
    changed("allow_lower_quality null", allow_lower_quality=None),
    changed("unknown field", temperature=0.5),
    changed("misspelled field", maxTokens=5),
    changed("field in capitals", Budget=5),
    changed("messages in place of a prompt", messages=[]),
    Case("field without a name", b'{"prompt": "x", "budget": 1, "": 1}'),
    unread("field named by half a surrogate pair", b'{"prompt": "x", "budget": 1, "\\ud800": 1}'),
    Case("field named by a bell", b'{"prompt": "x", "budget": 1, "\\u0007": 1}', param="\ufffd"),
    Case(
        "field with an endless name",
        b'{"prompt": "x", "budget": 1, "%s": 1}' % (b"n" * 5000),
        param="n" * 80,
    ),
    unread("empty body", b""),
    unread("spaces", b"   "),
    unread("null", b"null"),
    unread("a number", b"1"),
    unread("a string", b'"prompt"'),
    unread("a list", b'[{"prompt": "x", "budget": 1}]'),
    unread("an empty list", b"[]"),
    unread("true", b"true"),
    unread("words", b"Explain quicksort"),
    unread("form data", b"prompt=x&budget=1"),
    unread("cut off", b'{"prompt": "x", "budget": 0.'),
    unread("two values", b'{"prompt": "x", "budget": 1} {}'),
    unread("trailing comma", b'{"prompt": "x", "budget": 1,}'),
    unread("single quotes", b"{'prompt': 'x', 'budget': 1}"),
    unread("comment", b'{"prompt": "x", /* how much */ "budget": 1}'),
    unread("NaN", b'{"prompt": "x", "budget": NaN}'),
    unread("Infinity", b'{"prompt": "x", "budget": Infinity}'),
    unread("minus Infinity", b'{"prompt": "x", "budget": -Infinity}'),
    unread("hexadecimal", b'{"prompt": "x", "budget": 0x10}'),
    unread("leading zero", b'{"prompt": "x", "budget": 01}'),
    unread("plus sign", b'{"prompt": "x", "budget": +1}'),
    unread("a number without end", b'{"prompt": "x", "budget": %s}' % (b"9" * 5000)),
    unread("an exponent without end", b'{"prompt": "x", "budget": 1.0e%s}' % (b"9" * 40)),
    unread("raw line break in a string", b'{"prompt": "a\nb", "budget": 1}'),
    unread("byte order mark", b'\xef\xbb\xbf{"prompt": "x", "budget": 1}'),
    unread("UTF-16", json.dumps(GOOD).encode("utf-16")),
    unread("UTF-32", json.dumps(GOOD).encode("utf-32")),
    unread("Latin-1", '{"prompt": "café", "budget": 1}'.encode("latin-1")),
    unread("a lone byte of UTF-8", b'{"prompt": "\xff", "budget": 1}'),
    unread("an encoded surrogate", b'{"prompt": "\xed\xa0\x80", "budget": 1}'),
    unread("NUL bytes", b"\x00" * 100),
    unread("deep lists", b"[" * 200_000),
    unread("deep objects", b'{"a":' * 200_000),
    unread("deep and closed", b"[" * 100_000 + b"]" * 100_000),
    unread("a body too large", b'{"prompt": "%s"}' % (b"x" * 2_200_000), 413, "request_too_large"),
    unread("spaces too many", b" " * 2_100_000, 413, "request_too_large"),
    unread(
        "gzip",
        gzip.compress(json.dumps(GOOD).encode()),
        415,
        "unsupported_media_type",
        content_encoding="gzip",
    ),
    of_type("text/plain"),
    of_type("text/json"),
    of_type("application/x-www-form-urlencoded"),
    of_type("application/vnd.api+json"),
    of_type("application/octet-stream"),
    of_type("json"),
    of_type(""),
    Case(
        "no such model",
        json.dumps({**GOOD, "model": "gpt-9"}).encode(),
        param="model",
        code="model_not_found",
    ),
    Case(
        "no such model, dry",
        json.dumps({**GOOD, "model": "gpt-9", "dry_run": True}).encode(),
        param="model",
        code="model_not_found",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_refused_in_the_documented_shape(
    case: Case, asker: Asker, provider: ScriptedProvider
) -> None:
    response = asker.post(raw=case.raw, **case.headers)

    assert_error(response, case.status, case.code)
    assert response.json()["error"]["param"] == case.param
    assert_nothing_happened(provider)


def assert_error(response: HttpResponse, status: int, code: str) -> None:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert len(response["x-request-id"]) == 36
    body = json.loads(response.content)
    assert set(body) == {"error"}
    assert {"message", "type", "param", "code"} <= set(body["error"])
    assert body["error"]["code"] == code
    assert body["error"]["message"].endswith(".")


def assert_nothing_happened(provider: ScriptedProvider) -> None:
    assert not provider.calls
    for table in (RoutingDecision, Call, Reservation, LedgerEntry):
        assert not table.objects.exists()


@pytest.mark.parametrize("period", ["", "year", "TODAY", "7d", "today ", "\x00", "all\n"])
def test_a_period_that_is_none_is_refused(period: str, asker: Asker) -> None:
    from urllib.parse import quote

    response = asker.get(f"/stats?period={quote(period)}")

    assert_error(response, 400, "invalid_request_error")
    assert response.json()["error"]["param"] == "period"
    known = "'day', 'today', 'week', 'month', 'total' or 'all'"
    assert known in response.json()["error"]["message"]


ACCEPTED = [
    {"prompt": "x" * 100_000},
    {"prompt": "字" * 1000},
    {"prompt": "👩‍👩‍👧 \u202e reversed, 𝒻𝒶𝓃𝒸𝓎"},
    {"prompt": " x "},
    {"budget": 1},
    {"budget": 1_000_000},
    {"model": None, "max_tokens": None},
    {"max_tokens": 1_000_000, "budget": 5},
    {"task_type": "summarize", "quality": "low", "allow_lower_quality": False},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=lambda fields: str(fields)[:40])
def test_what_is_at_the_edge_is_taken(fields: dict[str, Any], asker: Asker) -> None:
    assert asker.ask(**{"budget": 1, "dry_run": True, **fields}).status_code == 200


def test_a_key_that_comes_twice_counts_as_its_last(asker: Asker) -> None:
    raw = b'{"prompt": "x", "budget": "no", "budget": 0.01, "dry_run": true}'

    assert asker.post(raw=raw).status_code == 200


def test_a_charset_beside_the_type_is_fine(asker: Asker) -> None:
    raw = json.dumps({**GOOD, "dry_run": True}).encode()

    response = asker.post(raw=raw, content_type="Application/JSON; charset=utf-8")

    assert response.status_code == 200
