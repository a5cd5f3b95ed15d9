"""Who and what the money of a range went to: groups that sum to what the ledger says of it.

By member, key, task and model these are sums of the usage rollup. By conversation they are those of
calls, as far as conversations are listed (`conversation_sums.py`); what is left of each member's
requests without a key, and what came by keys, makes the sum whole.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from router_app.analytics.cells import Dimension, Totals, sum_totals, sums_by
from router_app.analytics.conversation_sums import conversation_sums
from router_app.analytics.ranges import Bucket, Range
from router_app.analytics.scope import Scope
from router_app.models import Role


class Grouping(StrEnum):
    """By what spending can be told apart."""

    MEMBER = "member"
    KEY = "key"
    TASK = "task"
    MODEL = "model"
    CONVERSATION = "conversation"


class Kind(StrEnum):
    """What a group is, and so what its id is an id of."""

    MEMBER = "member"
    KEY = "key"
    TASK = "task"  # its id is the word
    MODEL = "model"
    CONVERSATION = "conversation"
    NO_KEY = "no_key"  # asked without a key: in the chat, mostly
    KEYS = "keys"  # by any key, so in no conversation
    REST = "rest"  # a member's, without a key and in no conversation that is listed


Id = int | str | uuid.UUID


@dataclass(frozen=True, slots=True)
class Group:
    """One member's, key's, task's, model's or conversation's part of a range."""

    kind: Kind
    id: Id
    totals: Totals


@dataclass(frozen=True, slots=True)
class Attribution:
    """All groups of a range, the dearest first, and their sum."""

    by: Grouping
    groups: tuple[Group, ...]
    totals: Totals


def groupings_open_to(role: str, scope: Scope) -> tuple[Grouping, ...]:
    """By what a person of this role may have the scope told apart.

    One's own part by everything. Of a whole team everybody sees the totals, by model and task too;
    whose they are, by which key and in which conversation only its admins.
    """
    if scope.user_id is not None or role == Role.ADMIN:
        return tuple(Grouping)
    return (Grouping.MODEL, Grouping.TASK)


def attribution(scope: Scope, span: Range, by: Grouping, *, reader_id: int) -> Attribution:
    """The range by groups, for a person who may see it so: `groupings_open_to`.

    One query; by conversation two. Groups that neither asked nor cost anything are left out.
    """
    whole = Bucket(span.starts_at, span.ends_at)
    if by is Grouping.CONVERSATION:
        found = _by_conversation(scope, whole, reader_id)
    else:
        found = [
            _group(Kind(by), value, sums) for (_, value), sums in sums_by(scope, [whole], [_OF[by]])
        ]
    groups = [group for group in found if group.totals != Totals()]
    groups.sort(key=_dearest_first)
    return Attribution(by, tuple(groups), sum_totals(groups))


_OF = {
    Grouping.MEMBER: Dimension.MEMBER,
    Grouping.KEY: Dimension.KEY,
    Grouping.TASK: Dimension.TASK,
    Grouping.MODEL: Dimension.MODEL,
}


def _group(kind: Kind, value: int | str, sums: Totals) -> Group:
    no_key = kind is Kind.KEY and not value
    return Group(Kind.NO_KEY if no_key else kind, value, sums)


def _dearest_first(group: Group) -> tuple[int, int, str, str]:
    return -group.totals.cost_nanos, -group.totals.requests, group.kind, str(group.id)


def _by_conversation(scope: Scope, whole: Bucket, reader_id: int) -> list[Group]:
    # Conversations before the whole: a call that closes in between is then in the rest, not amiss.
    listed = conversation_sums(scope, whole, reader_id=reader_id)
    groups = [Group(Kind.CONVERSATION, each.conversation_id, each.totals) for each in listed]
    by_keys, rests = Totals(), defaultdict[int, Totals](Totals)
    for (_, member, key), sums in sums_by(scope, [whole], (Dimension.MEMBER, Dimension.KEY)):
        if key:
            by_keys += sums
        else:
            rests[member] += sums
    for each in listed:
        rests[each.user_id] -= each.totals
    return [*groups, Group(Kind.KEYS, 0, by_keys), *_rests(rests.items())]


def _rests(rests: Iterable[tuple[int, Totals]]) -> Iterable[Group]:
    return (Group(Kind.REST, member, sums) for member, sums in rests)
