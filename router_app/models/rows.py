"""Many rows in one statement, for the few tables that every request writes.

Between any two statements a thread gives the interpreter away and, in a busy process, waits to get
it back; so a batch is written with one statement per table, not one per row. Plain SQL that SQLite
and PostgreSQL both understand; values are given as Python has them (UUID, datetime, int, str).
"""

import uuid
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DEFAULT_DB_ALIAS

from router_app.models import postgresql
from router_app.models.postgresql import Done

Row = Sequence[Any]
_Adapt = Callable[[Any], Any]
_json = msgspec.json.Encoder()


class _How(NamedTuple):
    adding: frozenset[str]
    only: str
    returning: tuple[str, ...]
    in_order: bool


def insert_rows(
    model: type[models.Model],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    same: Mapping[str, Any] = MappingProxyType({}),
    conflict: str = "",
) -> None:
    """Insert `rows`, each with a value per column, the first never None; and the columns that are
    the `same` in all of them. Columns left out get the database's default. `conflict` is the
    clause that says what becomes of a row that is there already."""
    if not rows:
        return
    database = connections[DEFAULT_DB_ALIAS]
    vendor, count, alike = database.vendor, _count(database.vendor, rows), tuple(same)
    if vendor == "postgresql":
        columns, alike = (*columns, *alike), ()
        rows = [(*row, *same.values()) for row in rows]
    values = _values_of(vendor, model, columns, rows, count)
    if alike:
        values += _values_of(vendor, model, alike, [tuple(same.values())], 1)
    _execute_unread(database, _insert(model, columns, alike, count, vendor, conflict), values)


def update_rows(
    model: type[models.Model],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    adding: frozenset[str] = frozenset(),
) -> None:
    """Update by the first column, a unique key.

    The `adding` columns are raised by their value instead of set to it.
    """
    if rows:
        _execute_unread(*_update_of(model, columns, rows, _How(adding, "", (), False)))


def update_counted(
    model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], *, only: str
) -> int:
    """The same where a condition holds; returns how many rows were changed.

    In `only`, `new_x` is the value given for column `x`.
    """
    if not rows:
        return 0
    return _execute(*_update_of(model, columns, rows, _How(frozenset(), only, (), False)))[1]


def update_in_order(
    model: type[models.Model],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    adding: frozenset[str],
    only: str = "",
    returning: tuple[str, ...],
) -> list[tuple[Any, ...]]:
    """The same for rows that several processes change; the `returning` columns of those changed.

    PostgreSQL locks them in the order of their keys first, so that two processes never wait for
    each other. Only for few rows: to fetch one gives the interpreter away.
    """
    if not rows:
        return []
    return _execute(*_update_of(model, columns, rows, _How(adding, only, returning, True)))[0]


def _update_of(
    model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row], how: _How
) -> tuple[BaseDatabaseWrapper, str, list[Any]]:
    database = connections[DEFAULT_DB_ALIAS]
    count = _count(database.vendor, rows)
    sql = _update(model, columns, how, count, database.vendor)
    return database, sql, _values_of(database.vendor, model, columns, rows, count)


# SQLite takes longer to prepare a statement than to run it, and keeps those it has prepared. So
# they are written for few numbers of rows; the rest of one is filled with rows of nothing.
_COUNTS = (*range(1, 8), *range(8, 16, 2), *range(16, 32, 4), *range(32, 64, 8), 64, 96, 128, 256)


def _count(vendor: str, rows: Sequence[Row]) -> int:
    """How many rows the statement is written for: PostgreSQL's is the same for one and for many."""
    if vendor == "postgresql":
        return min(len(rows), 2)
    return _COUNTS[bisect_left(_COUNTS, len(rows))] if len(rows) <= _COUNTS[-1] else len(rows)


def select(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Read with plain SQL, its placeholders written as `?`; instants come as `instant` wants."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite":
        given = [_SQLITE_TYPES.get(type(v), _as_it_is)(v) for v in values]
        return _execute(database, sql, given)[0]
    return _execute(database, sql.replace("?", "%s"), list(values))[0]


def instant(value: Any) -> datetime | None:
    """A moment as `select` brought it: SQLite knows only texts, all of them UTC."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _execute(database: BaseDatabaseWrapper, sql: str, values: list[Any]) -> Done:
    if database.vendor == "sqlite":
        # Beneath Django's cursor, which rewrites every placeholder of every statement.
        if database.connection is None:
            database.ensure_connection()
        own = database.connection
        with database.wrap_database_errors:
            before = own.total_changes
            rows = own.execute(sql, values).fetchall()
            return rows, own.total_changes - before
    return postgresql.run(database, sql, values)


def _execute_unread(database: BaseDatabaseWrapper, sql: str, values: list[Any]) -> None:
    if database.vendor == "sqlite":
        _execute(database, sql, values)
    else:
        postgresql.run_later(database, sql, values)


def _values_of(
    vendor: str,
    model: type[models.Model],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    count: int,
) -> list[Any]:
    """What the statement's placeholders stand for: each value, or (PostgreSQL) all as one JSON."""
    if vendor == "postgresql":
        names = [f"new_{column}" for column in columns]
        return [_json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()]
    values = [value for row in rows for value in row]
    width = len(columns)
    for place, adapt in _adapters(model, columns):
        found = values[place::width]
        values[place::width] = [None if value is None else adapt(value) for value in found]
    values += [None] * (width * (count - len(rows)))
    return values


@lru_cache(maxsize=64)
def _adapters(
    model: type[models.Model], columns: tuple[str, ...]
) -> tuple[tuple[int, _Adapt], ...]:
    """The places of UUIDs and instants, and how SQLite, which knows neither, is given them: as
    Django writes them."""
    kinds = ((place, type(_field(model, column))) for place, column in enumerate(columns))
    return tuple((place, _SQLITE[kind]) for place, kind in kinds if kind in _SQLITE)


@lru_cache(maxsize=256)  # a batch has few instants, each many times
def _naive(value: datetime) -> str:
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _as_it_is(value: Any) -> Any:
    return value


_hex = attrgetter("hex")  # of a UUID
_SQLITE: dict[type, _Adapt] = {models.UUIDField: _hex, models.DateTimeField: _naive}
_SQLITE_TYPES: dict[type, _Adapt] = {uuid.UUID: _hex, datetime: _naive}


@lru_cache(maxsize=1024)
def _insert(
    model: type[models.Model],
    columns: tuple[str, ...],
    alike: tuple[str, ...],
    count: int,
    vendor: str,
    conflict: str,
) -> str:
    new = ", ".join([_new(model, column, vendor) for column in columns] + ["?"] * len(alike))
    given = _given(model, columns, count, vendor)
    into = f"{model._meta.db_table} ({', '.join((*columns, *alike))})"
    rows = f"SELECT {new} FROM v WHERE new_{columns[0]} IS NOT NULL"  # noqa: S608
    return f"WITH {given} INSERT INTO {into} {rows} {conflict}"


@lru_cache(maxsize=1024)
def _update(
    model: type[models.Model], columns: tuple[str, ...], how: _How, count: int, vendor: str
) -> str:
    table, key = model._meta.db_table, columns[0]
    new = {column: _new(model, column, vendor) for column in columns}
    sets = (
        f"{column} = {column} + {new[column]}"
        if column in how.adding
        else f"{column} = {new[column]}"
        for column in columns[1:]
    )
    given, source = _given(model, columns, count, vendor), "v"
    where = [f"{key} = new_{key}"]
    if how.in_order and vendor == "postgresql" and count > 1:
        keys = f"SELECT new_{key} FROM v"  # noqa: S608
        locked = f"SELECT {key} FROM {table} WHERE {key} IN ({keys}) ORDER BY {key} FOR UPDATE"  # noqa: S608
        given, source = f"{given}, l (locked) AS ({locked})", "v, l"
        where.append(f"{key} = locked")
    where += [how.only] if how.only else []
    return (
        f"WITH {given} UPDATE {table} SET {', '.join(sets)} FROM {source} "  # noqa: S608
        f"WHERE {' AND '.join(where)}"
        + (f" RETURNING {', '.join(how.returning)}" if how.returning else "")
    )


def _given(model: type[models.Model], columns: tuple[str, ...], count: int, vendor: str) -> str:
    """The given rows as a table `v`, with `new_` before each column's name.

    SQLite gets a placeholder for each value; PostgreSQL one for all, because its driver takes
    longer over a placeholder than the database over a value.
    """
    if vendor == "postgresql":
        types = ", ".join(f"new_{column} {_type(model, column)}" for column in columns)
        return f"v AS (SELECT * FROM json_to_recordset(%s) AS given ({types}))"  # noqa: S608
    row = f"({', '.join('?' * len(columns))})"
    names = ", ".join(f"new_{column}" for column in columns)
    return f"v ({names}) AS (VALUES {', '.join([row] * count)})"


def _type(model: type[models.Model], column: str) -> str:
    field = _field(model, column)
    # A document is given as its text, which stands in the JSON as a string.
    return "text" if isinstance(field, models.JSONField) else str(_db_type(field))


def _new(model: type[models.Model], column: str, vendor: str) -> str:
    field = _field(model, column)
    if vendor == "postgresql" and isinstance(field, models.JSONField):
        return f"CAST(new_{column} AS {_db_type(field)})"
    return f"new_{column}"


def _db_type(field: "models.Field[Any, Any]") -> str | None:
    return field.db_type(connections[DEFAULT_DB_ALIAS])


def _field(model: type[models.Model], column: str) -> "models.Field[Any, Any]":
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field
