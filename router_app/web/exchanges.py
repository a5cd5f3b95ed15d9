"""A prompt and its answer on their way into a conversation.

The rows are written in the same transaction that holds the money: there is never an answer under
way without its message, and never a message waiting for an answer that nobody asked for.
"""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from router_app.errors import RouterError
from router_app.gateway.requests import Admission, Face, RouteRequest
from router_app.models import Conversation, Membership, Message
from router_app.routing.tasks import Quality, Task
from router_app.web.composer import Choices
from router_app.web.memory import Memory, answered_turns, recent_messages, remember
from router_app.web.refusals import refusal_as_json

TITLE_CHARACTERS = 60


class AnswerRunning(Exception):
    """The conversation has an answer that is still being written."""


class ConversationGone(Exception):
    """The conversation was deleted in the meantime."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to be asked; its ids are known before anything is written."""

    user_id: int
    workspace_id: int
    conversation_id: uuid.UUID
    prompt: str = field(repr=False)
    choices: Choices
    memory: Memory = field(default_factory=Memory, repr=False)
    is_new: bool = False  # the conversation begins with this question
    asks_again: bool = False  # the question stands there already
    replaces: tuple[uuid.UUID, ...] = ()  # a refused try with the same words
    max_tokens: int | None = None
    question_id: uuid.UUID = field(default_factory=uuid.uuid4)
    answer_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def as_request(self) -> RouteRequest:
        """What the gateway is asked."""
        return RouteRequest(
            user_id=self.user_id,
            workspace_id=self.workspace_id,
            face=Face.CHAT,
            messages=self.memory.with_prompt(self.prompt),
            task=Task(self.choices.task),
            quality=Quality(self.choices.quality),
            budget_nanos=self.choices.budget_nanos,
            model=self.choices.model or None,
            max_tokens=self.max_tokens,
        )

    def record(self, outcome: Admission | RouterError) -> uuid.UUID | None:
        """Write the question and the answer to be, or the refusal. Database only; may run twice.

        Raises AnswerRunning or ConversationGone, which undoes the reservation too.
        """
        now = timezone.now()
        self._touch_conversation()
        Message.objects.filter(
            pk__in=self.replaces, conversation=self.conversation_id, decision=None
        ).delete()
        if not self.asks_again:
            Message.objects.create(
                id=self.question_id,
                conversation_id=self.conversation_id,
                role=Message.Role.USER,
                text=self.prompt,
                created_at=now,
            )
        answer = Message(
            id=self.answer_id,
            conversation_id=self.conversation_id,
            role=Message.Role.ASSISTANT,
            created_at=now + timedelta(milliseconds=1),
        )
        if isinstance(outcome, RouterError):
            answer.state = Message.State.REFUSED
            answer.error = refusal_as_json(outcome, self.choices)
        else:
            answer.state = Message.State.WRITING
            answer.decision_id = outcome.decision_id
        answer.save(force_insert=True)
        return None if isinstance(outcome, RouterError) else self.answer_id

    def _touch_conversation(self) -> None:
        now = timezone.now()
        if self.is_new:
            Conversation.objects.create(
                id=self.conversation_id, user_id=self.user_id, workspace_id=self.workspace_id,
                title=title_of(self.prompt), created_at=now, updated_at=now,
            )  # fmt: skip
            return
        mine = Conversation.objects.filter(pk=self.conversation_id, user_id=self.user_id)
        if not mine.update(updated_at=now):
            raise ConversationGone
        if Message.objects.filter(
            conversation=self.conversation_id, state=Message.State.WRITING
        ).exists():
            raise AnswerRunning


def first_exchange(member: Membership, prompt: str, choices: Choices) -> Exchange:
    """The question that begins a conversation."""
    return Exchange(member.user_id, member.workspace_id, uuid.uuid4(), prompt, choices, is_new=True)


def next_exchange(conversation: Conversation, prompt: str, choices: Choices) -> Exchange:
    """A further question. The same words after a refusal replace the refused try."""
    messages = recent_messages(conversation)
    replaces: tuple[uuid.UUID, ...] = ()
    question, answer = messages[-2:] if len(messages) > 1 else (None, None)
    if question and answer and answer.state == Message.State.REFUSED and question.text == prompt:
        replaces = (question.pk, answer.pk)
    return Exchange(
        conversation.user_id,
        conversation.workspace_id,
        conversation.pk,
        prompt,
        choices,
        memory=remember(answered_turns(messages)),
        replaces=replaces,
    )


def exchange_again(
    answer: Message, choices: Choices, max_tokens: int | None = None
) -> Exchange | None:
    """The question of this answer once more; None where it is not the conversation's last."""
    messages = recent_messages(answer.conversation)
    if not messages or messages[-1].pk != answer.pk:
        return None
    place = max(i for i, m in enumerate(messages) if m.role == Message.Role.USER)
    refused = answer.state == Message.State.REFUSED
    return Exchange(
        answer.conversation.user_id,
        answer.conversation.workspace_id,
        answer.conversation_id,
        messages[place].text,
        choices,
        memory=remember(answered_turns(messages[:place])),
        asks_again=True,
        replaces=(answer.pk,) if refused else (),
        max_tokens=max_tokens,
        question_id=messages[place].pk,
    )


def title_of(prompt: str) -> str:
    """The beginning of a prompt, cut at a word where one ends near enough."""
    words = " ".join(prompt.split())
    if len(words) <= TITLE_CHARACTERS:
        return words
    head = words[:TITLE_CHARACTERS]
    whole, _, rest = head.rpartition(" ")
    return f"{whole if whole and len(rest) < TITLE_CHARACTERS // 3 else head}…"
