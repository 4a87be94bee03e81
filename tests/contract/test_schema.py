"""The schema, its versions, backups and the daemon's lock, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, insert, inspect, text, update

from notifier.errors import StoreError, TryLaterError
from notifier.store import processes, schema
from notifier.store.backup import backup
from notifier.store.database import Database
from notifier.store.tables import meta, metadata

NOW = datetime(2025, 10, 3, 10, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A store in which nothing is, not even tables."""
    url = f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_database")
    store = Database(url)
    yield store
    store.close()


def test_the_migrations_add_up_to_the_tables(empty: Database) -> None:
    """What a migrated store looks like is what the code thinks it looks like."""
    assert schema.migrate(empty) == (None, schema.head())

    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []
    schema.require_current(empty)


def test_a_second_migration_does_nothing(empty: Database) -> None:
    schema.migrate(empty)
    assert schema.migrate(empty) == (schema.head(), schema.head())


def test_an_empty_store_is_created_once(empty: Database) -> None:
    assert schema.create_if_empty(empty)
    assert not schema.create_if_empty(empty)


def test_an_empty_store_is_refused_with_what_to_do(empty: Database) -> None:
    with pytest.raises(schema.SchemaError, match="the store is empty") as caught:
        schema.require_current(empty)
    assert "notifier migrate" in str(caught.value.hint)


@pytest.mark.parametrize("use", [schema.require_current, schema.migrate])
def test_a_newer_store_is_refused(empty: Database, use: object) -> None:
    """Neither used nor migrated: an older program does not guess."""
    schema.migrate(empty)
    with empty.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert callable(use)
    with pytest.raises(schema.SchemaError, match="newer version"):
        use(empty)


@pytest.mark.parametrize("survived", [1, 2, 10, 20])
def test_a_migration_that_stops_in_the_middle_leaves_nothing_behind(empty: Database, survived: int) -> None:
    """Whichever statement it stops at, the next start finds an empty store and creates it."""
    statements = 0

    def stop(*arguments: Any) -> None:
        nonlocal statements
        statements += arguments[2].lstrip().startswith("CREATE")
        if statements > survived:
            msg = "killed"
            raise RuntimeError(msg)

    event.listen(empty.engine, "before_cursor_execute", stop)
    with pytest.raises(RuntimeError, match="killed"):
        schema.migrate(empty)
    event.remove(empty.engine, "before_cursor_execute", stop)

    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []
    assert schema.migrate(empty) == (None, schema.head())


def test_a_second_daemon_is_told_who_runs(database: Database) -> None:
    with database.write() as connection:
        processes.register(connection, "first", NOW)
    other = Database(database.engine.url.render_as_string(hide_password=False))
    named = pytest.raises(TryLaterError, match=r"process \d+ on \S+")
    with processes.only_daemon(database), named, processes.only_daemon(other):
        pytest.fail("two daemons at once")
    with processes.only_daemon(other):
        pass
    other.close()


def test_a_backup_is_complete_and_never_replaces_a_file(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as connection:
        connection.execute(insert(meta).values(key="k", value="before"))
    target = tmp_path / "backup.db"

    size = backup(sqlite_database, target)

    with sqlite_database.write() as connection:
        connection.execute(update(meta).values(value="after"))
    assert size == target.stat().st_size > 0
    assert target.stat().st_mode & 0o077 == 0
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT value FROM meta WHERE key = 'k'").fetchall() == [("before",)]
    copy.close()
    with pytest.raises(StoreError, match="exists already"):
        backup(sqlite_database, target)


def test_a_backup_into_a_missing_folder_fails_in_words(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        backup(sqlite_database, tmp_path / "missing" / "backup.db")
