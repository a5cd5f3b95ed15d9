"""API keys: made once, kept as a hash, recognised fast.

A key is `br-` + 40 random characters + 6 of a checksum. The checksum rejects a mistyped key before
the database is asked. With 238 bits of chance a plain SHA-256 is enough: there is nothing to guess.
"""

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from router_app.errors import NotAuthenticated
from router_app.gateway.writer import writer
from router_app.models import ApiKey, User

PREFIX = "br-"
ALPHABET = string.ascii_letters + string.digits
SECRET_LENGTH = 40
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = 10  # how much of a key is kept to tell it apart
LAST_USED_STEP = timedelta(minutes=1)  # last use is noted at most this often


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    user_id: int
    username: str
    api_key_id: int | None = None


def create_key(*, user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key and its full text, which is known only now."""
    secret = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    text = secret + _checksum(secret)
    row = ApiKey.objects.create(
        user=user, name=name, prefix=text[:SHOWN_LENGTH], hash=_hash(text), expires_at=expires_at
    )
    return row, text


async def authenticate(text: str) -> Principal:
    """The key's owner. Raises NotAuthenticated, the same for every reason."""
    if not looks_like_a_key(text):
        raise NotAuthenticated
    return await writer.run(lambda: _find(text))


def looks_like_a_key(text: str) -> bool:
    """Whether the shape and checksum are right."""
    expected = len(PREFIX) + SECRET_LENGTH + CHECKSUM_LENGTH
    if len(text) != expected or not text.isascii() or not text.startswith(PREFIX):
        return False
    return secrets.compare_digest(_checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:])


def revoke(row: ApiKey) -> None:
    """The key opens nothing from now on."""
    ApiKey.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())


def _find(text: str) -> Principal:
    now = timezone.now()
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    keys = ApiKey.objects.filter(alive, hash=_hash(text), revoked_at=None, user__is_active=True)
    row = keys.select_related("user").first()
    if row is None:
        raise NotAuthenticated
    if row.last_used_at is None or row.last_used_at < now - LAST_USED_STEP:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return Principal(row.user_id, row.user.username, row.pk)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(secret: str) -> str:
    number = int.from_bytes(hashlib.sha256(b"key" + secret.encode()).digest()[:8])
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, index = divmod(number, len(ALPHABET))
        digits += ALPHABET[index]
    return digits
