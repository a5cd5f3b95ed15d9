"""API keys: made once, kept as a hash, recognised fast.

A key is `br-` + 40 random characters + 6 of a checksum. The checksum rejects a mistyped key before
the database is asked. With 238 bits of chance a plain SHA-256 is enough: there is nothing to guess.

A key that was recognised is remembered while nothing about keys, people and budgets changes; that
is noticed within a second here, and at once by the admission that follows.
"""

import hashlib
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from router_app.errors import NotAuthenticated, PermissionDenied
from router_app.gateway.access import access
from router_app.gateway.writer import writer
from router_app.models import ApiKey, AuditEntry, Membership, User

PREFIX = "br-"
ALPHABET = string.ascii_letters + string.digits
SECRET_LENGTH = 40
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = 10  # how much of a key is kept to tell it apart
LAST_USED_STEP = timedelta(minutes=1)  # last use is noted at most this often
FRESH_SECONDS = 1.0  # how long a look at the revision is good for
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. Limits of the key: 0 is none."""

    user_id: int
    username: str
    api_key_id: int | None = None
    requests_per_minute: int = 0
    concurrent_requests: int = 0
    workspace_id: int | None = None  # the key's, or the one chosen in a session; None: their own


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: datetime | None
    revision: int
    noted_at: datetime  # its last use, as far as it is written down


_known: dict[str, _Known] = {}


def create_key(
    *,
    user: User,
    name: str,
    expires_at: datetime | None = None,
    workspace_id: int | None = None,
    by: User | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its full text, which is known only now; for the person's own workspace unless
    another is named. `by` is told to the audit trail. Raises PermissionDenied where they may not
    ask."""
    workspace_id = workspace_id or user.personal_workspace.pk
    places = Membership.objects.filter(workspace=workspace_id, user=user, left_at=None)
    if not any(place.may_ask for place in places):
        raise PermissionDenied("You may not make keys in this workspace.")
    secret = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    text = secret + _checksum(secret)
    with transaction.atomic():
        row = ApiKey.objects.create(
            user=user,
            workspace_id=workspace_id,
            name=name,
            prefix=text[:SHOWN_LENGTH],
            hash=_hash(text),
            expires_at=expires_at,
        )
        end = expires_at.isoformat(timespec="seconds") if expires_at else "never"
        note_key(AuditEntry.Action.KEY_MADE, row, by=by, after={"expires": end})
    return row, text


async def authenticate(text: str) -> Principal:
    """The key's owner. Raises NotAuthenticated, the same for every reason."""
    if not text.startswith(PREFIX) or not text.isascii():
        raise NotAuthenticated
    digest = _hash(text)
    known = _known.get(digest)
    if known is not None and _is_fresh(known, datetime.now(UTC)):
        return known.principal
    if not looks_like_a_key(text):
        raise NotAuthenticated
    known = await writer.soon(lambda: _find(digest))
    if known is None:
        raise NotAuthenticated
    if len(_known) >= MOST_REMEMBERED:
        _known.clear()
    _known[digest] = known
    return known.principal


def looks_like_a_key(text: str) -> bool:
    """Whether the shape and checksum are right."""
    expected = len(PREFIX) + SECRET_LENGTH + CHECKSUM_LENGTH
    if len(text) != expected or not text.isascii() or not text.startswith(PREFIX):
        return False
    return secrets.compare_digest(_checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:])


def revoke(row: ApiKey, *, by: User | None = None) -> None:
    """The key opens nothing from now on; another process may read with it for a second."""
    with transaction.atomic():
        live = ApiKey.objects.filter(pk=row.pk, revoked_at=None)
        if live.update(revoked_at=timezone.now()):
            note_key(AuditEntry.Action.KEY_REVOKED, row, by=by)
    forget()


def note_key(
    action: str, row: ApiKey, *, by: User | None, **what: Mapping[str, object]
) -> AuditEntry:
    """Write to the audit trail what happened to a key, which is named without what opens it."""
    return AuditEntry.note(
        action,
        f"{row.name} ({row.user})",
        actor_id=by.pk if by else None,
        workspace_id=row.workspace_id,
        **what,
    )


def forget() -> None:
    """Read every key anew."""
    _known.clear()


def _is_fresh(known: _Known, now: datetime) -> bool:
    """Nothing changed since it was read, as far as a look within the last second tells."""
    if known.revision != access.revision:
        return False
    if time.monotonic() - access.checked_at > FRESH_SECONDS:
        return False
    if known.expires_at is not None and known.expires_at <= now:
        return False
    return now - known.noted_at < LAST_USED_STEP


def _find(digest: str) -> _Known | None:
    access.check()
    now = timezone.now()
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    keys = ApiKey.objects.filter(alive, hash=digest, revoked_at=None, user__is_active=True)
    row = keys.select_related("user").first()
    if row is None:
        return None  # not raised: that would undo what is committed with it
    noted_at = row.last_used_at
    if noted_at is None or not now - LAST_USED_STEP < noted_at <= now:
        _note_use(row, now)
        noted_at = now
    principal = Principal(
        row.user_id,
        row.user.username,
        row.pk,
        _limit(row.requests_per_minute, "KEY_REQUESTS_PER_MINUTE"),
        _limit(row.concurrent_requests, "KEY_CONCURRENT_REQUESTS"),
        row.workspace_id,
    )
    return _Known(principal, row.expires_at, access.revision, noted_at)


def _note_use(row: ApiKey, now: datetime) -> None:
    """Where another process is noting it just now nobody waits: batches do so in any order."""
    unlocked = ApiKey.objects.filter(pk=row.pk).select_for_update(skip_locked=True)
    if unlocked.values_list("pk", flat=True).first() is not None:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)


def _limit(own: int | None, setting: str) -> int:
    return int(getattr(settings, setting, 0)) if own is None else own


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(secret: str) -> str:
    number = int.from_bytes(hashlib.sha256(b"key" + secret.encode()).digest()[:8])
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, index = divmod(number, len(ALPHABET))
        digits += ALPHABET[index]
    return digits
