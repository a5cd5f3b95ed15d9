"""Bills are entered, replaced, checked again and deleted here, each with its audit entry.

What the calls say is read before anything is locked, for it may take a while.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from router_app.bills.findings import Days, findings_of
from router_app.bills.table import Line, Unreadable
from router_app.bills.verdict import Findings
from router_app.models import AuditEntry, Bill, LanguageModel, User

Action = AuditEntry.Action


@dataclass(frozen=True, slots=True)
class Entry:
    """What a provider billed for one model in one period."""

    model: LanguageModel
    days: Days
    amount_nanos: int


@dataclass(frozen=True, slots=True)
class Entered:
    """How many bills there are now that were not, how many say something else, and the same."""

    new: int
    replaced: int
    same: int


def entries_of(lines: Iterable[Line], *, time_zone: str, provider: str = "") -> list[Entry]:
    """Lines of a table with the models they mean; several for one model and period are added up.

    `provider` is the slug of whose table it is, where it does not say so itself. Raises Unreadable.
    """
    found: dict[tuple[int, Days], Entry] = {}
    problems: list[str] = []
    known = _Models()
    for line in lines:
        try:
            model = known.find(line.model, line.provider or provider)
        except ValueError as error:
            problems.append(f"Line {line.number}: {error}.")
            continue
        days = Days(line.first, line.last, time_zone)
        before = found.get((model.pk, days))
        amount = line.amount_nanos + (before.amount_nanos if before else 0)
        found[model.pk, days] = Entry(model, days, amount)
    if problems:
        raise Unreadable(problems)
    return list(found.values())


def enter(entries: Sequence[Entry], *, by: User) -> Entered:
    """Keep them all, each in the place of one for the same model and period, and check them."""
    said = findings_for({entry.days for entry in entries})
    new = replaced = 0
    with transaction.atomic():
        for entry in entries:
            before = _kept(entry)
            findings = said[entry.days].get(entry.model.pk, Findings())
            if before is None:
                new += 1
            elif before.amount_nanos != entry.amount_nanos:
                replaced += 1
            _keep(entry, before, findings, by)
    return Entered(new, replaced, len(entries) - new - replaced)


def check_again(bills: Iterable[Bill]) -> None:
    """Read anew what the calls say, such as after a correction."""
    bills = list(bills)
    said = findings_for({days_of(bill) for bill in bills})
    for bill in bills:
        findings = said[days_of(bill)].get(bill.model_id, Findings())
        kept = Bill.objects.filter(pk=bill.pk)
        kept.update(findings=findings.as_dict(), checked_at=timezone.now())


def delete(bill: Bill, *, by: User) -> None:
    """Forget what was entered; the audit trail remembers."""
    with transaction.atomic():
        _note(Action.BILL_DELETED, bill, by, before={"amount_nanos": bill.amount_nanos})
        bill.delete()


def days_of(bill: Bill) -> Days:
    """The bill's period."""
    return Days(bill.starts_on, bill.ends_on, bill.time_zone)


def findings_for(periods: Iterable[Days]) -> Mapping[Days, Mapping[int, Findings]]:
    """By period and model; a query for each period."""
    return {days: findings_of(days) for days in periods}


def _kept(entry: Entry) -> Bill | None:
    days = entry.days
    kept = Bill.objects.select_for_update().filter(
        model=entry.model, starts_on=days.first, ends_on=days.last, time_zone=days.time_zone
    )
    return kept.first()


def _keep(entry: Entry, before: Bill | None, findings: Findings, by: User) -> None:
    bill = before or Bill(
        model=entry.model,
        starts_on=entry.days.first,
        ends_on=entry.days.last,
        time_zone=entry.days.time_zone,
    )
    was = before.amount_nanos if before else None
    now = timezone.now()
    bill.amount_nanos, bill.findings, bill.checked_at = entry.amount_nanos, findings.as_dict(), now
    if was != entry.amount_nanos:
        bill.entered_by, bill.entered_at = by, now
        action = Action.BILL_ENTERED if was is None else Action.BILL_REPLACED
        said = {} if was is None else {"amount_nanos": was}
        _note(action, bill, by, before=said, after={"amount_nanos": entry.amount_nanos})
    bill.save()


def _note(
    action: Action,
    bill: Bill,
    by: User,
    *,
    before: Mapping[str, int],
    after: Mapping[str, int] | None = None,
) -> None:
    subject = f"{bill} ({bill.time_zone})"
    AuditEntry.note(action, subject, actor_id=by.pk, before=before, after=after)


class _Models:
    """The catalogue by what tables call its models: id or name, in either case."""

    def __init__(self) -> None:
        self._by_word: dict[str, list[LanguageModel]] = {}
        self._providers: set[str] = set()
        for model in LanguageModel.objects.select_related("provider"):
            self._providers |= _words_of_provider(model)
            for word in {model.model_id.casefold(), model.name.casefold()}:
                self._by_word.setdefault(word, []).append(model)

    def find(self, word: str, provider: str) -> LanguageModel:
        """The one model that is meant. Raises ValueError, with the end of a sentence."""
        its = provider.casefold()
        if its and its not in self._providers:
            raise ValueError(f"no provider is called “{provider[:40]}”")
        found = [
            model
            for model in self._by_word.get(word.casefold(), ())
            if not its or its in _words_of_provider(model)
        ]
        if not found:
            raise ValueError(
                f"no model {'of that provider ' if its else ''}is called “{word[:40]}”"
            )
        if len(found) > 1:
            raise ValueError(f"several models are called “{word[:40]}”; say whose the bill is")
        return found[0]


def _words_of_provider(model: LanguageModel) -> set[str]:
    return {model.provider.slug.casefold(), model.provider.name.casefold()}
