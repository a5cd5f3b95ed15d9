"""TensorZero's gateway as a library, in the process that asks: no HTTP hop, no budgets, no rows.

It has no server of its own here, so it is asked by `tensorzero_load.py` in its own environment, and
the CPU that is measured is that of asking and routing together.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Service
from bench.products.base import MODEL, Absent, Surroundings, chat_body
from bench.products.environments import python_environment
from bench.works import Work

VERSIONS = (["tensorzero==2026.6.0", "uvloop==0.23.0"],)
CONFIG = """\
[gateway]
observability.enabled = false
disable_pseudonymous_usage_analytics = true

[models.{model}]
routing = ["upstream"]

[models.{model}.providers.upstream]
type = "openai"
model_name = "{model}"
api_base = "{upstream}/"
api_key_location = "none"
"""


class TensorZero:
    """See Product."""

    name = "tensorzero"
    title = "TensorZero, embedded"

    def install(self) -> str:
        """See Product."""
        return python_environment("tensorzero", VERSIONS)[1]

    def start(self, place: Surroundings) -> "TensorZeroServer":
        """See Product."""
        config = place.folder / "tensorzero.toml"
        config.write_text(CONFIG.format(model=MODEL, upstream=place.upstream))
        programs, _ = python_environment("tensorzero", VERSIONS)
        return TensorZeroServer(programs / "python", config)


@dataclass(slots=True)
class TensorZeroServer:
    """Nothing runs until it is asked."""

    python: Path
    config: Path
    service: Service | None = None
    start_seconds: float | None = None

    def command(self, work: Work) -> list[str]:
        """See Server."""
        if work.streamed:
            raise Absent("only whole answers are measured")
        asked = json.dumps(chat_body(MODEL, streamed=False))
        command = [str(self.python), "-m", "bench.products.tensorzero_load", str(self.config)]
        return [*command, "--body", asked, *work.options()]

    def stop(self) -> None:
        """Nothing is left running."""
