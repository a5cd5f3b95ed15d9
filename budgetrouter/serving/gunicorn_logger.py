"""gunicorn's logger without its access log."""

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]


class QuietLogger(Logger):
    """gunicorn writes down every request as soon as logging is configured at all, if only to throw
    it away at once."""

    def access(self, *_: Any) -> None:
        """There is none: a query string may hold what somebody searched for."""
