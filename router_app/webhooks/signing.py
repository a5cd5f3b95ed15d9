"""Signatures of webhooks, by the Standard Webhooks convention (standardwebhooks.com), version 1.

Signed is "id.timestamp.body" with HMAC-SHA256, so neither the message nor its age can be changed
by who sees it pass. Receivers may use any library for the convention, or `verify` as it stands.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = 32
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64  # what the convention allows


def new_secret() -> str:
    """A secret to share with one receiver: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, body: bytes, *, now: float) -> dict[str, str]:
    """The headers that prove who sent `body`, and when: `now`, in seconds since 1970.

    Raises ValueError for what is no secret.
    """
    sent_at = str(int(now))
    signed = f"{message_id}.{sent_at}.".encode() + body
    signature = base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{signature}",
    }


def key_of(secret: str) -> bytes:
    """The bytes behind a secret. Raises ValueError, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook's secret is whsec_ and base64") from None
    if not secret.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise ValueError("a webhook's secret is whsec_ and 24 to 64 bytes in base64")
    return key


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> bool:
    """Whether `body`, byte for byte as it came, is from who knows the secret, and recent.

    `headers` by lower-case name. More than five minutes old, or early, is not recent.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or len(sent_at) > 12:
        return False
    if abs((time.time() if now is None else now) - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    right = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()  # several while a secret is changed
    return any(hmac.compare_digest(right, one.encode()) for one in given)
