"""What the console shows, and that its curl line is a request the product takes."""

import json
import shlex

import pytest

from budgetrouter.serving.welcome import FirstSteps, curl_line, welcome_text

STEPS = FirstSteps(
    url="http://127.0.0.1:8000",
    username="root",
    generated_password="k7wq-abcd-efgh-jkmn",
    api_key="br-secret",
    answers_from="from Groq, on your key",
)


def test_it_says_where_who_and_what() -> None:
    text = welcome_text(STEPS)
    for part in ("http://127.0.0.1:8000", "root", "from Groq, on your key", "Ctrl-C"):
        assert part in text
    assert text.count("k7wq-abcd-efgh-jkmn") == 1
    assert text.count("br-secret") == 1


def test_without_a_new_password_none_is_shown() -> None:
    later = FirstSteps(STEPS.url, "root", None, "br-secret", STEPS.answers_from)
    assert "as you set it" in welcome_text(later)


def test_the_curl_line_is_complete() -> None:
    words = shlex.split(curl_line(STEPS.url, "br-secret"))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/route"]
    assert "Authorization: Bearer br-secret" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body == {
        "prompt": "What is the capital of Japan?",
        "task_type": "general",
        "budget": 0.001,
        "quality": "low",
    }


def test_without_a_key_it_says_where_one_is_made() -> None:
    text = welcome_text(FirstSteps(STEPS.url, "root", None, None, STEPS.answers_from))
    assert "$API_KEY" in text
    assert "http://127.0.0.1:8000/keys/" in text


@pytest.mark.parametrize("line", welcome_text(STEPS).splitlines())
def test_no_line_but_the_request_is_long(line: str) -> None:
    assert len(line) <= 80 or "curl" in line
