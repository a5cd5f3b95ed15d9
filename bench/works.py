"""What every system has to do, and under which name it stands in the tables."""

from dataclasses import dataclass

from bench import wire


@dataclass(frozen=True, slots=True)
class Work:
    """A closed loop: so many requests in flight against an upstream that waits so long."""

    name: str
    title: str
    connections: int
    delay_ms: float = 0.0
    streamed: bool = False
    chunk_delay_ms: float = 0.0
    seconds: float = 5.0
    warmup: float = 2.0

    @property
    def behaviour(self) -> str:
        """The upstream's, as its query string."""
        return (
            f"delay_ms={self.delay_ms}&chunk_delay_ms={self.chunk_delay_ms}"
            f"&chunks={wire.DEFAULT_CHUNKS}"
        )

    def options(self) -> list[str]:
        """The load generator's."""
        options = ["--connections", str(self.connections)]
        options += ["--seconds", str(self.seconds), "--warmup", str(self.warmup)]
        return [*options, "--stream"] if self.streamed else options


WORKS = (
    Work("burst", "64 in flight, upstream 0 ms", 64),
    Work("steady", "64 in flight, upstream 50 ms", 64, delay_ms=50),
    Work("alone", "1 in flight, upstream 0 ms", 1),
    Work("streams", "16 streams of 20 chunks, upstream 0 ms", 16, streamed=True),
    Work(
        "paced",
        "16 streams of 20 chunks, upstream 50 ms and 20 ms between chunks",
        16,
        delay_ms=50,
        streamed=True,
        chunk_delay_ms=20,
    ),
)
QUICK_SECONDS, QUICK_WARMUP = 2.0, 1.0
