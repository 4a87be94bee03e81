"""The census of a campaign: who is counted, in whose team, and who is shown by name. Why it is never changed: `domain/progress.py`.

It is taken in one transaction, of the people who are asked at that moment. Two who take it at the same time take one: the second
waits for the first, and finds it taken. Managers need not be asked themselves.

Everybody in it is known by their row (`employees.key`) written as text, since the domain's trees have texts for keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, insert, select

from notifier.domain.campaign import Campaign
from notifier.domain.groups import Tree
from notifier.domain.progress import Tally
from notifier.domain.teams import Detail, Unit
from notifier.store.acknowledgements import settled
from notifier.store.inserts import insert_into
from notifier.store.oversight import census_managers, census_people, censuses
from notifier.store.steps import in_audience
from notifier.store.tables import calendars, employees

_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Details:
    """What managers see of their direct reports: the rule, and countries that have another one."""

    usual: Detail
    by_country: Mapping[str, Detail]

    @property
    def names_somewhere(self) -> bool:
        return Detail.OPEN_NAMES in {self.usual, *self.by_country.values()}

    def shows_names(self, country: str) -> bool:
        """Whether people there are shown by name while they are open."""
        return self.by_country.get(country, self.usual) is Detail.OPEN_NAMES

    def agreed(self) -> ColumnElement[bool]:
        """The same, in a statement that selects from `calendars`."""
        others = [country for country in self.by_country if self.shows_names(country) is not self.shows_names("")]
        differs = calendars.c.country.in_(others)
        return ~differs if self.shows_names("") else differs


@dataclass(frozen=True, slots=True)
class Managers:
    """Who is above whom by the roster of now.

    Attributes:
        tree: of roster ids.
        keys: the row of each active manager, by roster id.
    """

    tree: Tree
    keys: Mapping[str, int]

    def home(self, person: str, manager: str | None) -> int | None:
        """The row of the manager in whose team somebody is; None: in nobody's."""
        above = self.tree.home(person, manager)
        return None if above is None else self.keys[above]


def managers_of_now(connection: Connection) -> Managers:
    """Everybody whom somebody names as their manager, made sound."""
    named = select(employees.c.manager_id).where(employees.c.manager_id.is_not(None)).distinct()
    statement = select(*employees.c["key", "id", "manager_id", "active"]).where(employees.c.id.in_(named))
    rows = connection.execute(statement).all()
    keys = {row.id: row.key for row in rows if row.active}
    return Managers(Tree({row.id: row.manager_id for row in rows}, keys.keys()), keys)


def take(connection: Connection, campaign: Campaign, details: Details, minimum: int, now: datetime) -> bool:
    """Take the census, to be the whole of one transaction. False where it was taken before.

    Args:
        minimum: the smallest group that is shown, as long as the campaign lasts: other groups could be subtracted from these.
    """
    first = insert_into(connection, censuses).values(campaign=campaign.id, taken_at=now, minimum=minimum)
    if connection.execute(first.on_conflict_do_nothing().returning(censuses.c.campaign)).first() is None:
        return False
    managers = managers_of_now(connection)
    above = [
        {"campaign": campaign.id, "manager_key": managers.keys[manager], "above_key": superior and managers.keys[superior]}
        for manager, superior in managers.tree.above.items()
    ]
    asked = (
        select(*employees.c["key", "id", "manager_id"], calendars.c.country)
        .join_from(employees, calendars)
        .where(employees.c.active, *in_audience(campaign.audience))
    )
    people = [
        {
            "campaign": campaign.id,
            "employee_key": row.key,
            "home_key": managers.home(row.id, row.manager_id),
            "named": int(details.shows_names(row.country)),
        }
        for row in connection.execute(asked)
    ]
    _fill(connection, census_managers, above)
    _fill(connection, census_people, people)
    return True


def taken(connection: Connection) -> dict[str, int]:
    """The campaigns whose census was taken, each with the smallest group that is shown."""
    return {row.campaign: row.minimum for row in connection.execute(select(censuses.c.campaign, censuses.c.minimum))}


def load_tree(connection: Connection, campaign: str) -> Tree:
    """The managers at the census."""
    statement = select(census_managers.c.manager_key, census_managers.c.above_key).where(census_managers.c.campaign == campaign)
    above = {_text(row.manager_key): _text(row.above_key) for row in connection.execute(statement)}
    known = {manager: superior for manager, superior in above.items() if manager is not None}
    return Tree(known, known.keys())


def units(connection: Connection, campaign: Campaign) -> dict[str | None, Unit]:
    """The people of the census as they stand now, by the manager in whose team they are counted."""
    can_answer = and_(employees.c.active, *in_audience(campaign.audience))  # unknown where the roster names no department
    home = (census_people.c.home_key, census_people.c.named)
    statement = (
        select(
            *home,
            func.count().label("people"),
            func.sum(case((can_answer, 0), else_=1)).label("left"),
            func.sum(case((settled(campaign.id, employees.c.key), 1), else_=0)).label("settled"),
        )
        .join_from(census_people, employees, census_people.c.employee_key == employees.c.key)
        .where(census_people.c.campaign == campaign.id)
        .group_by(*home)
    )
    found: dict[str | None, Unit] = {}
    for row in connection.execute(statement):
        key, tally = _text(row.home_key), Tally(row.people, int(row.left), int(row.settled))
        before = found.get(key, Unit())
        found[key] = Unit(before.counted, tally) if row.named else Unit(tally, before.named)
    return found


def _text(key: int | None) -> str | None:
    return None if key is None else str(key)


def _fill(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(insert(table), rows[start : start + _AT_ONCE])
