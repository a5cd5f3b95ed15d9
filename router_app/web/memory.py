"""Which earlier turns go along with a prompt: they are sent, and paid for, with every new one.

A turn is a question with its latest answer, whole or stopped. Refused and failed ones stay behind.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from router_app.models import Conversation, Message

CONTEXT_CHARACTERS = 24_000  # of earlier turns, about 6,000 tokens of English; the oldest go first
MESSAGES_READ = 400  # of the newest; what goes along is far less
ANSWERED = (Message.State.COMPLETE, Message.State.STOPPED)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer."""

    question: str = field(repr=False)
    answer: str = field(repr=False)

    @property
    def characters(self) -> int:
        return len(self.question) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Memory:
    """The turns that go along, oldest first, and how many older ones do not."""

    turns: tuple[Turn, ...] = ()
    left_out: int = 0

    @property
    def characters(self) -> int:
        return sum(turn.characters for turn in self.turns)

    def with_prompt(self, prompt: str) -> tuple[Mapping[str, str], ...]:
        """The messages a provider is sent."""
        earlier = [
            {"role": role, "content": text}
            for turn in self.turns
            for role, text in (("user", turn.question), ("assistant", turn.answer))
        ]
        return (*earlier, {"role": "user", "content": prompt})

    def share_of(self, input_tokens: int, prompt: str) -> int:
        """About how many of a call's input tokens were these turns, by their length."""
        whole = self.characters + len(prompt)
        return round(input_tokens * self.characters / whole) if whole else 0


def answered_turns(messages: Iterable[Message]) -> list[Turn]:
    """The turns of a conversation, from its messages in order."""
    turns: list[Turn] = []
    question: str | None = None
    for message in messages:
        if message.role == Message.Role.USER:
            question, is_again = message.text, False
        elif question is not None and message.state in ANSWERED and message.text:
            if is_again:
                turns.pop()
            turns.append(Turn(question, message.text))
            is_again = True
    return turns


def remember(turns: Sequence[Turn]) -> Memory:
    """The newest turns that fit into CONTEXT_CHARACTERS, whole turns only."""
    room, first = CONTEXT_CHARACTERS, len(turns)
    while first and turns[first - 1].characters <= room:
        first -= 1
        room -= turns[first].characters
    return Memory(tuple(turns[first:]), left_out=first)


def recent_messages(conversation: Conversation) -> list[Message]:
    """The newest messages of a conversation, oldest first."""
    return list(conversation.messages.order_by("-created_at")[:MESSAGES_READ])[::-1]
