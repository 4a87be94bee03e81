"""Everything the store holds about one person: to be handed to them, or to be taken away.

**Export** is every row that points at the person, whatever table it is in, and every letter to somebody else that names them.

**Erasure** leaves a row of nobody in the person's place. What counts stays: that somebody was there from when to when, in which
country and zone, what they answered, where messages stand. What says who it was goes: id, names, address, department, language,
manager; subjects, replies and references of messages; ways to reach them; notes and remarks; letters to them, and their name in
letters to others; what the ledger says of them besides facts, and its chain holds (`store/ledger.py`). Links of theirs open nothing
any more. A message that is on the wire meanwhile ends as unknown: whoever has it in hand writes into the void.

**What an erasure does not reach**: copies. Backups, mailboxes, Slack, the provider's logs, archives of evidence that were handed
over. No trace is kept by which the person could be known again, not even a hash: if the source of the roster still has them, they
come back at the next reading, as somebody new. So what is kept of the last reading goes too, and with it an approval that waits.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, case, delete, func, literal, or_, select, update

from notifier.store import ledger, marks, snapshots
from notifier.store.employees import StoredEmployee
from notifier.store.outbox import WAITING
from notifier.store.oversight import leave_notes, letters, refused_rosters, roster_changes, sessions, team_remarks
from notifier.store.reasons import ANSWERED, LEFT, UNCONFIGURED, UNREACHABLE
from notifier.store.tables import Instant, State, calendars, deliveries, employees, metadata, presses, reach

ERASED = "erased:"
"""What the id of a row of nobody begins with; random characters follow."""

_GONE = "(erased)"
_OUR_WORDS = (ANSWERED, LEFT, UNCONFIGURED, UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took away, in rows by table; and whether the person was in the roster."""

    rows: Mapping[str, int]
    was_active: bool


def pointing_at(table: Table) -> list[Column[Any]]:
    """The columns of a table that hold a person."""
    return [column for column in table.columns if any(key.column is employees.c.key for key in column.foreign_keys)]


def everything(connection: Connection, person: StoredEmployee) -> dict[str, list[dict[str, Any]]]:
    """All that is stored about a person: rows by table, columns by name. Bytes are left out."""
    here = connection.execute(
        select(employees, *calendars.c["time_zone", "country", "region"])
        .join_from(employees, calendars)
        .where(employees.c.key == person.key)
    )
    found: dict[str, list[dict[str, Any]]] = {"employees": [dict(row) for row in here.mappings()]}
    for table in metadata.sorted_tables:
        if columns := pointing_at(table):
            of_person = or_(*(column == person.key for column in columns))
            rows = connection.execute(select(table).where(of_person).order_by(*table.primary_key.columns)).mappings()
            found[table.name] = [{name: value for name, value in row.items() if not isinstance(value, bytes)} for row in rows]
    found["letters that name them"] = [dict(row) for row, _ in _naming(connection, person)]
    return {name: rows for name, rows in found.items() if rows}


def erase(connection: Connection, person: StoredEmployee, *, now: datetime, actor: str) -> Erased:
    """Leave a row of nobody. To be the whole of one transaction.

    Args:
        actor: who does it.
    """
    key = person.key
    rows = {
        "employees": anonymise(connection, [key], now),
        "deliveries": _empty_deliveries(connection, key, now),
        "letters that name them": _take_out_of_letters(connection, person),
    }
    for table, column in _DELETED:
        rows[table.name] = rows.get(table.name, 0) + connection.execute(delete(table).where(column == key)).rowcount
    rows["refused_rosters"] = connection.execute(delete(refused_rosters)).rowcount
    snapshots.keep(connection, "", None)
    marks.look_again(connection)
    rows["ledger"] = ledger.forget(connection, key, now=now, actor=actor)
    return Erased({name: count for name, count in rows.items() if count}, person.employee.active)


_DELETED: tuple[tuple[Table, Column[Any]], ...] = (
    (reach, reach.c.employee_key),
    (presses, presses.c.employee_key),
    (leave_notes, leave_notes.c.employee_key),
    (roster_changes, roster_changes.c.employee_key),
    (team_remarks, team_remarks.c.employee_key),
    (team_remarks, team_remarks.c.manager_key),
    (letters, letters.c.employee_key),
    (sessions, sessions.c.employee_key),
)


def anonymise(connection: Connection, keys: Collection[int], now: datetime) -> int:
    """Make these people's rows rows of nobody, who left now if they had not before. Returns how many there were."""
    blank = {
        **dict.fromkeys(("email", "email_key", "given_name", "family_name"), ""),
        **dict.fromkeys(("language", "language_choice", "department", "manager_id", "leave_until")),
        "active": False,
        "link_version": employees.c.link_version + 1,
        "left_at": func.coalesce(employees.c.left_at, literal(now, Instant)),
    }
    for key in keys:
        own = {"id": f"{ERASED}{secrets.token_hex(8)}", "public_id": secrets.token_urlsafe(16)}
        connection.execute(update(employees).where(employees.c.key == key).values(blank | own))
    return len(keys)


def _empty_deliveries(connection: Connection, key: int, now: datetime) -> int:
    """Nothing waits any more, nobody writes an outcome any more, and no row says who it was for."""
    of_person = deliveries.c.employee_key == key
    ended = update(deliveries).where(of_person, deliveries.c.state.in_((*WAITING, State.CLAIMED)))
    connection.execute(
        ended.values(
            state=case((deliveries.c.state == State.CLAIMED, State.UNKNOWN.value), else_=State.CANCELLED.value),
            reason=case((deliveries.c.state == State.CLAIMED, None), else_=LEFT),
            epoch=deliveries.c.epoch + 1,
            finished_at=now,
        )
    )
    words = case((deliveries.c.reason.in_(_OUR_WORDS), deliveries.c.reason), else_=None)
    nothing = dict.fromkeys(("subject", "reply", "reference", "message_id", "outlet"))
    return connection.execute(update(deliveries).where(of_person).values(nothing | {"reason": words})).rowcount


def _take_out_of_letters(connection: Connection, person: StoredEmployee) -> int:
    count = 0
    for row, content in _naming(connection, person):
        this = and_(*(letters.c[name] == row[name] for name in ("kind", "employee_key", "occasion", "campaign")))
        connection.execute(update(letters).where(this).values(content=json.dumps(content, ensure_ascii=False)))
        count += 1
    return count


def _naming(connection: Connection, person: StoredEmployee) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Letters to others in which the person stands, each with what it would be without them."""
    employee = person.employee
    words = [json.dumps(word, ensure_ascii=False) for word in (employee.id, employee.name) if word]
    candidates = select(letters).where(
        letters.c.employee_key != person.key, or_(*(letters.c.content.contains(word, autoescape=True) for word in words))
    )
    for row in connection.execute(candidates).mappings().all():
        before = json.loads(row["content"])
        after = _without(before, employee.id, {employee.name, employee.email}, "")
        if after != before:
            yield dict(row), after


def _without(value: Any, id_: str, names: Collection[str], under: str) -> Any:
    """The same JSON without this person: their names anywhere, their id where an id stands."""
    if isinstance(value, dict):
        return {name: _without(part, id_, names, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_without(part, id_, names, under) for part in value]
    return _GONE if value in names or (under == "employee_id" and value == id_) else value
