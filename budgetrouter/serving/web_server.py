"""gunicorn as a child of the supervisor: where it listens, how it is started, when it answers."""

import errno
import http.client
import socket
import sys

from django.conf import settings

from budgetrouter.serving.problem import Problem

UNWATCHED_RUNS_SECONDS = 5  # what an answer that nobody waits for gets, after all others
BOOKING_SECONDS = 10  # to stop, book and mirror what is left

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:budgetrouter.serving.gunicorn_conf"]
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


def grace_seconds() -> int:
    """From SIGTERM to the end of gunicorn."""
    return int(settings.SHUTDOWN_DELAY_SECONDS + settings.SHUTDOWN_SECONDS)


def finishing_seconds() -> int:
    """How much of that a worker gives to answers that somebody waits for."""
    return max(1, settings.SHUTDOWN_SECONDS - UNWATCHED_RUNS_SECONDS - BOOKING_SECONDS)


def bind_address(host: str, port: int) -> str:
    """Host and port as gunicorn and URLs write them: an IPv6 address in brackets."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def visit_address(host: str, port: int) -> str:
    """The URL at which a person on this machine reaches the server."""
    bare = host.strip("[]")
    return f"http://{bind_address(WILDCARDS.get(bare, bare), port)}"


def check_port(host: str, port: int) -> None:
    """Raise Problem, naming the port and the way out, unless the server could listen there."""
    if not 0 < port < 65536:
        raise Problem(f"PORT={port} is not a port; it lies between 1 and 65535.")
    error = _bind_error(host, port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        raise Problem(
            f"Port {port} is already in use. Stop what listens there,"
            f" or choose another: make run PORT={_next_free(host, port)}"
        )
    if error.errno == errno.EACCES:
        raise Problem(f"Port {port} is not for ordinary users. Try: make run PORT=8000")
    raise Problem(f"BIND_HOST={host} is not an address of this machine: {error.strerror}.")


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether the server answers at this http:// URL now. A refusal is an answer too."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=seconds)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _bind_error(host: str, port: int) -> OSError | None:
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bare, port))
        except OSError as error:
            return error
    return None


def _next_free(host: str, port: int) -> int:
    above = range(port + 1, 65536)
    return next((number for number in above if not _bind_error(host, number)), 8000)
