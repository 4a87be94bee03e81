"""A manager's page over the company of `pages_rig`, and the letter that its figures are from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial

from sqlalchemy import update

from notifier.delivery.nudging import Nudger
from notifier.domain.countdown import WorkingDays
from notifier.domain.progress import Figure
from notifier.domain.window import Window
from notifier.store import letters
from notifier.store.database import Database
from notifier.store.letters import Letter
from notifier.store.tables import Kind, employees
from notifier.summary import facts
from notifier.summary.facts import Bar, TeamLetter, TeamProgress
from notifier.web import team
from tests.pages_rig import ANN, BEN, CAMPAIGN, KAI, LEA, NOW, ZOE, Person, Rig, running_pages
from tests.planning_rig import BY_SMTP, planner

UNTIL = date(2025, 10, 27)
TEAM = (BEN, ANN, LEA)
LETTER = TeamLetter(
    on=date(2025, 10, 13),
    campaigns=(
        TeamProgress(
            CAMPAIGN.id,
            CAMPAIGN.deadline,
            bars=(Bar(True, (), Figure(21, 16, 16)), Bar(False, ("Kai Auckland",), Figure(20, 18, 20))),
            before=Figure(41, 30, 30),
            before_on=date(2025, 10, 6),
        ),
    ),
    next_on=date(2025, 10, 20),
    link_until=UNTIL,
)


@contextmanager
def running_team_page(database: Database) -> Iterator[Rig]:
    """Zoé is the manager of Ben, Ann, and of Lea, who has left. She reads English here."""
    nudger = Nudger(
        planner=planner(database, CAMPAIGN), window=Window.parse("09:00-17:00"), working_days=WorkingDays(), ladders=BY_SMTP
    )
    with running_pages(database, parts=(partial(team.routes, nudger=nudger),)) as rig:
        with database.write() as connection:
            reports = employees.c.key.in_([person.key for person in TEAM])
            connection.execute(update(employees).where(reports).values(manager_id=f"e{ZOE.key}"))
            connection.execute(update(employees).where(employees.c.key == ZOE.key).values(language="en"))
            connection.execute(update(employees).where(employees.c.key == KAI.key).values(manager_id=f"e{KAI.key}"))
        yield rig


def path(rig: Rig, person: Person = ZOE, until: date = UNTIL, version: int = 1) -> str:
    return f"/t/{rig.keys.sign_team(person.public_id, version, until)}"


def write(rig: Rig, letter: TeamLetter = LETTER) -> None:
    with rig.database.write() as connection:
        letters.write(connection, [Letter(Kind.SUMMARY, ZOE.key, 202542, "", facts.written(letter))], NOW)
