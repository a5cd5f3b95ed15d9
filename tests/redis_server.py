"""A Redis of a test's own, to be killed and started again."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import redis

from tests.serving.processes import wait_until

BINARY = "redis-server"


class RedisServer:
    """Use as a context manager; `url` stays the same over a restart, and nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Return when it answers."""
        told = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]
        self._process = subprocess.Popen(
            [BINARY, *told, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        wait_until(self._answers)

    def kill(self) -> None:
        """Let it vanish in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """For looking at what is in it."""
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def skip_without_redis() -> None:
    """Say so where there is no Redis to start."""
    if shutil.which(BINARY) is None:
        pytest.skip(f"no {BINARY} is installed: what processes share is not tested")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
