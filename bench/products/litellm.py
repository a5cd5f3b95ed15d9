"""LiteLLM's proxy: one worker, one model, a master key, no database; nothing reports home."""

from pathlib import Path

from bench.processes import Service
from bench.products.base import MODEL, HttpServer, Surroundings, free_port, neutral_environment
from bench.products.environments import python_environment

# The newest first; the second for registries that do not have all it depends on.
VERSIONS = (["litellm[proxy]==1.109.1"], ["litellm[proxy]==1.105.2"])
KEY = "sk-only-for-the-benchmark"
CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream}
      api_key: none
litellm_settings:
  telemetry: false
  num_retries: 0
general_settings:
  master_key: {key}
"""
SETTINGS = {
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # its price list from the package, not from the net
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}


class LiteLLM:
    """See Product."""

    name = "litellm"
    title = "LiteLLM proxy"

    def install(self) -> str:
        """See Product."""
        return _environment()[1]

    def start(self, place: Surroundings) -> HttpServer:
        """See Product."""
        programs, _ = _environment()
        port, config = free_port(), place.folder / "config.yaml"
        config.write_text(CONFIG.format(model=MODEL, upstream=place.upstream, key=KEY))
        command = [str(programs / "litellm"), "--num_workers", "1", "--telemetry", "False"]
        service = Service(
            [*command, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)],
            env={**neutral_environment(), **SETTINGS},
            log=place.folder / "server.log",
            cwd=place.folder,
            cores=place.cores,
        )
        server = HttpServer(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            {"Authorization": f"Bearer {KEY}"},
            service=service,
        )
        server.wait()
        return server


def _environment() -> tuple[Path, str]:
    return python_environment("litellm", VERSIONS)
