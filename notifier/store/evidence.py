"""What an archive of evidence is made of: the sealed ledger as lines, figures counted from it, and the roster of the moment.

Everything is read in blocks: the ledger of a large organisation does not fit into memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from notifier.domain.ledger import ANSWERED, ENDED, ROSTER_APPLIED, ROSTER_REFUSED, TAKEN_BACK, entry_hash
from notifier.store.oversight import ledger
from notifier.store.seals import instant, rest_of
from notifier.store.tables import Kind, State, calendars, employees

_BLOCK = 2000
_ASKS = frozenset({Kind.REMINDER.value, Kind.NUDGE.value})
_PERSON = ("employee_id", "email", "given_name", "family_name", "language", "department", "manager_id")
_PLACE = ("country", "region", "time_zone")
ROSTER = ("person", *_PERSON, *_PLACE, "active", "leave_until", "joined_at", "left_at")
ROSTER_WITHOUT_NAMES = ("person", "active", "joined_at", "left_at")


@dataclass(slots=True)
class Figures:
    """A campaign, counted from its entries.

    Attributes:
        told: how many messages that ask ended so, by message, channel and state; of one that ended twice the last end counts.
        reached: people to whom at least one such message was accepted for, and not returned.
        answers: how many answers stand, by answer and assurance.
        taken_back: the same of those that were taken back, or replaced by another.
        rosters: how many were applied, and how many refused.
        last_roster: when the last one was applied.
    """

    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reached: int = 0
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    taken_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    rosters: dict[str, int] = field(default_factory=lambda: dict.fromkeys((ROSTER_APPLIED, ROSTER_REFUSED), 0))
    last_roster: datetime | None = None


class _Marks:
    """Which of many small numbers have been seen: a byte for each."""

    def __init__(self) -> None:
        self._seen = bytearray()

    def add(self, number: int) -> bool:
        """Returns False where it was there already."""
        if number >= len(self._seen):
            self._seen.extend(bytes(number + 1 - len(self._seen)))
        new = not self._seen[number]
        self._seen[number] = 1
        return new


def lines(connection: Connection, *, campaign: str, up_to: int, with_names: bool) -> Iterator[dict[str, Any]]:
    """Every entry up to this position as a line of the archive; one of another campaign held back, but for what the chain needs."""
    for row in _sealed(connection, select(ledger), up_to):
        rest = rest_of(row)
        whole = {"position": row["position"], "campaign": row["campaign"]}
        whole["hash"] = entry_hash(**{name: whole[name] for name in ("position", "campaign")}, rest=rest)
        yield whole | (_open(row, with_names=with_names) if row["campaign"] in {"", campaign} else {"rest": rest})


def _open(row: RowMapping, *, with_names: bool) -> dict[str, Any]:
    line = {name: row[name] for name in ("event", "subject", "commitment")}
    line |= {"at": instant(row["at"]), "person": row["employee_key"], "facts": json.loads(row["facts"]), "actor": ""}
    if with_names and row["personal"] is not None:
        line |= {"personal": json.loads(row["personal"]), "salt": row["salt"]}
    return line | ({"actor": row["actor"]} if with_names else {})


def count(connection: Connection, *, campaign: str, up_to: int) -> Figures:
    """The figures of a campaign. Read from the newest entry backwards: so what comes first is how it stands.

    An entry that somebody has tampered with is counted as what it says: to judge it is the business of whoever checks the archive.
    """
    figures = Figures()
    deliveries, revoked, people = _Marks(), _Marks(), _Marks()
    columns = ledger.c["position", "at", "event", "subject", "employee_key", "facts"]
    for row in _sealed(connection, select(*columns).where(ledger.c.campaign.in_((campaign, ""))), up_to, backwards=True):
        event, facts = row["event"], json.loads(row["facts"])
        if event.startswith(ENDED):
            if facts.get("kind") in _ASKS and deliveries.add(row["subject"]):
                state = event.removeprefix(ENDED)
                figures.told[facts.get("message", ""), facts.get("channel", ""), state] += 1
                figures.reached += state == State.ACCEPTED and people.add(row["employee_key"] or 0)
        elif event == TAKEN_BACK:
            revoked.add(row["subject"])
        elif event == ANSWERED:
            counted = figures.answers if revoked.add(row["subject"]) else figures.taken_back
            counted[facts.get("answer", ""), facts.get("assurance", "")] += 1
        elif event in figures.rosters:
            figures.rosters[event] += 1
            if event == ROSTER_APPLIED:
                figures.last_roster = figures.last_roster or row["at"]
    return figures


def count_people(connection: Connection) -> int:
    """How many people the roster of the moment has, with those who have left."""
    return connection.scalar(select(func.count()).select_from(employees)) or 0


def roster(connection: Connection, *, with_names: bool) -> Iterator[list[Any]]:
    """Everybody, with the columns of ROSTER or ROSTER_WITHOUT_NAMES."""
    chosen = func.coalesce(employees.c.language_choice, employees.c.language).label("language")
    named = employees.c["email", "given_name", "family_name", "department", "manager_id"]
    known = select(employees.c.key.label("person"), employees.c.id.label("employee_id"), *named, chosen)
    dates = employees.c["active", "leave_until", "joined_at", "left_at"]
    statement = known.add_columns(*dates, *calendars.c[_PLACE]).join_from(employees, calendars)
    names, after = ROSTER if with_names else ROSTER_WITHOUT_NAMES, 0
    while (
        rows := connection.execute(statement.where(employees.c.key > after).order_by(employees.c.key).limit(_BLOCK))
        .mappings()
        .all()
    ):
        for row in rows:
            yield [instant(row[name]) if isinstance(row[name], datetime) else row[name] for name in names]
        after = rows[-1]["person"]


def _sealed(connection: Connection, statement: Select[Any], up_to: int, *, backwards: bool = False) -> Iterator[RowMapping]:
    place = ledger.c.position
    after, order = (up_to + 1, place.desc()) if backwards else (0, place)
    while True:
        behind = place < after if backwards else place > after
        block = statement.where(behind, place <= up_to, place > 0).order_by(order).limit(_BLOCK)
        rows = connection.execute(block).mappings().all()
        if not rows:
            return
        yield from rows
        after = rows[-1]["position"]
