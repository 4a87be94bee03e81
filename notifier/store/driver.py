"""The database driver itself, below SQLAlchemy: its cursor, and its errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from notifier.errors import StoreError


class DriverCursor:
    """A cursor of the driver itself, in the transaction of this connection. What it raises is raised as SQLAlchemy does."""

    def __init__(self, connection: Connection) -> None:
        self._driver = connection.dialect.loaded_dbapi
        self._cursor = connection.connection.cursor()

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._cursor.close()
        if isinstance(error, self._driver.Error):
            raise DBAPIError.instance(None, None, error, self._driver.Error, hide_parameters=True) from error


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in words what the driver says in its own."""
    try:
        yield
    except DBAPIError as error:
        if not is_of_the_store(error):
            raise
        said = str(error.orig).strip()
        msg = f"the store could not be used: {said}"
        raise StoreError(msg, hint=_hint_for(said)) from error


def is_of_the_store(error: Exception) -> bool:
    """The store or the way to it failed, and not one statement. A damaged file is a plain DatabaseError."""
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


_HINTS = {
    "locked": "another program holds the store; it was waited for 30 seconds. Try again when that program has ended",
    "full": "free some space on the disk; nothing that was accepted is lost",
    "no space": "free some space on the disk; nothing that was accepted is lost",
    "not a database": "storage.url names a file that is no store; name another one",
    "malformed": "the file is damaged; restore a backup",
    "readonly": "let the service's user write the file and its folder",
    "unable to open": "check that the folder of storage.url exists and that this user may write there",
    "no such table": "run `notifier migrate`",
    "does not exist": "run `notifier migrate`",
    "connection": "check storage.url, and that the database server is running",
}


def _hint_for(said: str) -> str | None:
    """What to do about what the driver said: by the first of these words that it says."""
    return next((hint for word, hint in _HINTS.items() if word in said.lower()), None)
