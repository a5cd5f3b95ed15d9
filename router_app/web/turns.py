"""A conversation as its page shows it: questions, answers with their price, refusals in words."""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Sum
from django.utils.safestring import SafeString

from router_app.models import Call, Conversation, LanguageModel, Message, RoutingDecision, User
from router_app.money import format_usd
from router_app.web.answers import render_answer
from router_app.web.composer import Choices, choices_of_answer
from router_app.web.memory import MESSAGES_READ, Memory, answered_turns, remember
from router_app.web.receipts import receipt_context
from router_app.web.refusals import RefusalView, refusal_view
from router_app.web.words import first_words

MESSAGES_SHOWN = 60  # the rest on request
LONG_CHARACTERS = 3_000  # a longer question is folded, with so much of it in sight:
SHORT_CHARACTERS = 600
MORE_ROOM = 4  # how many times the cap and the budget an answer that was cut is offered
MOSTLY_PERCENT = 60  # of the input being earlier turns: a fresh start is offered
MOSTLY_TOKENS = 400  # below this the input costs next to nothing anyway

CUT = "length"  # the finish reason of an answer that reached its cap


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked."""

    message: Message
    is_answer = False

    @property
    def is_long(self) -> bool:
        return len(self.message.text) > LONG_CHARACTERS

    @property
    def beginning(self) -> str:
        return self.message.text[:SHORT_CHARACTERS]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer, whole, under way or refused, with everything its page says about it."""

    message: Message
    html: SafeString
    call: Call | None = None
    decision: RoutingDecision | None = None
    question: str = ""
    memory: Memory = field(default_factory=Memory)
    earlier_tokens: int = 0  # about how many of the input tokens were earlier turns
    refusal: RefusalView | None = None
    choices: Choices | None = None
    receipt: dict[str, Any] = field(default_factory=dict)
    is_last: bool = False
    is_superseded: bool = False  # the question was asked again
    is_answer = True

    @property
    def is_writing(self) -> bool:
        return self.message.state == Message.State.WRITING

    @property
    def has_ended(self) -> bool:
        """Whether there was a call, and it is over."""
        return self.call is not None and not self.is_writing

    @property
    def is_stand_in(self) -> bool:
        return self.call is not None and self.call.model.provider.stand_in

    @property
    def seconds(self) -> float | None:
        if self.decision is None or self.decision.closed_at is None:
            return None
        return (self.decision.closed_at - self.decision.created_at).total_seconds()

    @property
    def tokens(self) -> int:
        return self.call.input_tokens + self.call.output_tokens if self.call else 0

    @property
    def reason(self) -> str:
        """Why this model, in words."""
        return str(self.decision.receipt.get("reason", "")) if self.decision else ""

    @property
    def short_reason(self) -> str:
        """The reason's first words: the numbers are in the receipt."""
        return first_words(self.reason)

    @property
    def was_cut(self) -> bool:
        return self._reached_its_cap and bool(self.message.text)

    @property
    def only_thought(self) -> bool:
        """It reached its cap before the first visible word."""
        return self._reached_its_cap and not self.message.text

    @property
    def _reached_its_cap(self) -> bool:
        return not self.is_writing and self.call is not None and self.call.finish_reason == CUT

    @property
    def is_empty(self) -> bool:
        return self.message.state == Message.State.COMPLETE and not self.message.text.strip()

    @property
    def can_be_asked_again(self) -> bool:
        return self.is_last and not self.is_writing and not self.is_superseded

    @property
    def more_tokens(self) -> int:
        return self.call.output_cap_tokens * MORE_ROOM if self.call else 0

    @property
    def more_nanos(self) -> int:
        return self.choices.budget_nanos * MORE_ROOM if self.choices else 0

    @property
    def more_words(self) -> str:
        most = format_usd(self.more_nanos)
        return f"Again with room for {self.more_tokens:,} tokens, up to {most}"

    @property
    def is_mostly_earlier(self) -> bool:
        """Whether most of what this answer cost to read was earlier turns."""
        if self.call is None or self.earlier_tokens < MOSTLY_TOKENS:
            return False
        return self.earlier_tokens * 100 >= self.call.input_tokens * MOSTLY_PERCENT


Turns = list[Question | AnswerView]


def turns_of(
    conversation: Conversation,
    user: User,
    *,
    only: Collection[uuid.UUID] | None = None,
    everything: bool = False,
) -> Turns:
    """The conversation's questions and answers in order: the newest, `only` some, or everything."""
    messages = _messages(conversation, None if everything else MESSAGES_READ)
    first = 0 if everything else max(0, len(messages) - MESSAGES_SHOWN)
    reader = _Reader(ZoneInfo(user.time_zone), cache(_model_names))
    return [
        _view(messages, index, reader)
        for index in range(first, len(messages))
        if only is None or messages[index].pk in only
    ]


def _messages(conversation: Conversation, count: int | None) -> list[Message]:
    """The newest messages, oldest first, with what their answers' pages need."""
    calls = Prefetch(
        "decision__calls",
        Call.objects.select_related("model__provider", "price").order_by("attempt"),
    )
    newest = conversation.messages.select_related("decision").prefetch_related(calls)
    return list(newest.order_by("-created_at")[:count])[::-1]


def total_nanos(conversation: Conversation) -> int:
    """What the conversation cost so far."""
    decisions = RoutingDecision.objects.filter(message__conversation=conversation)
    return decisions.aggregate(total=Sum("cost_nanos"))["total"] or 0


def _view(messages: Sequence[Message], index: int, reader: "_Reader") -> Question | AnswerView:
    if messages[index].role == Message.Role.USER:
        return Question(messages[index])
    return _answer(messages, index, reader)


def _answer(messages: Sequence[Message], index: int, reader: "_Reader") -> AnswerView:
    message = messages[index]
    following = messages[index + 1] if index + 1 < len(messages) else None
    call = _last_call(message)
    question, memory = _asked_with(messages, index)
    is_shown = message.state != Message.State.WRITING
    return AnswerView(
        message=message,
        html=render_answer(message.text) if is_shown else SafeString(""),
        call=call,
        decision=message.decision,
        question=question,
        memory=memory,
        earlier_tokens=memory.share_of(call.input_tokens, question) if call else 0,
        refusal=_refusal(message, reader),
        choices=choices_of_answer(message),
        receipt=receipt_context(message.decision) if message.decision and is_shown else {},
        is_last=following is None,
        is_superseded=following is not None and following.role == Message.Role.ASSISTANT,
    )


def _asked_with(messages: Sequence[Message], index: int) -> tuple[str, Memory]:
    """The question of this answer, and the earlier turns that went along with it."""
    while index and messages[index].role != Message.Role.USER:
        index -= 1
    return messages[index].text, remember(answered_turns(messages[:index]))


def _last_call(message: Message) -> Call | None:
    calls: Iterable[Call] = message.decision.calls.all() if message.decision else ()
    return max(calls, key=lambda call: call.attempt, default=None)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose page it is, as far as a refusal's words depend on it."""

    zone: ZoneInfo
    model_names: Callable[[], dict[str, str]]  # asked for once, and only where there is a refusal


def _model_names() -> dict[str, str]:
    return dict(LanguageModel.objects.values_list("model_id", "name"))


def _refusal(message: Message, reader: _Reader) -> RefusalView | None:
    if message.state != Message.State.REFUSED or message.error is None:
        return None
    return refusal_view(message.error, zone=reader.zone, names=reader.model_names())
