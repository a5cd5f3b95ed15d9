"""What groups of spending are called: names for one page of them, read in a query a kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from router_app.analytics.attribution import Group, Kind
from router_app.analytics.scope import Scope
from router_app.models import ApiKey, Conversation, LanguageModel, Membership, User

MOST_ASKED = 1_000  # ids in one query; a database takes so many parameters and no more


@dataclass(frozen=True, slots=True)
class Named:
    """A group with its name, and what else is to be known of it."""

    group: Group
    name: str
    note: str = ""

    @property
    def program_name(self) -> str | None:
        """For whoever holds a key: titles of conversations are for people who are signed in."""
        return None if self.group.kind is Kind.CONVERSATION else self.name


def named(groups: Iterable[Group], scope: Scope, *, reader_id: int) -> list[Named]:
    """The same in the same order. Titles are those of conversations that the reader may open."""
    groups = list(groups)
    rows = _Rows(
        people=_bulk(User.objects.all(), groups, Kind.MEMBER, Kind.REST),
        members=_members(groups, scope),
        keys=_bulk(ApiKey.objects.select_related("user"), groups, Kind.KEY),
        models=_bulk(LanguageModel.objects.all(), groups, Kind.MODEL),
        conversations=_bulk(_open_to(reader_id, scope), groups, Kind.CONVERSATION),
        reader_id=reader_id,
    )
    return [Named(group, *rows.name_of(group)) for group in groups]


@dataclass(frozen=True, slots=True)
class _Rows:
    people: Mapping[Any, User]
    members: frozenset[int]
    keys: Mapping[Any, ApiKey]
    models: Mapping[Any, LanguageModel]
    conversations: Mapping[Any, Conversation]
    reader_id: int

    def name_of(self, group: Group) -> tuple[str, str]:
        match group.kind:
            case Kind.MEMBER:
                return self._person(group), self._standing(group)
            case Kind.KEY:
                return _key(self.keys.get(group.id))
            case Kind.MODEL:
                model = self.models.get(group.id)
                return (model.name, model.model_id) if model else ("A deleted model", "")
            case Kind.CONVERSATION:
                return self._conversation(group)
            case Kind.TASK:
                return str(group.id).capitalize(), ""
            case Kind.NO_KEY:
                return "Without a key", "the web chat"
            case Kind.KEYS:
                return "API keys", "programs have no conversations"
            case Kind.REST:
                return self._rest(group)

    def _person(self, group: Group) -> str:
        person = self.people.get(group.id)
        return str(person) if person else "A deleted account"

    def _standing(self, group: Group) -> str:
        return "" if group.id in self.members else "no longer a member"

    def _conversation(self, group: Group) -> tuple[str, str]:
        found = self.conversations.get(group.id)
        if found is None:
            return "A conversation", "deleted or private by now"
        return str(found), "" if found.user_id == self.reader_id else f"shared by {found.user}"

    def _rest(self, group: Group) -> tuple[str, str]:
        if group.id == self.reader_id:
            return "Your other requests without a key", "deleted and earlier conversations"
        return f"Private conversations of {self._person(group)}", "and what else had no key"


def _key(key: ApiKey | None) -> tuple[str, str]:
    if key is None:
        return "A deleted key", ""
    return key.name, f"{key.prefix}… of {key.user}{'' if key.is_live else ', no longer valid'}"


def _bulk(rows: models.QuerySet[Any], groups: Iterable[Group], *kinds: Kind) -> Mapping[Any, Any]:
    wanted = [group.id for group in groups if group.kind in kinds]
    return rows.in_bulk(wanted) if wanted else {}


def _members(groups: Iterable[Group], scope: Scope) -> frozenset[int]:
    """Those of the groups that are in the workspace now."""
    wanted = [int(str(group.id)) for group in groups if group.kind is Kind.MEMBER]
    if not wanted:
        return frozenset()
    places = Membership.objects.filter(workspace=scope.workspace_id, left_at=None)
    if len(wanted) <= MOST_ASKED:
        places = places.filter(user__in=wanted)
    return frozenset(places.values_list("user_id", flat=True))


def _open_to(reader_id: int, scope: Scope) -> models.QuerySet[Conversation]:
    """What may be read there: one's own, and what is shared at this moment."""
    mine, shared = models.Q(user=reader_id), models.Q(shared_at__isnull=False)
    here = Conversation.objects.filter(workspace=scope.workspace_id)
    return here.filter(mine | shared).select_related("user")
