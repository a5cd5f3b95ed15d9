"""However much a server sends, little of it is held. The server is a process of its own here."""

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from router_app.providers.base import ProviderFailure
from router_app.providers.openai_compatible import OpenAICompatible
from tests.providers.calling import a_request, call

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def far_upstream() -> Iterator[str]:
    """The address of a hostile upstream whose memory is not ours; behaviours by path."""
    command = [sys.executable, "-m", "tests.providers.hostile"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip().removesuffix("/v1")
        process.terminate()


async def call_and_forget(url: str) -> None:
    """Make the call and keep nothing of it."""
    provider = OpenAICompatible()
    with pytest.raises(ProviderFailure):
        async with aclosing(provider.stream(a_request(url))) as events:
            async for _ in events:
                pass
    await provider.aclose()


@pytest.mark.parametrize(
    "name, bound",
    [
        ("endless_comments", 2 * MIB),
        ("endless_tokens", 2 * MIB),
        ("line_of_2_mb", 4 * MIB),
        ("error_of_10_mb", 2 * MIB),
        ("gzip_bomb", 2 * MIB),
        ("body_of_10_mb", 7 * MIB),
    ],
)
def test_memory_stays_flat(far_upstream: str, name: str, bound: int) -> None:
    call(a_request(f"{far_upstream}/answers"))  # imports and caches
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(call_and_forget(f"{far_upstream}/{name}"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bound, f"{peak / MIB:.1f} MiB"
