"""Settings of an installation in which what may break does, and errors quote what was given.

Its gateway raises with the prompt in the error's text and in local variables, also in a task and a
thread that nobody waits for; recognising a key raises with the key. For `tests/test_logs.py`.
"""

import asyncio
import logging
import threading
from typing import Any

from django.apps import AppConfig

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.broken.BrokenConfig"]  # noqa: F405
BREAKS_ON = "br-breaks"

logger = logging.getLogger("tests.broken")


class BrokenConfig(AppConfig):
    """Breaks the gateway once everything is loaded."""

    name = "tests.broken"

    def ready(self) -> None:
        from router_app.gateway import keys, service

        service.start = start  # type: ignore[assignment]
        self._authenticate = keys.authenticate
        keys.authenticate = self.authenticate

    async def authenticate(self, text: str) -> Any:
        if text.startswith(BREAKS_ON):
            raise RuntimeError(f"no row has the key {text}")
        return await self._authenticate(text)


async def start(request: Any, **_: Any) -> Any:
    prompt = request.prompt
    error = ValueError(f"cannot route {prompt!r}")
    logger.error("routing failed: %s", error)
    logger.warning("of %s and %s", prompt)  # its arguments do not fit
    asyncio.get_running_loop().call_soon(fails, prompt)
    lost = asyncio.get_running_loop().create_task(fails_later(prompt))
    await asyncio.wait({lost})
    del lost  # nobody ever asks what became of it
    thread = threading.Thread(target=fails, args=(prompt,))
    thread.start()
    thread.join()
    raise error


def fails(prompt: str) -> None:
    raise ValueError(f"cannot do {prompt!r}")


async def fails_later(prompt: str) -> None:
    fails(prompt)
