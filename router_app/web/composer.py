"""The composer: a prompt, and how it is to be answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log10
from typing import Any

from django import forms
from django.http import QueryDict

from router_app.gateway import service
from router_app.gateway.requests import MAX_PROMPT_CHARACTERS
from router_app.models import Conversation, Message, RoutingDecision, User
from router_app.money import NANOS_PER_USD, plain_usd
from router_app.routing.specs import ModelSpec, ModelStatus
from router_app.routing.tasks import Quality, Task
from router_app.web.fields import UsdField

MAX_BUDGET_NANOS = 1_000 * NANOS_PER_USD
SLIDER_FROM_NANOS = 100_000  # $0.0001
SLIDER_DECADES = 2  # up to $0.01
SLIDER_STEPS = 200
ROUTER_CHOOSES = ("", "The router chooses")

EXAMPLES = (
    ("code", "Write a Python function that merges overlapping intervals, with tests."),
    ("email", "Write a short, friendly e-mail that moves Thursday's meeting to Friday at 10."),
    ("summarize", "Summarize in three sentences: "),
    ("general", "What is the capital of Australia, and why not Sydney?"),
)


@dataclass(frozen=True, slots=True)
class Choices:
    """How a prompt is to be answered. The budget is in nano-dollars."""

    task: str
    quality: str
    budget_nanos: int
    model: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain members, to be kept with a refusal."""
        return asdict(self)

    def as_typed(self) -> dict[str, str]:
        """As a browser would send them."""
        return {
            "task": self.task,
            "quality": self.quality,
            "budget": plain_usd(self.budget_nanos),
            "model": self.model,
        }

    def as_initial(self) -> dict[str, Any]:
        """As initial values of the form."""
        return {
            "task": self.task,
            "quality": self.quality,
            "budget": self.budget_nanos,
            "model": self.model,
        }


class ChoicesForm(forms.Form):
    """How a prompt is to be answered."""

    task = forms.ChoiceField(
        choices=[(task.value, task.value.capitalize()) for task in Task], widget=forms.RadioSelect
    )
    quality = forms.ChoiceField(
        choices=[(quality.value, quality.value.capitalize()) for quality in Quality],
        widget=forms.RadioSelect,
    )
    budget = UsdField(
        label="Budget of this request",
        min_nanos=1,
        max_nanos=MAX_BUDGET_NANOS,
        error_messages={"required": "Enter a budget, such as 0.001."},
    )
    model = forms.ChoiceField(
        required=False,
        error_messages={
            "invalid_choice": "This model is not there any more. Choose another, or let the "
            "router choose."
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = "composer-%s"
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = model_choices()  # type: ignore[attr-defined]

    @property
    def choices(self) -> Choices:
        """The cleaned choices."""
        data = self.cleaned_data
        return Choices(data["task"], data["quality"], data["budget"], data["model"])

    @property
    def slider(self) -> int:
        """Where the slider stands for the budget: 0..SLIDER_STEPS on a logarithmic scale."""
        try:
            nanos = self.fields["budget"].clean(self["budget"].value())
        except forms.ValidationError:
            nanos = None
        return slider_position(nanos or SLIDER_FROM_NANOS)


class ComposerForm(ChoicesForm):
    """A prompt with its choices, for a conversation or for a new one."""

    conversation = forms.UUIDField(required=False, widget=forms.HiddenInput)
    prompt = forms.CharField(
        max_length=MAX_PROMPT_CHARACTERS,
        error_messages={"required": "Write a prompt first."},
        widget=forms.Textarea(
            attrs={
                "rows": 1,
                "data-grow": True,
                "placeholder": "Ask anything",
                "enterkeyhint": "send",
                "aria-describedby": "composer-keys",
            }
        ),
    )

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        if data is not None:
            data = data.copy()  # a form sends every line break as two characters
            data["prompt"] = str(data.get("prompt", "")).replace("\r\n", "\n")
        super().__init__(data, **kwargs)


def slider_position(nanos: int) -> int:
    """The step of the slider nearest to an amount; the ends for what lies beyond."""
    share = log10(nanos / SLIDER_FROM_NANOS) / SLIDER_DECADES
    return round(min(1.0, max(0.0, share)) * SLIDER_STEPS)


def model_choices() -> list[tuple[str, str]]:
    """The router first, then every model that can be routed to."""
    models = sorted(filter(can_be_routed_to, service.catalog().specs), key=lambda m: -m.quality)
    return [ROUTER_CHOOSES, *((model.id, model.name) for model in models)]


def can_be_routed_to(model: ModelSpec) -> bool:
    """Whether asking for this model makes sense now."""
    is_live = model.status in (ModelStatus.ACTIVE, ModelStatus.PREVIEW)
    return is_live and model.rates is not None and model.unavailable_reason is None


def choices_of_person(user: User) -> Choices:
    """What a new conversation begins with."""
    return Choices(user.default_task, user.default_quality, user.default_budget_nanos)


def choices_of_conversation(conversation: Conversation, user: User) -> Choices:
    """What the newest answer, or refusal, of the conversation was asked with."""
    answers = conversation.messages.filter(role=Message.Role.ASSISTANT)
    newest = answers.select_related("decision").order_by("-created_at").first()
    return (newest and choices_of_answer(newest)) or choices_of_person(user)


def choices_of_answer(answer: Message) -> Choices | None:
    """What this answer was asked with, where that is known."""
    if answer.decision is not None:
        return _choices_of_decision(answer.decision)
    asked = (answer.error or {}).get("asked")
    return _choices_of_refusal(asked) if isinstance(asked, Mapping) else None


def _choices_of_decision(decision: RoutingDecision) -> Choices:
    budget = decision.budget_nanos or SLIDER_FROM_NANOS
    return Choices(decision.task_type, decision.quality, budget, decision.requested_model)


def _choices_of_refusal(asked: Mapping[str, Any]) -> Choices:
    return Choices(asked["task"], asked["quality"], asked["budget_nanos"], asked.get("model", ""))
