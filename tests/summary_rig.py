"""A company of 42 people with managers of all sizes, and what they are told of it, in the autumn of 2025.

Ada has eleven direct reports: Bruno (who leads 12 people in Geneva), Dieter (14 in Munich), Fiona (4 in London), and eight more in
Zurich. So with a minimum of ten Ada is shown three groups (hers with Fiona's, Bruno's, Dieter's), and Fiona the group around hers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select, update

from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.employee import Employee
from notifier.domain.ladder import Ladder
from notifier.domain.teams import Detail
from notifier.store import acknowledgements, employees
from notifier.store.census import Details
from notifier.store.database import Database
from notifier.store.oversight import letters
from notifier.store.tables import deliveries
from notifier.store.tables import employees as people
from notifier.summary.facts import TeamLetter, read
from notifier.summary.figures import Rules
from notifier.summary.weekly import Weekly, When

CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(7, "reminder"), Step(-3, "overdue")))
OTHER = Campaign("training", date(2025, 12, 1), (Step(60, "notice"),))
JOINED = datetime(2025, 9, 1, tzinfo=UTC)
MONDAY = datetime(2025, 10, 6, 6, 0, tzinfo=UTC)  # eight o'clock in Zurich; week 41
COUNTS = Details(Detail.COUNTS, {})
NAMES = Details(Detail.OPEN_NAMES, {})
BY_SMTP = Ladder(("smtp",))
MONDAY_AT_EIGHT = When(0, time(8))

_ZURICH = ("Europe/Zurich", "de", "CH", "ZH")
_PLACES = {
    "b": ("Europe/Zurich", "fr", "CH", "GE"),
    "d": ("Europe/Berlin", "de", "DE", "BY"),
    "f": ("Europe/London", "en", "GB", "ENG"),
}
_TEAMS = {"a": ("1", 8), "b": ("2", 12), "d": ("3", 14), "f": ("4", 4)}
_HEADS = {"1": ("Ada", _ZURICH), "2": ("Bruno", _PLACES["b"]), "3": ("Dieter", _PLACES["d"]), "4": ("Fiona", _PLACES["f"])}


def person(number: str, given: str, place: Sequence[str], manager: str | None, **more: Any) -> Employee:
    zone, language, country, region = place
    return Employee(
        number, f"{number}@example.com", given, f"Exemple {number}", zone, language, country, region, "Sales", manager, **more
    )


def company() -> list[Employee]:
    heads = [person(number, given, place, None if number == "1" else "1") for number, (given, place) in _HEADS.items()]
    others = [
        person(f"{team}{count}", "Zoé", _PLACES.get(team, _ZURICH), manager)
        for team, (manager, size) in _TEAMS.items()
        for count in range(size)
    ]
    return [*heads, *others]


def move_in(database: Database, *more: Employee) -> dict[str, int]:
    """Put the company into the store. Returns everybody's row by id."""
    with database.write() as connection:
        employees.add(connection, [*company(), *more], JOINED)
        return {row.id: row.key for row in connection.execute(select(people.c.id, people.c.key))}


def weekly(
    database: Database,
    *campaigns: Campaign,
    details: Details = COUNTS,
    minimum: int = 10,
    when: When | None = MONDAY_AT_EIGHT,
    ladder: Ladder = BY_SMTP,
) -> Weekly:
    return Weekly(
        database=database,
        campaigns=campaigns or (CAMPAIGN,),
        rules=Rules(details, minimum),
        when=when,
        working_days=WorkingDays(),
        ladder=ladder,
    )


def settle(database: Database, *keys: int, campaign: str = CAMPAIGN.id, now: datetime = MONDAY) -> None:
    """These people answer "done" on their page."""
    with database.write() as connection:
        for key in keys:
            acknowledgements.record(
                connection,
                campaign=campaign,
                employee_key=key,
                answer=Answer.DONE,
                assurance=Assurance.LINK,
                channel="page",
                receipt_channel="smtp",
                now=now,
            )


def change(database: Database, key: int, **values: Any) -> None:
    """Something in the roster is new for one person."""
    with database.write() as connection:
        connection.execute(update(people).where(people.c.key == key).values(values))


def letters_to(database: Database, key: int) -> dict[int, TeamLetter]:
    """Every letter to a manager, by its occasion."""
    statement = select(letters.c.occasion, letters.c.content).where(letters.c.employee_key == key).order_by(letters.c.occasion)
    with database.read() as connection:
        return {row.occasion: read(row.content) for row in connection.execute(statement)}


def told(database: Database) -> list[tuple[str, int, str, str]]:
    """Who has a delivery with a letter: (roster id, occasion, channel, state), sorted."""
    columns = (people.c.id, deliveries.c.occasion, deliveries.c.channel, deliveries.c.state)
    written = deliveries.c.kind.in_(("summary", "escalation"))
    with database.read() as connection:
        rows = connection.execute(select(*columns).join_from(deliveries, people).where(written))
        return sorted((row.id, row.occasion, row.channel, row.state) for row in rows)


def team(keys: Mapping[str, int], *teams: str) -> list[int]:
    """The rows of the people of these teams, without their heads."""
    return [keys[f"{name}{count}"] for name in teams for count in range(_TEAMS[name][1])]
