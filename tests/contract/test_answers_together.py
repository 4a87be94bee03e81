"""Answers that arrive together end in the store as if they had come one after the other, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from notifier.domain.campaign import OFFERED, Assurance
from notifier.store import acknowledgements
from notifier.store.acknowledgements import Change, Given, Revoked
from notifier.store.database import Database
from notifier.store.tables import Kind, State, deliveries, employees, reach
from notifier.store.tables import acknowledgements as answers
from tests.planning_rig import CAMPAIGN, add_person, utc
from tests.rows_rig import add_row

NOW = utc("2025-10-20T09:00")
CAMPAIGNS = (CAMPAIGN.id, "another")
PEOPLE = 4
TAKEN_BACK = (Revoked.UNDONE, Revoked.NOT_ME)


def add_crowd(connection: Connection, people: Sequence[int]) -> None:
    """In each campaign they had a mail and a message in Slack, and two reminders wait; mail does not reach the last of them."""
    over = {"next_at": NOW, "expires_at": NOW + timedelta(hours=12)}
    waits = {"next_at": NOW, "expires_at": NOW + timedelta(days=9)}
    for person in people:
        for campaign in CAMPAIGNS:
            add_row(connection, person, campaign=campaign, occasion=30, state="accepted", finished_at=NOW - timedelta(days=3))
            told = {"channel": "slack", "state": "accepted", "reference": "D1:1.1", "finished_at": NOW - timedelta(days=2)}
            add_row(connection, person, campaign=campaign, occasion=14, **told)
            add_row(connection, person, campaign=campaign, occasion=7, **over)
            add_row(connection, person, campaign=campaign, occasion=2, state="retry", **waits)
        connection.execute(insert(reach).values(employee_key=person, channel="slack", address=f"U{person}"))
    email = connection.scalar(select(employees.c.email).where(employees.c.key == people[-1]))
    connection.execute(insert(reach).values(employee_key=people[-1], channel="email", address=email, refused_at=NOW))


def random_change(random: Random) -> tuple[str, int, Given | Revoked]:
    """A change of the n-th person."""
    assurance = random.choice([Assurance.LINK, Assurance.LINK, Assurance.PROVISIONAL])
    given = Given(random.choice(OFFERED[:3] + OFFERED[-1:]), assurance, random.choice(["page", "page", "slack"]), "smtp")
    return random.choice(CAMPAIGNS), random.randrange(PEOPLE), random.choice([given, given, *TAKEN_BACK])


def story(connection: Connection, person: int) -> list[Any]:
    """Everything about a person by campaign, with the numbers of rows told by what the rows are."""
    theirs = (
        connection.execute(answers.select().where(answers.c.employee_key == person).order_by(answers.c.campaign, answers.c.id))
        .mappings()
        .all()
    )
    order = {row["id"]: number for number, row in enumerate(theirs)}
    rows = connection.execute(deliveries.select().where(deliveries.c.employee_key == person)).mappings().all()
    what = {row["id"]: (row["kind"], row["occasion"]) for row in rows}

    def occasion(row: Any) -> Any:
        if row["kind"] == Kind.RECEIPT:
            return order[row["occasion"]]
        return occasion_of_rewritten(row) if row["kind"] == Kind.REWRITE else row["occasion"]

    def occasion_of_rewritten(row: Any) -> Any:
        kind, number = what[row["occasion"]]
        return kind, order[number] if kind == Kind.RECEIPT else number

    told = [dict(row) | {"id": 0, "employee_key": 0, "occasion": occasion(row)} for row in rows]
    said = [dict(row) | {"id": 0, "employee_key": 0} for row in theirs]
    return [said, sorted(told, key=repr)]


def deliver(connection: Connection, number: int) -> None:
    """Every second time what waits for a sender arrives: receipts in Slack can be rewritten from then on."""
    if number % 2:
        asked_for = deliveries.c.kind.in_([Kind.RECEIPT, Kind.REWRITE]), deliveries.c.state == State.PLANNED
        connection.execute(update(deliveries).where(*asked_for).values(state=State.ACCEPTED, reference="D1:1.9", finished_at=NOW))


@pytest.mark.parametrize("seed", range(2))
def test_a_group_ends_as_its_changes_one_after_the_other(database: Database, seed: int) -> None:
    """The same changes for two crowds: for one in groups, for the other each in a transaction of its own."""
    random = Random(seed)
    together = [add_person(database, number) for number in range(PEOPLE)]
    alone = [add_person(database, number) for number in range(PEOPLE, 2 * PEOPLE)]
    with database.write() as connection:
        add_crowd(connection, together)
        add_crowd(connection, alone)
    for number in range(6):
        now = NOW + timedelta(hours=3 * number)
        group = [random_change(random) for _ in range(random.randint(1, 20))]
        with database.write() as connection:
            asked = [Change(campaign, together[person], what) for campaign, person, what in group]
            changed = acknowledgements.change(connection, asked, now)
        assert changed == [change_alone(database, Change(campaign, alone[person], what), now) for campaign, person, what in group]
        with database.write() as connection:
            assert [story(connection, person) for person in together] == [story(connection, person) for person in alone]
            deliver(connection, number)
    with database.read() as connection:
        ended = [story(connection, person) for person in together]
    assert {row["revoked_because"] for said, _ in ended for row in said} == {None, *Revoked}, "every kind of change was among them"
    assert {row["kind"] for _, told in ended for row in told} == {Kind.REMINDER, Kind.RECEIPT, Kind.REWRITE}


def change_alone(database: Database, change: Change, now: Any) -> bool:
    """Through the functions for one person."""
    whose = {"campaign": change.campaign, "employee_key": change.employee_key, "now": now}
    with database.write() as connection:
        if isinstance(change.what, Revoked):
            take_back = acknowledgements.undo if change.what is Revoked.UNDONE else acknowledgements.not_me
            return take_back(connection, **whose)
        one = change.what
        given = {"answer": one.answer, "assurance": one.assurance, "channel": one.channel, "receipt_channel": one.receipt_channel}
        return acknowledgements.record(connection, **whose, **given).changed
