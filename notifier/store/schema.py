"""The schema's version: created on an empty store, checked before use, brought up to date on request.

A migration runs in one transaction: a process that is killed in the middle leaves the store as it was. A store of another version
is refused in words, in both directions: an older program must not guess at what a newer one wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from notifier.errors import StoreError
from notifier.store.database import Database

_MIGRATIONS = Path(__file__).with_name("migrations")


class SchemaError(StoreError):
    """The store is of another version than the program. Starting again does not help."""

    exit_code = 78


@cache
def head() -> str:
    """The version this program works with."""
    revision = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if revision is None:
        msg = "no migration came with this program; install it again"
        raise SchemaError(msg)
    return revision


def current(database: Database) -> str | None:
    """The version of the store; None where it is empty."""
    with database.read() as connection:
        return _current(connection)


def require_current(database: Database) -> None:
    """Refuse a store of another version, and an empty one.

    Raises:
        SchemaError: with what to do.
    """
    found = current(database)
    if found == head():
        return
    if found is None:
        msg, hint = "the store is empty", "run `notifier migrate`, or `notifier run`, which creates it"
    elif found in _known():
        msg, hint = f"the store is of an older version ({found}, this program needs {head()})", "run `notifier migrate`"
    else:
        msg = f"the store is of a newer version ({found}) than this program knows ({head()})"
        hint = "start the newer program again, or restore the backup that was taken before the upgrade"
    raise SchemaError(msg, hint=hint)


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the store up to date in one transaction. Returns the versions before and after.

    Raises:
        SchemaError: the store is newer than the program.
    """
    with database.write() as connection:
        before = _current(connection)
        if before is not None and before not in _known():
            require_current(database)
        if before != head():
            with _alembic(connection) as config:
                command.upgrade(config, "head")
    return before, head()


def create_if_empty(database: Database) -> bool:
    """Create the schema in an empty store. Returns False where there is one already, of whatever version."""
    if current(database) is not None:
        return False
    migrate(database)
    return True


@contextmanager
def _alembic(connection: Connection) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    yield config


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return MigrationContext.configure(connection).get_current_revision()


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
