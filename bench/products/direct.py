"""No router at all: the load generator straight at the upstream."""

from bench.products.base import HttpServer, Surroundings


class Direct:
    """See Product."""

    name = "direct"
    title = "no router"

    def install(self) -> str:
        """Nothing to install."""
        return ""

    def start(self, place: Surroundings) -> HttpServer:
        """Nothing to start."""
        return HttpServer(f"{place.upstream}/chat/completions", {})
