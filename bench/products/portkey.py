"""Portkey's gateway: one Node process that is told by headers where to send a request."""

import shutil
from pathlib import Path

from bench.processes import Service
from bench.products.base import Absent, HttpServer, Surroundings, free_port, neutral_environment
from bench.products.environments import node_environment

PACKAGE = "@portkey-ai/gateway@1.15.2"
START = Path("node_modules", "@portkey-ai", "gateway", "build", "start-server.js")


class Portkey:
    """See Product."""

    name = "portkey"
    title = "Portkey gateway"

    def install(self) -> str:
        """See Product."""
        if shutil.which("node") is None:
            raise Absent("node is not installed")
        return node_environment("portkey", PACKAGE)[1]

    def start(self, place: Surroundings) -> HttpServer:
        """See Product."""
        folder, _ = node_environment("portkey", PACKAGE)
        port = free_port()
        service = Service(
            ["node", str(folder / START), f"--port={port}", "--headless"],
            env={**neutral_environment(), "NODE_ENV": "production"},
            log=place.folder / "server.log",
            cwd=place.folder,
            cores=place.cores,
        )
        server = HttpServer(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            {
                "Authorization": "Bearer none",
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": place.upstream,
            },
            service=service,
        )
        server.wait()
        return server
