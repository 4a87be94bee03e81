"""R9: a copy of a store does not send until somebody says that it is the only one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from notifier.store import claims, holds, identity, quota
from notifier.store.backup import backup
from notifier.store.claims import Claim
from notifier.store.database import Database
from notifier.store.tables import meta
from tests.planning_rig import add_person, planner, utc

NOW = utc("2025-10-03T10:00")


def claim(database: Database, now: datetime = NOW) -> Claim:
    with database.write() as connection:
        return claims.claim(
            connection, owner="a", channel="smtp", limits=quota.Limits(), most=9, now=now, message_id_domain="example.com"
        )


def lift(database: Database, scope: str | None) -> int:
    with database.write() as connection:
        return holds.lift(connection, scope=scope, actor="admin", now=NOW)


def test_a_store_that_stays_where_it_is_sends(database: Database) -> None:
    add_person(database, 1)
    planner(database).tick(NOW)

    assert identity.guard(database, NOW)
    assert identity.guard(database, NOW)
    assert len(claim(database).rows) == 1


def test_a_store_that_was_made_elsewhere_waits_for_a_word(database: Database) -> None:
    """Another machine, another folder, another server: whatever differs. Lifting other holds does not lift this one."""
    add_person(database, 1)
    planner(database).tick(NOW)
    identity.guard(database, NOW)
    with database.write() as connection:
        connection.execute(update(meta).where(meta.c.key == "home").values(value="/srv/notifier.db on another machine"))

    assert not identity.guard(database, NOW)
    assert claim(database) == Claim(())
    assert lift(database, None) == 0
    assert claim(database) == Claim(())

    identity.settle_here(database)
    assert lift(database, holds.COPY) == 1
    assert identity.guard(database, NOW)
    assert len(claim(database).rows) == 1


def test_a_second_start_places_no_second_hold(database: Database) -> None:
    identity.guard(database, NOW)
    with database.write() as connection:
        connection.execute(update(meta).where(meta.c.key == "home").values(value="elsewhere"))
    identity.guard(database, NOW)
    identity.guard(database, NOW)
    with database.read() as connection:
        assert len(holds.active(connection, NOW)) == 1


def test_a_restored_backup_waits_even_in_the_same_place(sqlite_database: Database) -> None:
    """The backup is put where the store was: nothing but its own mark tells that it is older than what was sent."""
    add_person(sqlite_database, 1)
    planner(sqlite_database).tick(NOW)
    identity.guard(sqlite_database, NOW)
    path = Path(str(sqlite_database.path))
    backup(sqlite_database, path.with_name("backup.db"))
    assert identity.guard(sqlite_database, NOW), "taking a backup does not stop the original"
    sqlite_database.close()
    for left in path.parent.glob("store.db*"):
        left.unlink()
    path.with_name("backup.db").rename(path)

    restored = Database(f"sqlite:///{path}")
    assert not identity.guard(restored, NOW)
    assert claim(restored) == Claim(())
    with restored.read() as connection:
        assert "backup of" in holds.active(connection, NOW)[0].reason
    restored.close()


def test_a_copied_folder_waits(sqlite_database: Database, tmp_path: Path) -> None:
    identity.guard(sqlite_database, datetime(2025, 10, 3, tzinfo=UTC))
    source = Path(str(sqlite_database.path))
    (tmp_path / "clone").mkdir()
    for file in source.parent.glob("store.db*"):
        shutil.copy(file, tmp_path / "clone" / file.name)
    clone = Database(f"sqlite:///{tmp_path}/clone/store.db")
    assert not identity.guard(clone, NOW)
    clone.close()
