"""Ask from the command line."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from budgetrouter.serving.problem import Problem
from router_app.api.receipts import answer_reply
from router_app.errors import ProviderError, RouterError
from router_app.gateway.requests import MAX_PROMPT_CHARACTERS, Answer, Face, RouteRequest
from router_app.management.arguments import USAGE_ERROR, active_person, count, usd
from router_app.management.asking import ask, exit_code, in_words, summary
from router_app.management.lifetime import gateway
from router_app.management.stand_in import stand_in_where_needed
from router_app.models import User
from router_app.money import MAX_TOKENS
from router_app.routing.tasks import Quality, Task

STOPPED = 130  # what shells report after Ctrl-C


class Command(BaseCommand):
    help = (
        "Route a prompt and print the answer as it comes; then, on standard error, the model, the "
        "cost and why. Exit codes: 0 answered, 2 usage, 3 refused by a budget, 4 no model may "
        "serve it, 5 the provider failed. Ctrl-C stops the answer; it is charged for what ran."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompt")
        parser.add_argument("--user", required=True, metavar="USERNAME", help="who pays")
        parser.add_argument("--task", choices=[*Task], help="the person's own default unless given")
        parser.add_argument("--quality", choices=[*Quality], help="likewise")
        parser.add_argument(
            "--budget", type=usd(min_nanos=1), metavar="USD", help="for this request; likewise"
        )
        parser.add_argument("--model", help="this model instead of the router's choice")
        parser.add_argument("--max-tokens", type=count(most=MAX_TOKENS), metavar="N")
        parser.add_argument(
            "--json", action="store_true", help="print what POST /route answers, at the end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        request = _request(active_person(options["user"]), options)
        say = _discard if options["json"] else self._say
        try:
            with stand_in_where_needed(self.stderr.write), gateway():
                answer = asyncio.run(ask(request, say=say, note=self.stderr.write))
        except KeyboardInterrupt:
            raise CommandError("Stopped; charged for what ran.", returncode=STOPPED) from None
        except Problem as problem:
            raise CommandError(str(problem), returncode=exit_code(ProviderError(""))) from None
        except RouterError as error:
            raise CommandError(in_words(error), returncode=exit_code(error)) from None
        self._finish(answer, as_json=options["json"])

    def _say(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def _finish(self, answer: Answer, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(answer_reply(answer).json_text().decode())
        elif answer.text and not answer.text.endswith("\n"):
            self.stdout.write("")
        self.stderr.write(summary(answer))
        if answer.error is not None:
            raise CommandError(in_words(answer.error), returncode=exit_code(answer.error))


def _request(person: User, options: dict[str, Any]) -> RouteRequest:
    prompt = options["prompt"]
    if not prompt.strip() or len(prompt) > MAX_PROMPT_CHARACTERS or "\x00" in prompt:
        text = f"A prompt has 1 to {MAX_PROMPT_CHARACTERS:,} characters and no NUL."
        raise CommandError(text, returncode=USAGE_ERROR)
    return RouteRequest(
        user_id=person.pk,
        face=Face.COMMAND,
        messages=({"role": "user", "content": prompt},),
        task=Task(options["task"] or person.default_task),
        quality=Quality(options["quality"] or person.default_quality),
        budget_nanos=options["budget"] or person.default_budget_nanos,
        model=options["model"],
        max_tokens=options["max_tokens"],
    )


def _discard(text: str) -> None:
    """With --json the text comes once, inside the object."""
