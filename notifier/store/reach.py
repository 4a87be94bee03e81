"""How people are reached: their Slack ids, and who was refused for good where.

A person is reached by e-mail unless the address that the roster has now is one that was refused; on Slack if an id is known for
them that was not refused. Whoever can be reached again (another address, found anew, or an operator says so) is planned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, literal_column, or_, select, tuple_, update

from notifier.domain.ladder import EMAIL, rung_of
from notifier.store import marks
from notifier.store.inserts import insert_into
from notifier.store.lookups import is_there
from notifier.store.tables import employees, reach

GONE = "no longer found there"
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Reached:
    """What is known of one person on one rung of the ladder ("slack", "email").

    Attributes:
        address: the Slack user id; for e-mail the address that was refused.
        team: the Slack workspace, or None where the organisation has one only.
        refused_because: the provider's words, or None.
    """

    employee_key: int
    channel: str
    address: str | None
    team: str | None
    refused_at: datetime | None
    refused_because: str | None


@dataclass(frozen=True, slots=True)
class Matched:
    """What a search for people on a channel brought, in people."""

    found: int
    new: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody was refused for good at an address."""

    employee_key: int
    channel: str
    address: str | None
    because: str


def match(connection: Connection, channel: str, found: Iterable[tuple[int, str, str | None]], now: datetime) -> Matched:
    """Keep who was found on a channel: everybody there is, as (employee key, address, team). The rest counts as gone.

    A refusal is forgotten where the address is another one, or where the person had been gone.
    """
    people = {key: (address, team) for key, address, team in found}
    columns = reach.c["employee_key", "address", "team", "refused_because"]
    known = {row[0]: tuple(row[1:]) for row in connection.execute(select(*columns).where(reach.c.channel == channel))}
    new = people.keys() - known.keys()
    changed = {key for key in people.keys() & known.keys() if people[key] != known[key][:2] or known[key][2] == GONE}
    gone = {key for key in known.keys() - people.keys() if known[key][2] is None}
    insert = insert_into(connection, reach)
    fresh = {name: insert.excluded[name] for name in ("address", "team", "refused_at", "refused_because")}
    upsert = insert.on_conflict_do_update(index_elements=["employee_key", "channel"], set_=fresh)
    rows = [
        {"employee_key": key, "channel": channel, "refused_at": None, "refused_because": None}
        | dict(zip(("address", "team"), people[key], strict=True))
        for key in sorted(new | changed)
    ]
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(upsert, rows[start : start + _AT_ONCE])
    lost = sorted(gone)
    for start in range(0, len(lost), _AT_ONCE):
        some = update(reach).where(reach.c.channel == channel, reach.c.employee_key.in_(lost[start : start + _AT_ONCE]))
        connection.execute(some.values(refused_at=now, refused_because=GONE))
    if new or changed or gone:
        marks.look_again(connection)
    return Matched(len(people), len(new), len(changed), len(gone))


def refuse(connection: Connection, refusals: Sequence[Refusal], now: datetime) -> None:
    """Remember who was refused, and at which address. A Slack id that is known stays."""
    if not refusals:
        return
    insert = insert_into(connection, reach)
    fresh = {name: insert.excluded[name] for name in ("refused_at", "refused_because")}
    upserts = {
        True: insert.on_conflict_do_update(
            index_elements=["employee_key", "channel"], set_=fresh | {"address": insert.excluded.address}
        ),
        False: insert.on_conflict_do_update(index_elements=["employee_key", "channel"], set_=fresh),
    }
    for by_email, upsert in upserts.items():
        rows = [
            {
                "employee_key": one.employee_key,
                "channel": rung_of(one.channel),
                "address": one.address if by_email else None,
                "refused_at": now,
                "refused_because": one.because,
            }
            for one in refusals
            if (rung_of(one.channel) == EMAIL) is by_email
        ]
        if rows:
            connection.execute(upsert, rows)


def forget_refusal(connection: Connection, people: Iterable[tuple[int, str]]) -> int:
    """These people, as (employee key, channel), may be tried there again. Returns of how many something was forgotten."""
    pairs = sorted({(key, rung_of(channel)) for key, channel in people})
    forgotten = 0
    for start in range(0, len(pairs), 500):
        some = tuple_(reach.c.employee_key, reach.c.channel).in_(pairs[start : start + 500])
        statement = update(reach).where(some, reach.c.refused_at.is_not(None)).values(refused_at=None, refused_because=None)
        forgotten += connection.execute(statement).rowcount
    if forgotten:
        marks.look_again(connection)
    return forgotten


def by_address(connection: Connection, channel: str, address: str, team: str | None) -> int | None:
    """Whose address it is: the employee's key. None where nobody's, or more than one person's, or of another team."""
    here = or_(reach.c.team.is_(None), reach.c.team == team)
    statement = (
        select(reach.c.employee_key)
        .join(employees)
        .where(reach.c.channel == channel, reach.c.address == address, here, employees.c.active)
        .limit(2)
    )
    keys = list(connection.scalars(statement))
    return keys[0] if len(keys) == 1 else None


def is_team(connection: Connection, channel: str, teams: Sequence[str]) -> bool:
    """Whether anybody is known on the channel under one of these teams."""
    known = (reach.c.channel == channel, or_(reach.c.team.is_(None), reach.c.team.in_(teams)))
    return connection.execute(select(reach.c.employee_key).where(*known).limit(1)).first() is not None


def is_anybody_known(connection: Connection, channel: str) -> bool:
    """Whether anybody was ever found on the channel."""
    return connection.execute(select(reach.c.employee_key).where(reach.c.channel == channel).limit(1)).first() is not None


def of_people(connection: Connection, employee_keys: Sequence[int]) -> list[Reached]:
    """What is known of these people, in the order of the rungs' names."""
    columns = [reach.c[name] for name in Reached.__slots__]
    statement = select(*columns).where(reach.c.employee_key.in_(employee_keys))
    return [Reached(*row) for row in connection.execute(statement.order_by(reach.c.employee_key, reach.c.channel))]


def is_reached(channel: str) -> ColumnElement[bool]:
    """Whether a channel reaches an employee, in a statement that selects from `employees`."""
    rung: ColumnElement[str] = literal_column(
        f"'{rung_of(channel)}'"
    )  # in the statement itself: for SQLite a parameter could be anything
    of_person = (reach.c.employee_key == employees.c.key, reach.c.channel == rung)
    if rung_of(channel) == EMAIL:
        return ~is_there(*of_person, reach.c.refused_at.is_not(None), reach.c.address == employees.c.email)
    return is_there(*of_person, reach.c.refused_at.is_(None), reach.c.address.is_not(None))


def reached_on(known: Iterable[Reached], email: str, channels: Sequence[str]) -> set[str]:
    """Which of these channels reach a person of whom this is known, by the rule of `is_reached`."""
    of_rung = {one.channel: one for one in known}
    return {channel for channel in channels if _reaches(of_rung, channel, email)}


def _reaches(of_rung: Mapping[str, Reached], channel: str, email: str) -> bool:
    one = of_rung.get(rung_of(channel))
    if rung_of(channel) == EMAIL:
        return one is None or one.refused_at is None or one.address != email
    return one is not None and one.refused_at is None and one.address is not None


def nobody_refused_by_email(connection: Connection) -> bool:
    """Whether e-mail reaches everybody, so that nobody has to be asked about."""
    refused = (reach.c.channel == EMAIL, reach.c.refused_at.is_not(None))
    return connection.execute(select(reach.c.employee_key).where(*refused).limit(1)).first() is None
