"""Signatures, and that receivers can do with them what the documentation says."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetrouter.serving.install import ROOT
from router_app.webhooks import signing
from router_app.webhooks.signing import key_of, new_secret, signed_headers, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330.0
BODY = b'{"test": 2432232314}'
DOCS = (ROOT / "docs" / "webhooks.md").read_text()


def test_the_conventions_own_example() -> None:
    """From its specification and libraries: who verifies with one of those verifies ours."""
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, now=NOW + 0.9)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def signed(**changed: str) -> dict[str, str]:
    return {**signed_headers(SECRET, "msg_1", BODY, now=NOW), **changed}


@pytest.mark.parametrize("off", [0, 299, -299])
def test_a_signature_is_verified(off: float) -> None:
    assert verify(SECRET, signed(), BODY, now=NOW + off)


@pytest.mark.parametrize(
    "headers, body, off",
    [
        ({}, BODY + b" ", 0),
        ({}, b"", 0),
        ({"webhook-id": "msg_2"}, BODY, 0),
        ({"webhook-timestamp": str(int(NOW) + 1)}, BODY, 0),
        ({"webhook-timestamp": "soon"}, BODY, 0),
        ({"webhook-timestamp": ""}, BODY, 0),
        ({"webhook-timestamp": "9" * 5_000}, BODY, 0),
        ({"webhook-signature": ""}, BODY, 0),
        ({"webhook-signature": "v1,"}, BODY, 0),
        ({"webhook-signature": "v1,\u00e4"}, BODY, 0),
        ({"webhook-signature": signed()["webhook-signature"].replace("v1", "v2")}, BODY, 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
    ],
)
def test_what_was_changed_is_not(headers: dict[str, str], body: bytes, off: float) -> None:
    assert not verify(SECRET, signed(**headers), body, now=NOW + off)


def test_nor_what_another_signed_or_nobody() -> None:
    assert not verify(new_secret(), signed(), BODY, now=NOW)
    assert not verify(SECRET, {}, BODY, now=NOW)


def test_while_a_secret_is_changed_either_signature_will_do() -> None:
    other = signed_headers(new_secret(), "msg_1", BODY, now=NOW)["webhook-signature"]
    both = f"{other} {signed()['webhook-signature']}"
    assert verify(SECRET, signed(**{"webhook-signature": both}), BODY, now=NOW)


@given(st.binary(), st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True))
def test_any_body_and_id(body: bytes, message_id: str) -> None:
    secret = new_secret()
    assert verify(secret, signed_headers(secret, message_id, body, now=NOW), body, now=NOW)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(key_of(secret)) for secret in made} == {32}


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "\u00e4", SECRET.removeprefix("whsec_")],
)
def test_what_is_no_secret_signs_nothing_and_is_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="a webhook's secret is") as raised:
        signed_headers(secret, "msg_1", BODY, now=NOW)
    behind_prefix = secret.removeprefix("whsec_")
    assert not behind_prefix or behind_prefix not in str(raised.value)


def test_the_documentation_shows_verify_as_it_is_and_it_runs_alone() -> None:
    code = re.search(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert code and inspect.getsource(signing.verify) in code[1]
    alone: dict[str, object] = {}
    exec(code[1], alone)
    documented = alone["verify"]
    assert callable(documented)
    assert documented(SECRET, signed(), BODY, now=NOW)
    assert not documented(SECRET, signed(), BODY, now=NOW + 301)


def test_the_documentations_example_is_signed_with_its_secret() -> None:
    example = re.search(r"```\nPOST (.*?)\n\n(.*?)\n```", DOCS, re.DOTALL)
    secret = re.search(r"`(whsec_[A-Za-z0-9+/=]+)`", DOCS)
    assert example and secret
    headers = dict(line.split(": ", 1) for line in example[1].split("\n")[1:])
    sent_at = float(headers["webhook-timestamp"])
    assert verify(secret[1], headers, example[2].encode(), now=sent_at)
