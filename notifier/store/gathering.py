"""Entries of the ledger that are made of rows: answers, deliveries that ended, rosters, and holds that nobody placed by hand.

Answering and sending write their rows and nothing else; whoever keeps the ledger comes by some seconds later. An entry names its
row and the instant (unique together), so a row is noted once, however often, and by however many, it is looked at. What ends, goes
on and ends again is noted each time.

**Nothing is missed.** Rows are read in the order in which they ended. One that is committed late, by a process whose clock is
behind or that waited for the store, may end before others that have been read already. So each pass goes back a few minutes, and
now and then (`since` None) to the beginning; what has its entry is passed over. A pass that is cut off loses nothing but its time.

**Nobody waits.** A block is read in a transaction that only reads, and written in one of some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
)

from notifier.domain.ledger import ANSWERED, ENDED, HOLD_PLACED, ROSTER_APPLIED, ROSTER_REFUSED, TAKEN_BACK, canonical
from notifier.store.database import Database
from notifier.store.holds import SERVICE
from notifier.store.inserts import insert_into
from notifier.store.ledger import Fact, closed
from notifier.store.lookups import is_there
from notifier.store.oversight import ledger
from notifier.store.tables import State, acknowledgements, deliveries, employees, holds, roster_syncs

BLOCK = 1000
OVERLAP = timedelta(minutes=3)
_OVERLAP_IDS = 5000
_THE_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one table, each of which makes an entry.

    Attributes:
        events: that its entries can have.
        rows: selects `subject`, `at`, `event`, `campaign`, `employee_key`, and what `facts` and `personal` are made of.
        subject: the id.
        at: when it happened.
        by_time: whether rows come in the order of `at`, for which there is an index; else in that of their ids.
    """

    events: Sequence[str]
    rows: Select[Any]
    subject: Column[int]
    at: Column[Any]
    facts: Sequence[str]
    personal: Sequence[str] = ()
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pass has come to in the rows of a source: behind the row with this id, that ended at this instant."""

    at: datetime
    subject: int


def gather(
    database: Database,
    *,
    since: datetime | None,
    progress: Callable[[int], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Make the entries that are missing. Returns how many were made.

    Args:
        since: rows that ended before this have been seen, but for a few minutes; None: look at all there are.
        progress: called with the number so far.
        stopping: asked between two blocks; where it says so the rest is left for the next time.
    """
    made = 0
    for source in _SOURCES:
        after = _start(database, source, since)
        while not stopping():
            with database.read() as connection:
                found = _missing(connection, source, after)
            if not found:
                break
            entries = [_entry(source, row) for row in found]
            with database.write() as connection:
                connection.execute(insert_into(connection, ledger).on_conflict_do_nothing(), entries)
            after = _Place(found[-1]["at"], found[-1]["subject"])
            made += len(found)
            progress(made)
    return made


def _start(database: Database, source: _Source, since: datetime | None) -> _Place:
    if source.by_time:
        return _Place(_THE_BEGINNING if since is None else since - OVERLAP, 0)
    if since is None:
        return _Place(_THE_BEGINNING, 0)
    noted = (select(func.max(ledger.c.subject)).where(ledger.c.event == event) for event in source.events)
    with database.read() as connection:
        newest = max(connection.scalar(statement) or 0 for statement in noted)
        there = (
            connection.scalar(select(func.max(source.subject))) or 0
        )  # less, where rows were purged and their ids are used again
    return _Place(_THE_BEGINNING, min(newest, there) - _OVERLAP_IDS)


def _missing(connection: Connection, source: _Source, after: _Place) -> list[RowMapping]:
    """The next block of rows behind this place that have no entry."""
    noted = is_there(
        ledger.c.event == source.rows.selected_columns["event"],
        ledger.c.subject == source.subject,
        ledger.c.at == source.at,
        ledger.c.subject != literal_column("0"),  # in the statement itself: else SQLite does not take the index
    )
    order = (source.at, source.subject) if source.by_time else (source.subject,)
    statement = source.rows.where(~noted).order_by(*order)
    found: list[RowMapping] = []
    for behind in _behind(source, after):
        found += connection.execute(statement.where(behind).limit(BLOCK - len(found))).mappings().all()
        if len(found) == BLOCK:
            break
    return found


def _behind(source: _Source, after: _Place) -> Sequence[ColumnElement[bool]]:
    """Rows behind a place, in the order in which they come.

    Thousands may have ended at one instant, so the rest of that instant is a step of its own: asked for both at once, SQLite
    would go through all of them again for each block.
    """
    if not source.by_time:
        return [source.subject > after.subject]
    return [and_(source.at == after.at, source.subject > after.subject), source.at > after.at]


def _entry(source: _Source, row: RowMapping) -> dict[str, Any]:
    facts = _given(row, source.facts)
    kept = {name: row[name] for name in ("at", "event", "subject", "campaign", "employee_key")}
    return kept | {"facts": canonical(facts)} | closed(row.get("actor") or "", _given(row, source.personal))


def _given(row: RowMapping, names: Sequence[str]) -> dict[str, Fact]:
    """These values of the row, without those that are not there."""
    return {name: row[name] for name in names if row[name] is not None}


def _of_people(table: Table, at: Column[Any], event: ColumnElement[str], *names: str) -> Select[Any]:
    """What every entry about a person needs, and these columns."""
    about = (table.c.id.label("subject"), at.label("at"), event.label("event"), employees.c.id.label("employee_id"))
    return select(*about, *table.c["campaign", "employee_key"], *table.c[names]).join_from(table, employees).where(at.is_not(None))


def _of_nobody(table: Table, at: Column[Any], event: ColumnElement[str], *names: str) -> Select[Any]:
    about = (table.c.id.label("subject"), at.label("at"), event.label("event"))
    return select(*about, literal("").label("campaign"), literal(None).label("employee_key"), *table.c[names])


_ANSWER = ("answer", "assurance", "channel", "settles")
_MESSAGE = ("kind", "occasion", "message", "channel", "language", "attempts")
_WORDS = ("subject_line", "reason", "reply", "reference", "message_id")
_ROSTER = ("source", "accepted", "left_out", "set_aside", "joiners", "leavers", "changed")
_SOURCES = (
    _Source(
        events=(ROSTER_APPLIED, ROSTER_REFUSED),
        rows=_of_nobody(
            roster_syncs,
            roster_syncs.c.at,
            case((roster_syncs.c.applied, ROSTER_APPLIED), else_=ROSTER_REFUSED),
            *_ROSTER,
            "reason",
        ),
        subject=roster_syncs.c.id,
        at=roster_syncs.c.at,
        facts=_ROSTER,
        personal=("reason",),
    ),
    _Source(
        events=(HOLD_PLACED,),
        rows=_of_nobody(holds, holds.c.since, literal(HOLD_PLACED), "scope", "reason").where(
            holds.c.actor == SERVICE, holds.c.until.is_(None)
        ),
        subject=holds.c.id,
        at=holds.c.since,
        facts=("scope", "reason"),
    ),
    _Source(
        events=(ANSWERED,),
        rows=_of_people(acknowledgements, acknowledgements.c.answered_at, literal(ANSWERED), *_ANSWER, "actor"),
        subject=acknowledgements.c.id,
        at=acknowledgements.c.answered_at,
        facts=_ANSWER,
        personal=("employee_id",),
    ),
    _Source(
        events=(TAKEN_BACK,),
        rows=_of_people(acknowledgements, acknowledgements.c.revoked_at, literal(TAKEN_BACK), *_ANSWER[:2], "revoked_because"),
        subject=acknowledgements.c.id,
        at=acknowledgements.c.revoked_at,
        facts=(*_ANSWER[:2], "revoked_because"),
        personal=("employee_id",),
        by_time=True,
    ),
    _Source(
        events=tuple(ENDED + state for state in State),
        rows=_of_people(
            deliveries, deliveries.c.finished_at, literal(ENDED) + deliveries.c.state, *_MESSAGE, *_WORDS[1:]
        ).add_columns(deliveries.c.subject.label("subject_line")),
        subject=deliveries.c.id,
        at=deliveries.c.finished_at,
        facts=_MESSAGE,
        personal=("employee_id", *_WORDS),
        by_time=True,
    ),
)
