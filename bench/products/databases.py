"""Databases for one run: a new SQLite file, a database on a PostgreSQL server, a filled file."""

import socket
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.products.base import ROOT, WORKPLACE, Absent, neutral_environment

CALLS = 1_000_000


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own; SQLite's goes with its folder."""

    url: str

    def drop(self) -> None:
        """Remove it."""


@dataclass(frozen=True, slots=True)
class PostgresDatabase(Database):
    """One that was made on a running server."""

    server: str
    name: str

    def drop(self) -> None:
        """Remove it, though something is still connected."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(self.name)))


def on_sqlite(folder: Path) -> Database:
    """A new file."""
    return Database(f"sqlite:///{folder / 'budgetrouter.sqlite3'}")


def on_postgres(server: str) -> PostgresDatabase:
    """A new database."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return PostgresDatabase(urlunsplit(urlsplit(server)._replace(path=f"/{name}")), server, name)


def check_postgres(server: str) -> None:
    """Raises Absent where no server answers."""
    try:
        psycopg.connect(server, connect_timeout=3).close()
    except psycopg.Error as failure:
        raise Absent(f"no PostgreSQL answers ({type(failure).__name__})") from None


def check_redis(url: str) -> None:
    """Raises Absent where no server answers."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 6379), timeout=3).close()
    except OSError as failure:
        raise Absent(f"no Redis answers ({type(failure).__name__})") from None


def filled() -> Database:
    """The file with a million calls that `make_filled` made; it is used in place and kept."""
    return Database(f"sqlite:///{_filled_file()}")


def make_filled() -> None:
    """Make it, unless it is there. Takes minutes and 6 GB. Raises Absent."""
    file = _filled_file()
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    beginning = file.with_suffix(".unfinished")
    beginning.unlink(missing_ok=True)
    env = {
        **neutral_environment(),
        "ENV_FILE": "/dev/null",
        "DJANGO_SETTINGS_MODULE": "budgetrouter.settings",
        "SECRET_KEY": "only-for-the-benchmark",
        "DATABASE_URL": f"sqlite:///{beginning}",
        "DEMO_BASE_URL": "http://127.0.0.1:9/v1",
    }
    for command in (["bench.products.prepare_router"], ["bench.fill", "--calls", str(CALLS)]):
        done = subprocess.run([sys.executable, "-m", *command], env=env, cwd=ROOT, check=False)
        if done.returncode:
            raise Absent("the database could not be filled")
    beginning.rename(file)


def _filled_file() -> Path:
    return WORKPLACE / "filled.sqlite3"
