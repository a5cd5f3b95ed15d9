"""A closed loop on TensorZero's embedded gateway; speaks as `bench.load` does. Runs in its venv."""

import argparse
import asyncio
import importlib
import itertools
import json
import time
from typing import Any

from bench import wire
from bench.load import PLACE, VARIANTS, Seen, cpu_seconds, report, say


async def _loop(gateway: Any, body: dict[str, Any], given: argparse.Namespace) -> None:
    seen, numbers = Seen(), itertools.count()
    content: str = body["messages"][0]["content"]
    expected = wire.text(wire.DEFAULT_CHUNKS)

    async def ask() -> None:
        text = content.replace(PLACE, f"{next(numbers) % VARIANTS:04d}")
        began = time.perf_counter()
        answer = await gateway.inference(
            model_name=body["model"],
            input={"messages": [{"role": "user", "content": text}]},
            params={"chat_completion": {"max_tokens": body["max_tokens"]}},
        )
        if answer.content[0].text == expected:
            seen.latencies.append(time.perf_counter() - began)
        else:
            seen.errors["another text"] += 1

    async def until(ends: float) -> None:
        async def one_after_another() -> None:
            while time.perf_counter() < ends:
                await ask()

        await asyncio.gather(*(one_after_another() for _ in range(given.connections)))

    await until(time.perf_counter() + given.warmup)
    seen.forget()
    say({"measuring": True})
    used, begins = cpu_seconds(), time.perf_counter()
    await until(begins + given.seconds)
    took, used = time.perf_counter() - begins, cpu_seconds() - used
    figures = report(seen, took, used)
    say({**figures, "cpu_ms": figures["generator_cpu_ms"]})


async def _run(given: argparse.Namespace) -> None:
    tensorzero = importlib.import_module("tensorzero")
    gateway = await tensorzero.AsyncTensorZeroGateway.build_embedded(config_file=given.config)
    async with gateway:
        await _loop(gateway, json.loads(given.body), given)


def main() -> None:
    """Read the command line and run, on uvloop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--body", required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    loop_factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
