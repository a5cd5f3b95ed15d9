"""What single conversations cost in a range, from their calls: the rollup knows none of them.

Bounded by design: of a reader's own conversations and of those shared with the workspace, the ones
last asked in are looked at, and from there on every step is a range of an index. Nothing is read
of conversations that the reader may not open.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from router_app.analytics.cells import Totals
from router_app.analytics.ranges import Bucket
from router_app.analytics.scope import Scope

MOST_LISTED = 300  # of one's own, and as many shared ones
_SLACK = timedelta(days=1)  # a further attempt is made later than its message


@dataclass(frozen=True, slots=True)
class ConversationSums:
    """One conversation's part of a range, and who asked in it."""

    conversation_id: uuid.UUID
    user_id: int
    totals: Totals


def conversation_sums(scope: Scope, whole: Bucket, *, reader_id: int) -> list[ConversationSums]:
    """The newest conversations that the reader may open, as far as they cost or asked something.

    Of a member's scope their own, which they alone may ask for; of a whole workspace's also what
    others share there.
    """
    adapt = connection.ops.adapt_datetimefield_value
    starts_at, ends_at = adapt(whole.starts_at), adapt(whole.ends_at)
    early, late = adapt(whole.starts_at - _SLACK), adapt(whole.ends_at + _SLACK)
    values: list[Any] = [scope.workspace_id, reader_id, early]
    shared = ""
    if scope.user_id is None:
        shared = _SHARED
        values += [scope.workspace_id, early]
    values += [early, late, starts_at, ends_at]
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(own=_OWN, shared=shared), values)
        rows = cursor.fetchall()
    return [ConversationSums(_uuid(pk), user, Totals(*map(int, sums))) for pk, user, *sums in rows]


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


_NEWEST = f"ORDER BY updated_at DESC LIMIT {MOST_LISTED}"
_OWN = f"""
    SELECT id, user_id FROM (
        SELECT id, user_id FROM router_app_conversation
        WHERE workspace_id = %s AND user_id = %s AND updated_at >= %s {_NEWEST}
    ) own
"""  # noqa: S608
_SHARED = f"""
    UNION
    SELECT id, user_id FROM (
        SELECT id, user_id FROM router_app_conversation
        WHERE workspace_id = %s AND shared_at IS NOT NULL AND updated_at >= %s {_NEWEST}
    ) shared
"""  # noqa: S608
# CROSS JOIN keeps SQLite to this order; PostgreSQL takes whichever it finds cheapest.
_SUMS = """
WITH chosen (id, user_id) AS ({own} {shared})
SELECT chosen.id, chosen.user_id,
    SUM(CASE WHEN call.sent_at IS NULL OR EXISTS (
        SELECT 1 FROM router_app_call later
        WHERE later.decision_id = call.decision_id AND later.attempt > call.attempt
            AND later.sent_at IS NOT NULL
    ) THEN 0 ELSE 1 END),
    SUM(call.cost_nanos + call.correction_nanos),
    SUM(call.input_tokens), SUM(call.output_tokens)
FROM chosen CROSS JOIN router_app_message message CROSS JOIN router_app_call call
WHERE message.conversation_id = chosen.id
    AND message.created_at >= %s AND message.created_at < %s
    AND call.decision_id = message.decision_id
    AND call.created_at >= %s AND call.created_at < %s
GROUP BY chosen.id, chosen.user_id
"""
