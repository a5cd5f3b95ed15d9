"""The embedded model, started as the supervisor starts it and asked as a provider is."""

import json
import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from budgetrouter.serving import stand_in
from budgetrouter.serving.install import ROOT
from budgetrouter.serving.stand_in_keeper import StandInKeeper
from tests.serving.processes import is_running, wait_until

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.skipif(
        not stand_in.is_installed(), reason="the wheels of requirements-demo.txt are not installed"
    ),
]
QUESTION = "What is the capital of France? Zebra."


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def keeper(said: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInKeeper]:
    log = tmp_path_factory.mktemp("logs") / "stand-in.log"
    keeper = StandInKeeper(root=ROOT, log=log, say=said.append)
    keeper.start()
    wait_until(keeper.is_ready, seconds=60)
    yield keeper
    keeper.stop(lambda: False)
    assert keeper.pid is not None and not is_running(keeper.pid)


@pytest.fixture(scope="module")
def model(keeper: StandInKeeper) -> Iterator[httpx.Client]:
    where = keeper.settings()
    headers = {"Authorization": f"Bearer {where['DEMO_API_KEY']}"}
    with httpx.Client(base_url=where["DEMO_BASE_URL"], headers=headers, timeout=60) as client:
        yield client


def ask(client: httpx.Client, **changed: object) -> httpx.Response:
    body = {
        "model": "llama-3.3-70b-versatile",
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 12,
    }
    return client.post("/chat/completions", json={**body, **changed})


def test_it_answers_for_any_model_and_counts(model: httpx.Client) -> None:
    answer = ask(model).json()
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["usage"]["prompt_tokens"] > 10
    assert 0 < answer["usage"]["completion_tokens"] <= 12


def test_a_stream_ends_with_its_usage(model: httpx.Client) -> None:
    text = ask(model, stream=True, stream_options={"include_usage": True}).text
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    assert json.loads(lines[-2])["usage"]["completion_tokens"] > 0


def test_only_the_holder_of_the_key_may_ask(model: httpx.Client) -> None:
    assert ask(httpx.Client(base_url=model.base_url)).status_code == 401


def test_no_page_of_another_origin_may_ask(model: httpx.Client) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    allowed = model.options("/chat/completions", headers=headers).headers
    assert allowed.get("access-control-allow-origin", "") == ""
    assert allowed.get("access-control-allow-credentials", "false") == "false"


def test_it_says_nothing_of_this_machine(model: httpx.Client) -> None:
    assert ask(model).json()["model"] == stand_in.MODEL_NAME


def test_its_log_holds_no_prompts(model: httpx.Client, keeper: StandInKeeper) -> None:
    ask(model)
    assert ask(model, messages=[{"role": "Zebra", "content": ["Zebra"]}]).is_error
    assert "Zebra" not in keeper.log.read_text()


def test_it_is_started_again_at_the_same_address(
    model: httpx.Client, keeper: StandInKeeper, said: list[str]
) -> None:
    before = keeper.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: keeper.watch() or keeper.pid != before)
    wait_until(keeper.is_ready)
    assert ask(model).status_code == 200
    assert any("starting it again" in line for line in said)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 2), (16, 8)])
def test_it_leaves_cores_to_the_server(cores: int, threads: int) -> None:
    assert stand_in.threads(cores) == threads
