"""Plain SQL for PostgreSQL with fewer ways there and back.

A process with much to do pays more for the way than for the statement: it sleeps, is woken and must
get the interpreter back. So statements whose answer nobody reads wait for the next one that
somebody does: they go there as one text, in the order in which they were asked for. The driver's
pipelines would do as much, but look for answers after each statement: with them a request alone
took a third more CPU than without.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Values = Sequence[Any]
Done = tuple[list[tuple[Any, ...]], int]  # the rows that came, how many were changed


class _Here(threading.local):
    """What waits in this thread, which has a connection of its own; None: nothing is to wait."""

    waiting: list[tuple[str, Values]] | None = None


_here = _Here()


def run(database: BaseDatabaseWrapper, sql: str, values: Values) -> Done:
    """Execute all that waits, and this. Raises Django's errors, also those of what waited."""
    return _execute(database, [*_take(), (sql, values)])


def run_later(database: BaseDatabaseWrapper, sql: str, values: Values) -> None:
    """Execute this before the next statement, or before `together` ends; outside of it, now."""
    if _here.waiting is None:
        _execute(database, [(sql, values)])
    else:
        _here.waiting.append((sql, values))


@contextmanager
def together(database: BaseDatabaseWrapper) -> Iterator[None]:
    """In a transaction: let statements of `run_later` wait within the block.

    Whatever else is executed on the connection, by Django's models too, comes after them.
    """
    if _here.waiting is not None:
        raise RuntimeError("statements wait here already")
    _here.waiting = []
    try:
        with database.execute_wrapper(_after_those_that_wait):
            yield
            send_waiting(database)
    finally:
        _here.waiting = None


def _after_those_that_wait(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    send_waiting(context["connection"])
    return execute(sql, params, many, context)


def send_waiting(database: BaseDatabaseWrapper) -> None:
    """Execute what waits. Raises Django's errors."""
    if waiting := _take():
        _execute(database, waiting)


def _take() -> list[tuple[str, Values]]:
    waiting = _here.waiting
    if not waiting:
        return []
    _here.waiting = []
    return waiting


def _execute(database: BaseDatabaseWrapper, statements: Sequence[tuple[str, Values]]) -> Done:
    """What the last of them answers."""
    text = ";\n".join(sql for sql, _ in statements)
    database.validate_no_broken_transaction()
    with database.cursor() as cursor:
        own = cursor.cursor  # beneath Django's, which counts and wraps one statement
        with database.wrap_database_errors:
            own.execute(text, [value for _, values in statements for value in values])
            while own.nextset():
                pass
            return (own.fetchall() if own.description else []), own.rowcount
