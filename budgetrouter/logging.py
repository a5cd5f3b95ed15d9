"""One JSON object a line on stderr. Tracebacks name code, never the values it held.

Each line that is written while a request is served carries its `request_id`: the context variable
goes with the request into threads and tasks, and so into the run that it started.
"""

import contextlib
import json
import logging
import random
import sys
import threading
import traceback
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")

MOST_FRAMES = 12


def bind_request_id(given: str = "") -> str:
    """Name the request that is served from here on; returns its id.

    `given` is the caller's own `x-request-id`: kept if it is a UUID, else a new one is made, so
    that nothing a stranger wrote gets into a log.
    """
    bound = (given and _uuid(given)) or _new_id()
    request_id.set(bound)
    return bound


def _new_id() -> str:
    """A random UUID, version 4. Nobody needs to be kept from guessing it, and asking the system for
    chance would hand the interpreter to another thread."""
    bits = random.getrandbits
    variant = 0x8000 | bits(14)
    return f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-{variant:04x}-{bits(48):012x}"


def _uuid(given: str) -> str | None:
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return None


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; exceptions as type and places, without their text.

    An exception's text may quote a prompt, a key or a provider's answer; its type and the lines it
    passed through are what an operator needs. That holds also where it stands in a message.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if bound := request_id.get():
            entry["request_id"] = bound
        entry |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            entry["exception"] = record.exc_info[0].__name__
            entry["where"] = [f"{f.filename}:{f.lineno} {f.name}" for f in frames[-MOST_FRAMES:]]
        return json.dumps(entry, ensure_ascii=True, default=lambda value: type(value).__name__)


def catch_strays() -> None:
    """Log what Python would print itself, with the exception's text: errors that nobody caught."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    logging.captureWarnings(True)


def _uncaught(
    kind: type[BaseException], error: BaseException | None, where: TracebackType | None
) -> None:
    if error is not None and not issubclass(kind, SystemExit):
        logging.getLogger("uncaught").error("nobody caught this", exc_info=(kind, error, where))


def _message(record: logging.LogRecord) -> str:
    """The message, without what exceptions in it say."""
    message = type(record.msg).__name__ if _is_error(record.msg) else str(record.msg)
    with contextlib.suppress(TypeError, ValueError, KeyError):  # logging would print them raw
        message = message % _without_errors(record.args) if record.args else message
    if record.name == "asyncio":
        # It writes out callbacks with their arguments, and tasks with what they raised.
        message = message.partition("\n")[0].partition("<")[0].partition("(")[0].strip()
    return message


def _without_errors(args: object) -> Any:
    if isinstance(args, Mapping):
        return {name: _named(arg) for name, arg in args.items()}
    return tuple(map(_named, args)) if isinstance(args, tuple) else args


def _named(arg: object) -> object:
    return type(arg).__name__ if _is_error(arg) else arg


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException)
