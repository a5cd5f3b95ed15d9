"""Databases on a PostgreSQL server: made for one run, dropped after it."""

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.products.base import Absent


def check(server: str) -> None:
    """Raises Absent where no server answers."""
    try:
        psycopg.connect(server, connect_timeout=3).close()
    except psycopg.Error as failure:
        raise Absent(f"no PostgreSQL answers ({type(failure).__name__})") from None


def create(server: str, name: str) -> str:
    """Make a database; returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop(server: str, name: str) -> None:
    """Remove it, though something is still connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(statement.format(sql.Identifier(name)))
