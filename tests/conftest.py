"""Fixtures every test may use: a store on each database, and a company of people with stories."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.store.database import Database
from notifier.store.tables import metadata
from tests import postgresql_rig


def pytest_collection_finish() -> None:
    """Five thousand tests and all modules are here to stay: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


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
    """A PostgreSQL server."""
    with postgresql_rig.server() as url:
        if url is None:
            pytest.skip("no PostgreSQL here; .ci/run brings one")
        yield url


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    with postgresql_rig.empty_database(postgresql_url) as url:
        yield url


@pytest.fixture(scope="session")
def _postgresql_store(postgresql_url: str) -> Iterator[str]:
    """A database with our tables that tests use one after the other: to make one takes longer than most of them."""
    with postgresql_rig.empty_database(postgresql_url) as url:
        store = Database(url)
        _create_tables(store)
        store.close()
        yield url


@pytest.fixture
def _emptied_postgresql_store(_postgresql_store: str) -> str:
    postgresql_rig.empty_tables(_postgresql_store, [table.name for table in reversed(metadata.sorted_tables)])
    return _postgresql_store


@pytest.fixture(scope="session")
def _sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A closed store with our tables, to be copied: to make it takes longer than many a test."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    store = Database(f"sqlite:///{path}")
    _create_tables(store)
    store.close()
    return path.read_bytes()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield from _sqlite_store(tmp_path, request.getfixturevalue("_sqlite_file"))
        return
    store = Database(request.getfixturevalue("_emptied_postgresql_store"))
    yield store
    store.close()


@pytest.fixture
def sqlite_database(tmp_path: Path, _sqlite_file: bytes) -> Iterator[Database]:
    """An empty store on SQLite, where the database is not what is tested."""
    yield from _sqlite_store(tmp_path, _sqlite_file)


def _sqlite_store(folder: Path, empty: bytes) -> Iterator[Database]:
    (folder / "store.db").write_bytes(empty)
    store = Database(f"sqlite:///{folder}/store.db")
    yield store
    store.close()


def _create_tables(store: Database) -> None:
    with store.write() as connection:
        metadata.create_all(connection)
