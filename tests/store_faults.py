"""A store that fails as a full disk and a lost connection do, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from notifier.store.database import Database


@contextmanager
def store_fails(database: Database, word: str, times: int) -> Iterator[list[str]]:
    """The next statements that hold that word fail as a full disk does. Yields those that did."""
    failed: list[str] = []

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if word in statement and len(failed) < times:
            failed.append(statement)
            raise _full()

    event.listen(database.engine, "before_cursor_execute", fail)
    try:
        yield failed
    finally:
        event.remove(database.engine, "before_cursor_execute", fail)


@contextmanager
def commit_fails(database: Database, times: int) -> Iterator[None]:
    """The next commits are done and reported as failed: a connection that is lost at the wrong moment."""
    with _failing_commits(database, times, _lost, stored=True):
        yield


@contextmanager
def commit_undone(database: Database, times: int) -> Iterator[None]:
    """The next transactions that write are undone at their commit, as on a full disk."""
    with _failing_commits(database, times, _full, stored=False):
        yield


@contextmanager
def _failing_commits(database: Database, times: int, error: Callable[[], OperationalError], *, stored: bool) -> Iterator[None]:
    left = [times]

    def fail(connection: Any) -> None:
        if connection.get_execution_options().get("notifier_write", False) and left[0]:
            left[0] -= 1
            if stored:
                connection.connection.commit()
            raise error()

    event.listen(database.engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(database.engine, "commit", fail)


def _full() -> OperationalError:
    return OperationalError("a statement", None, Exception("database or disk is full"))


def _lost() -> OperationalError:
    return OperationalError("a statement", None, Exception("server closed the connection unexpectedly"))
