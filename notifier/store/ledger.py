"""The ledger: what was decided, sent, answered and done. Entries are only ever added.

An operator's act is noted in the transaction that does it, so there is no act without its entry and no entry without its act.
What shows in rows of its own (answers, deliveries, rosters) is gathered a little later (`store/gathering.py`), so that answering
and sending wait for nothing. A new entry has no place in the chain yet: it gets one when it is sealed (`store/seals.py`).

What is personal can be dropped again. That is itself an entry: what is missing without one was taken away by somebody else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from notifier.domain.ledger import FORGOTTEN, canonical, commitment
from notifier.store.oversight import ledger

Fact = str | int | bool | None
_SALT_BYTES = 16
_NO_PERSON = {"personal": None, "salt": None, "commitment": ""}
_READ = ("id", "at", "event", "subject", "campaign", "employee_key", "actor", "facts", "personal", "position")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, for people to read.

    Attributes:
        subject: the id of the row it tells of, or 0.
        employee_key: whom it is about.
        actor: who did it; "" where nobody decided it, and after an erasure.
        personal: None where there is nothing, and after an erasure.
        position: in the chain, from 1; None until it is sealed.
    """

    id: int
    at: datetime
    event: str
    subject: int
    campaign: str
    employee_key: int | None
    actor: str
    facts: Mapping[str, Fact]
    personal: Mapping[str, Fact] | None
    position: int | None


def note(
    connection: Connection,
    *,
    event: str,
    now: datetime,
    actor: str = "",
    campaign: str = "",
    employee_key: int | None = None,
    facts: Mapping[str, Fact],
    personal: Mapping[str, Fact] | None = None,
) -> int:
    """Write down an act, in the transaction that does it. Returns the id of its entry.

    Args:
        event: what was done, in at most 32 characters: "hold", "queue retry".
        actor: who did it: `Operator.actor`, or the account that typed a command.
        employee_key: whom it is about; an erasure of this person takes `personal` and `actor` away.
        facts: nothing personal.
        personal: names, addresses, reasons in an operator's own words.
    """
    about = {"at": now, "event": event, "subject": 0, "campaign": campaign, "employee_key": employee_key}
    values = about | {"facts": canonical(facts)} | closed(actor, personal or {})
    number: int = connection.execute(insert(ledger).values(values).returning(ledger.c.id)).scalar_one()
    return number


def closed(actor: str, personal: Mapping[str, Fact]) -> dict[str, str | None]:
    """The columns that hold what is personal, the actor among it, and that commit to it."""
    kept = {**personal, "actor": actor} if actor else personal
    if not kept:
        return {"actor": "", **_NO_PERSON}
    salt, text = secrets.token_hex(_SALT_BYTES), canonical(kept)
    return {"actor": actor, "personal": text, "salt": salt, "commitment": commitment(salt, text)}


def forget(connection: Connection, employee_key: int, *, now: datetime, actor: str = "") -> int:
    """Drop what is personal in every entry about this person. The chain holds. Returns how many entries it was in.

    To be the last step of an erasure, when everything about the person has been gathered and the rows hold nothing personal.
    """
    count = _drop(connection, ledger.c.employee_key == employee_key)
    note(connection, event=FORGOTTEN, now=now, actor=actor, facts={"person": employee_key, "entries": count})
    return count


def forget_campaign(connection: Connection, campaign: str, employee_keys: Sequence[int], *, now: datetime) -> int:
    """The same for these people and one campaign, when the time for which it is kept is over. For some hundred people at once."""
    whose = (ledger.c.campaign == campaign) & ledger.c.employee_key.in_(employee_keys)
    count = _drop(connection, whose)
    if count:
        note(connection, event=FORGOTTEN, now=now, campaign=campaign, facts={"person": None, "entries": count})
    return count


def tell(
    connection: Connection,
    *,
    employee_key: int | None = None,
    since: datetime | None = None,
    most: int | None = None,
    before_id: int | None = None,
) -> Iterator[Entry]:
    """Entries, the newest first.

    Args:
        employee_key: only those about this person.
        before_id: only those that were written before this one: the next page of a list.
    """
    statement = select(*ledger.c[_READ]).order_by(ledger.c.id.desc()).limit(most)
    if employee_key is not None:
        statement = statement.where(ledger.c.employee_key == employee_key)
    if since is not None:
        statement = statement.where(ledger.c.at >= since)
    if before_id is not None:
        statement = statement.where(ledger.c.id < before_id)
    for row in connection.execute(statement).mappings():
        yield entry_of(row)


def entry_of(row: RowMapping) -> Entry:
    """An entry of a row of the table."""
    personal = None if row["personal"] is None else json.loads(row["personal"])
    return Entry(**{name: row[name] for name in _READ} | {"facts": json.loads(row["facts"]), "personal": personal})


def _drop(connection: Connection, whose: ColumnElement[bool]) -> int:
    statement = update(ledger).where(whose, ledger.c.personal.is_not(None))
    return connection.execute(statement.values(personal=None, salt=None, actor="")).rowcount
