"""A mail that came back: its person is told on the next channel, and anything that only looks like one changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import RowMapping, select, update

from notifier.domain.bounces import Bounce, read_bounce
from notifier.domain.ladder import Ladders
from notifier.store import bounces, marks, stories
from notifier.store.bounces import Heard
from notifier.store.database import Database
from notifier.store.tables import State, deliveries, employees, reach
from tests.bounce_rig import postfix
from tests.ladder_rig import NOW, claim, end, find_on_slack, rows, send, told
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

MAIL_FIRST = Ladders.of(["email", "slack"], email="smtp")
MAIL_ONLY = Ladders.of(["email"], email="smtp")
NEXT_STEP = utc("2025-10-27T10:00")
LATER = NOW + timedelta(minutes=5)


def sent_mail(database: Database, *, on_slack: bool = True, ladders: Ladders = MAIL_FIRST) -> RowMapping:
    """One person has got the notice by mail."""
    person = add_person(database, 1)
    if on_slack:
        find_on_slack(database, [person])
    planner(database, ladders=ladders).tick(NOW)
    send(database, "smtp", ladders=ladders)
    (row,) = rows(database)
    return row


def report(row: RowMapping, **more: str) -> Bounce:
    """The report about that delivery, as it would come in."""
    bounce = read_bounce(postfix(f"<{row['message_id']}>", **{"person": "e1@example.com"} | more))
    assert bounce is not None
    return bounce


def hear(database: Database, bounce: Bounce, ladders: Ladders = MAIL_FIRST) -> Heard:
    with database.write() as connection:
        return bounces.hear(connection, bounce, LATER, ladders)


def everything(database: Database) -> list[dict[str, object]]:
    with database.read() as connection:
        known = [dict(row) for row in connection.execute(select(reach)).mappings()]
        return known + [dict(row) for row in connection.execute(select(deliveries).order_by(deliveries.c.id)).mappings()]


def test_the_next_channel_carries_it_and_the_address_is_remembered(database: Database) -> None:
    row = sent_mail(database)
    assert hear(database, report(row)) is Heard.NEWS
    assert told(database) == [(row["employee_key"], "smtp", "refused"), (row["employee_key"], "slack", "planned")]
    reason = "bounced: 550 5.1.1 <…>: Recipient address rejected: User unknown in virtual mailbox table"
    assert rows(database)[0]["reason"] == reason
    assert send(database, "slack", now=LATER, ladders=MAIL_FIRST) == [row["employee_key"]]
    planner(database, ladders=MAIL_FIRST).tick(NEXT_STEP)
    assert [(each["occasion"], each["channel"]) for each in rows(database)][2:] == [(7, "slack")]


def test_heard_again_it_says_nothing_new(database: Database) -> None:
    row = sent_mail(database)
    hear(database, report(row))
    before = everything(database)
    assert hear(database, report(row)) is Heard.KNOWN
    assert everything(database) == before


def test_whom_no_channel_reaches_is_on_the_list_with_the_servers_words(database: Database) -> None:
    row = sent_mail(database, on_slack=False)
    hear(database, report(row))
    with database.read() as connection:
        (lost,) = stories.undeliverable(connection, CAMPAIGN.id)
    reason = "smtp: bounced: 550 5.1.1 <…>: Recipient address rejected: User unknown in virtual mailbox table"
    assert (lost.employee_id, lost.reasons) == ("e1", (reason,))


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1"])
def test_a_full_mailbox_is_passed_over_once(database: Database, status: str) -> None:
    """And a message that a filter did not like: the next step goes by mail again."""
    row = sent_mail(database)
    assert hear(database, report(row, status=status)) is Heard.NEWS
    assert send(database, "slack", now=LATER, ladders=MAIL_FIRST) == [row["employee_key"]]
    planner(database, ladders=MAIL_FIRST).tick(NEXT_STEP)
    assert [(each["occasion"], each["channel"]) for each in rows(database)][2:] == [(7, "smtp")]


def test_an_address_that_the_roster_no_longer_has_says_nothing_about_the_new_one(database: Database) -> None:
    row = sent_mail(database, on_slack=False, ladders=MAIL_ONLY)
    with database.write() as connection:
        connection.execute(update(employees).values(email="new@example.com"))
        marks.look_again(connection)
    assert hear(database, report(row), MAIL_ONLY) is Heard.NEWS
    planner(database, ladders=MAIL_ONLY).tick(NEXT_STEP)
    assert [each["state"] for each in rows(database)] == ["refused", "planned"]


def test_a_forged_message_id_is_foreign(database: Database) -> None:
    """The number of the row is right, the random half is not; or the other way round; or all of it belongs to a Slack message."""
    row = sent_mail(database)
    random, _, rest = row["message_id"].partition(".")
    number, _, domain = rest.partition("@")
    before = everything(database)
    for forged in (f"{'0' * 32}.{number}@{domain}", f"{random}.{int(number) + 1}@{domain}", f"{random}.{10**17}@{domain}"):
        assert hear(database, report(dict(row) | {"message_id": forged})) is Heard.FOREIGN
    assert everything(database) == before


def test_of_several_ids_the_one_of_ours_counts(database: Database) -> None:
    row = sent_mail(database)
    bounce = report(row)
    other = Bounce((f"{'f' * 32}.9", *bounce.message_ids), bounce.recipients, bounce.permanent, bounce.status, bounce.reason)
    assert hear(database, other) is Heard.NEWS


def test_what_is_being_recorded_is_heard_later(database: Database) -> None:
    """The report was faster than the answer of our own server."""
    add_person(database, 1)
    planner(database, ladders=MAIL_ONLY).tick(NOW)
    (claimed,) = claim(database, "smtp")
    (row,) = rows(database)
    assert hear(database, report(row), MAIL_ONLY) is Heard.TOO_EARLY
    end(database, claimed, State.UNKNOWN, ladders=MAIL_ONLY)
    assert hear(database, report(row), MAIL_ONLY) is Heard.NEWS  # now it is known what became of it
    assert rows(database)[0]["state"] == "refused"


def test_a_message_on_slack_does_not_bounce(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    ladders = Ladders.of(["slack", "email"], email="smtp")
    planner(database, ladders=ladders).tick(NOW)
    send(database, "slack", ladders=ladders)
    (row,) = rows(database)
    assert hear(database, report(row), ladders) is Heard.FOREIGN


def test_who_has_answered_is_told_nothing_more(database: Database) -> None:
    row = sent_mail(database)
    with database.write() as connection:
        settle(connection, row["employee_key"], NOW)
    assert hear(database, report(row)) is Heard.NEWS
    assert claim(database, "slack", now=LATER) == ()
