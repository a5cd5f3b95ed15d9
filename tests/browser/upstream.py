"""An OpenAI-compatible upstream that says what a test wrote for a prompt, and waits where told."""

import asyncio
from dataclasses import dataclass, field

from tests.providers.exchange import ClientLeft, Exchange, read_request
from tests.providers.hostile import HostileUpstream

HOLD = None  # in an answer: say nothing more until `let_go`
INPUT_TOKENS = 40
OTHERWISE = ("It ", "depends.")


@dataclass(slots=True)
class Script:
    """What one prompt is answered with."""

    pieces: tuple[str | None, ...]
    finish: str
    gates: list[asyncio.Event] = field(default_factory=list)


class ScriptedUpstream(HostileUpstream):
    """Use as a context manager. A prompt that nobody scripted gets OTHERWISE."""

    def __init__(self) -> None:
        super().__init__()
        self._scripts: dict[str, Script] = {}

    def answers(self, prompt: str, *pieces: str | None, finish: str = "stop") -> None:
        """What is said to this prompt, piece by piece; HOLD waits."""
        gates = [asyncio.Event() for piece in pieces if piece is HOLD]
        self._scripts[prompt] = Script(pieces, finish, gates)

    def go_on(self, prompt: str) -> None:
        """Pass the next HOLD of this prompt's answer."""
        gate = next(gate for gate in self._scripts[prompt].gates if not gate.is_set())
        self._call(gate.set)

    def was_asked(self, prompt: str) -> int:
        """How often."""
        return sum(prompt_of(each.body) == prompt for each in list(self.received))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await read_request(reader, number=len(self.received) + 1)
        if request is None:
            return False
        self.received.append(request)
        exchange = Exchange(request, reader, writer)
        script = self._scripts.get(prompt_of(request.body), Script(OTHERWISE, "stop"))
        try:
            await _say(exchange, script)
        except (ClientLeft, ConnectionError):
            self.left_early.append("scripted")
            return False
        return exchange.keeps_open


def prompt_of(body: object) -> str:
    """The last message of a request."""
    assert isinstance(body, dict)
    return str(body["messages"][-1]["content"])


async def _say(exchange: Exchange, script: Script) -> None:
    gates = iter(script.gates)
    await exchange.stream()
    for piece in script.pieces:
        if piece is HOLD:
            await next(gates).wait()
        else:
            await exchange.token(piece)
    await exchange.finish(script.finish)
    made = exchange.tokens_made
    await exchange.usage(
        {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": made,
            "total_tokens": INPUT_TOKENS + made,
        }
    )
    await exchange.done()
