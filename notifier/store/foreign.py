"""Reading from a database that is not ours: one query, in a transaction that is never kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from notifier.errors import BadDataError, ConfigurationError, TryLaterError

_AT_ONCE = 1000  # rows fetched together


@contextmanager
def rows_of(url: str, password: str | None, query: str) -> Iterator[tuple[Sequence[str], Iterator[Sequence[Any]]]]:
    """The names of the columns of a query, and its rows. What the query may have changed is undone.

    Args:
        url: any that SQLAlchemy knows; its driver has to be installed.

    Raises:
        ConfigurationError: there is no such driver.
        TryLaterError: the database cannot be reached.
        BadDataError: it does not take the query, or the query gives no rows.
    """
    engine = _engine(url, password)
    try:
        with _connected(engine) as connection:
            try:
                result = connection.execution_options(stream_results=True, max_row_buffer=_AT_ONCE).execute(text(query))
                if not result.returns_rows:
                    msg = "roster.sql.query gives no rows"
                    raise BadDataError(msg, hint="write a SELECT with one row for each person")
                yield tuple(result.keys()), iter(result)
            except SQLAlchemyError as error:
                msg = f"roster.sql.query failed: {_words_of(error)}"
                raise BadDataError(msg, hint="try the query with the database's own client, as the same user") from None
            finally:
                connection.rollback()
    finally:
        engine.dispose()


@contextmanager
def _connected(engine: Engine) -> Iterator[Any]:
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        msg = f"the database of roster.sql.url cannot be reached: {_words_of(error)}"
        raise TryLaterError(msg, hint="check roster.sql.url and its password, and that this machine may connect") from None
    with connection:
        yield connection


def _engine(url: str, password: str | None) -> Engine:
    parsed = make_url(url)
    if password is not None:
        parsed = parsed.set(password=password)
    if parsed.get_backend_name() == "sqlite":  # which would make a file that is not there
        parsed = parsed.set(database=f"file:{parsed.database}", query={"mode": "ro", "uri": "true"})
    try:
        return create_engine(parsed, poolclass=NullPool)
    except NoSuchModuleError:
        msg = f"roster.sql.url: no driver is known for {parsed.drivername!r}"
        raise ConfigurationError(msg, hint='write one like "postgresql+psycopg://…" or "mysql+pymysql://…"') from None
    except ModuleNotFoundError as missing:
        msg = f"roster.sql.url: the driver for {parsed.drivername!r} is not installed: {missing.name}"
        raise ConfigurationError(msg, hint=f"install {missing.name} beside notifier, with pip in the same environment") from None


def _words_of(error: SQLAlchemyError) -> str:
    """What the database said, on one line, without the statement."""
    original = getattr(error, "orig", None) or error
    return " ".join(str(original).split())[:300]
