"""What the console shows once the product answers: where, who, by what, and a first request."""

import json
from dataclasses import dataclass

FIRST_REQUEST = {
    "prompt": "What is the capital of Japan?",
    "task_type": "general",
    "budget": 0.001,
    "quality": "low",
}


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Everything a person needs to begin."""

    url: str
    username: str
    generated_password: str | None  # only in the start that made the account
    api_key: str | None
    answers_from: str


def welcome_text(steps: FirstSteps) -> str:
    """The lines, ready to print; the only place where a generated password is written."""
    once = f"{steps.generated_password}   (shown only this once)"
    lines = [
        "",
        "Budget Router is running.",
        "",
        f"  Open        {steps.url}",
        f"  Sign in as  {steps.username}",
        f"  Password    {once if steps.generated_password else 'as you set it'}",
        f"  Answers     {steps.answers_from}",
        "",
        "  Try it from another terminal:",
        "",
        f"  {curl_line(steps.url, steps.api_key)}",
        "",
    ]
    if steps.api_key is None:
        lines += [f"  with a key of yours in API_KEY: make one at {steps.url}/keys/", ""]
    return "\n".join([*lines, "Ctrl-C stops it.", ""])


def curl_line(url: str, api_key: str | None) -> str:
    """A request to copy; without a key it takes one from the shell's API_KEY."""
    return (
        f'curl -s {url}/route -H "Authorization: Bearer {api_key or "$API_KEY"}"'
        f" -H \"Content-Type: application/json\" -d '{json.dumps(FIRST_REQUEST)}'"
    )
