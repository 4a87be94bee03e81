"""Finding people: by a part of their name, address or id, by where they stand in a campaign, and by what the roster does not say
of them. For operators alone.

A list holds as many people as the figure that leads to it: those of a campaign are counted by `organisation.cells` and `answers`,
those of the roster by `organisation.roster_health`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, and_, case, func, literal, or_, select, update

from notifier.domain.campaign import Campaign
from notifier.domain.employee import full_name
from notifier.store import past
from notifier.store.acknowledgements import settled
from notifier.store.database import POSTGRESQL
from notifier.store.lookups import is_there
from notifier.store.steps import in_audience
from notifier.store.tables import acknowledgements, calendars, employees

_FOLDED = ("given_name", "family_name", "id", "email")
_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody in a list.

    Attributes:
        key: the row; what the address of their page carries.
        country, department, language: "" where the roster says nothing.
    """

    key: int
    id: str
    email: str
    given_name: str
    family_name: str
    active: bool
    country: str
    department: str
    language: str

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name, self.email)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a list of a campaign holds: those asked today for whom all of this is true.

    Attributes:
        is_open: True for the open ones, False for the settled, None for both.
        countries, departments, languages: any of these, "" for those of whom the roster says nothing; empty: all.
        answers, assurances: the answer of theirs that counts is any of these, given in any of these ways; empty: all, and those
            who have not answered too.
        before: not as things stand today, but as they stood right before this instant: see `store/past.py`.
    """

    campaign: Campaign
    is_open: bool | None = None
    countries: Sequence[str] = ()
    departments: Sequence[str] = ()
    languages: Sequence[str] = ()
    answers: Sequence[str] = ()
    assurances: Sequence[str] = ()
    before: datetime | None = field(default=None, kw_only=True)


class Gap(StrEnum):
    """What the roster does not say of somebody who is in it."""

    LANGUAGE = "without_language"
    DEPARTMENT = "without_department"
    COUNTRY = "without_country"
    MANAGER = "without_manager"
    KNOWN_MANAGER = "unknown_manager"  # it names somebody who is not in it, or no longer


def search(connection: Connection, text: str, *, after: int = 0, most: int) -> list[Found]:
    """People of whom every word of the text is part of the name, address or id; those who left too. By the order they came."""
    conditions = [or_(*_is_part(word, connection.dialect.name)) for word in text.split()]
    return read(connection, people().where(employees.c.key > after, *conditions).limit(most))


def listed(connection: Connection, wanted: Wanted, *, after: int = 0, most: int) -> list[Found]:
    """The people of a list, by the order they came."""
    return read(connection, people().where(employees.c.key > after, *_conditions(wanted)).limit(most))


def in_roster(connection: Connection, gap: Gap | None = None, *, after: int = 0, most: int) -> list[Found]:
    """Everybody who is in the roster now, or those of them with this gap, whomever a campaign asks. By the order they came."""
    conditions = [] if gap is None else [_has(gap)]
    return read(connection, people().where(employees.c.key > after, employees.c.active, *conditions).limit(most))


def by_ids(connection: Connection, ids: Sequence[str]) -> list[Found]:
    """The people with these roster ids."""
    return read(connection, people().where(employees.c.id.in_(ids)))


def time_zones(connection: Connection) -> list[str]:
    """The zones that people of the roster live in, or have lived in."""
    return list(connection.scalars(select(calendars.c.time_zone).distinct().order_by(calendars.c.time_zone)))


def void_links(connection: Connection, key: int) -> None:
    """Every link that the person was sent stops working; the next message carries a new one."""
    connection.execute(update(employees).where(employees.c.key == key).values(link_version=employees.c.link_version + 1))


def people() -> Select[*tuple[Any, ...]]:
    """All people, as `read` wants them, by the order they came."""
    columns = employees.c["key", "id", "email", "given_name", "family_name", "active"]
    spoken = func.coalesce(employees.c.language_choice, employees.c.language, "")
    return (
        select(*columns, calendars.c.country, func.coalesce(employees.c.department, ""), spoken)
        .join_from(employees, calendars)
        .order_by(employees.c.key)
    )


def read(connection: Connection, statement: Select[*tuple[Any, ...]]) -> list[Found]:
    """Those whom a narrowed `people` finds."""
    return [Found(*row) for row in connection.execute(statement)]


def _is_part(word: str, dialect: str) -> list[ColumnElement[bool]]:
    """Whether a word is part of one of the columns, in any case.

    SQLite's LIKE heeds no case, but of ASCII letters alone: a word with others is looked for as it may be written.
    """
    columns = [employees.c[name] for name in _FOLDED]
    if dialect == POSTGRESQL:
        return [column.ilike(f"%{_literally(word)}%", escape=_ESCAPE) for column in columns]
    written = dict.fromkeys((word,) if word.isascii() else (word, word.lower(), word.upper(), word.title()))
    return [_like(column, one) for column in columns for one in written]


def _like(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Without ESCAPE, where it is not needed, it takes half the time."""
    literal_word = _literally(word)
    return column.like(f"%{literal_word}%", escape=_ESCAPE if literal_word != word else None)


def _literally(word: str) -> str:
    return "".join(_ESCAPE + letter if letter in "%_\\" else letter for letter in word)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    campaign = wanted.campaign
    if wanted.before is None:
        conditions, has_settled = [employees.c.active, *in_audience(campaign.audience)], settled(campaign.id, employees.c.key)
    else:
        conditions, has_settled = past.asked_before(campaign, wanted.before), past.settled_before(campaign, wanted.before)
    if wanted.is_open is not None:
        conditions.append(~has_settled if wanted.is_open else has_settled)
    if wanted.countries:
        conditions.append(calendars.c.country.in_(wanted.countries))
    if wanted.departments:
        conditions.append(func.coalesce(employees.c.department, "").in_(wanted.departments))
    if wanted.languages:
        conditions.append(_spoken(campaign).in_(wanted.languages))
    if wanted.answers or wanted.assurances:
        conditions.append(_answered(wanted))
    return conditions


def _answered(wanted: Wanted) -> ColumnElement[bool]:
    given = acknowledgements.c
    conditions = [given.campaign == wanted.campaign.id, given.employee_key == employees.c.key, given.revoked_at.is_(None)]
    if wanted.answers:
        conditions.append(given.answer.in_(wanted.answers))
    if wanted.assurances:
        conditions.append(given.assurance.in_(wanted.assurances))
    return is_there(*conditions)


def _has(gap: Gap) -> ColumnElement[bool]:
    if gap is Gap.LANGUAGE:
        return func.coalesce(employees.c.language_choice, employees.c.language).is_(None)
    if gap is Gap.DEPARTMENT:
        return employees.c.department.is_(None)
    if gap is Gap.COUNTRY:
        return calendars.c.country == ""
    if gap is Gap.MANAGER:
        return employees.c.manager_id.is_(None)
    manager, report = employees.alias("manager"), employees.alias("report")
    named = select(report.c.manager_id).where(report.c.active, report.c.manager_id.is_not(None)).distinct().subquery()
    unknown = select(named.c.manager_id).where(~is_there(manager.c.id == named.c.manager_id, manager.c.active))
    return employees.c.manager_id.in_(unknown)  # each is looked for once, not once for each of their reports


def _spoken(campaign: Campaign) -> ColumnElement[str]:
    """The language they are written in; "" for the organisation's default."""
    chosen = func.coalesce(employees.c.language_choice, employees.c.language)
    if not campaign.language_by_country:
        return func.coalesce(chosen, "")
    rules = [
        (and_(calendars.c.country == country), literal(code, String)) for country, code in campaign.language_by_country.items()
    ]
    return func.coalesce(chosen, case(*rules, else_=literal("", String)))
