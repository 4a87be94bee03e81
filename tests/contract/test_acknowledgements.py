"""Answers, on both databases: one counts, all stay, and reminders follow them (promise R15)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from notifier.domain.campaign import Answer, Assurance
from notifier.store import acknowledgements
from notifier.store.acknowledgements import Recorded, Revoked
from notifier.store.database import Database
from notifier.store.tables import Kind, State, calendars, deliveries, employees

CAMPAIGN = "linkedin-ai-training"
NOW = datetime(2025, 10, 15, 8, 14, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ZOE = 1


@pytest.fixture
def store(database: Database) -> Database:
    """Zoé with one reminder sent, one waiting, one over; and Ben with one waiting."""
    with database.write() as connection:
        connection.execute(insert(calendars).values(id=1, time_zone="Europe/Zurich", country="CH", region="GE"))
        for key, name in ((ZOE, "zoe"), (2, "ben")):
            connection.execute(
                insert(employees).values(
                    key=key,
                    id=name,
                    email=f"{name}@example.com",
                    email_key=f"{name}@example.com",
                    given_name=name.title(),
                    family_name="Example",
                    calendar_id=1,
                    active=True,
                    public_id=name.ljust(22, "A"),
                    joined_at=NOW - timedelta(days=90),
                )
            )
        add_reminder(connection, ZOE, 30, State.ACCEPTED, NOW)
        add_reminder(connection, ZOE, 14, State.PLANNED, NOW + timedelta(days=9))
        add_reminder(connection, 2, 14, State.PLANNED, NOW + timedelta(days=9))
    return database


def add_reminder(connection: Connection, key: int, days_before: int, state: State, expires_at: datetime) -> None:
    connection.execute(
        insert(deliveries).values(
            campaign=CAMPAIGN,
            employee_key=key,
            kind=Kind.REMINDER,
            occasion=days_before,
            channel="smtp",
            message="reminder",
            state=state,
            created_at=NOW,
            due_at=NOW,
            next_at=NOW,
            closes_at=expires_at,
            expires_at=expires_at,
        )
    )


def record(
    store: Database, answer: Answer, assurance: Assurance = Assurance.LINK, now: datetime = NOW, actor: str | None = None
) -> Recorded:
    with store.write() as connection:
        return acknowledgements.record(
            connection,
            campaign=CAMPAIGN,
            employee_key=ZOE,
            answer=answer,
            assurance=assurance,
            channel="page",
            receipt_channel="smtp",
            now=now,
            actor=actor,
        )


def undo(store: Database, now: datetime = LATER) -> bool:
    with store.write() as connection:
        return acknowledgements.undo(connection, campaign=CAMPAIGN, employee_key=ZOE, now=now)


def reminders(store: Database, key: int = ZOE) -> dict[int, str]:
    statement = select(deliveries.c.occasion, deliveries.c.state).where(
        deliveries.c.employee_key == key, deliveries.c.kind == Kind.REMINDER
    )
    with store.read() as connection:
        return {row.occasion: row.state for row in connection.execute(statement)}


def receipts(store: Database) -> list[int]:
    statement = select(deliveries.c.occasion).where(deliveries.c.kind == Kind.RECEIPT).order_by(deliveries.c.id)
    with store.read() as connection:
        return list(connection.scalars(statement))


def story(store: Database) -> list[tuple[str, bool, str | None]]:
    with store.read() as connection:
        found = acknowledgements.history(connection, campaign=CAMPAIGN, employee_key=ZOE)
    return [(one.answer, one.settles, one.revoked_because) for one in found]


@pytest.mark.parametrize("answer", [Answer.DONE, Answer.ALREADY_OFF, Answer.NO_ACCOUNT, Answer.PREFER_NOT_TO_SAY])
def test_a_settling_answer_stops_what_waits_and_asks_for_a_receipt(store: Database, answer: Answer) -> None:
    recorded = record(store, answer)
    assert (recorded.changed, recorded.acknowledgement.settles) == (True, True)
    assert reminders(store) == {30: State.ACCEPTED, 14: State.CANCELLED}
    assert reminders(store, key=2) == {14: State.PLANNED}
    assert receipts(store) == [recorded.acknowledgement.id]


def test_what_was_recorded_is_read_back(store: Database) -> None:
    recorded = record(store, Answer.DONE, Assurance.ATTESTED, actor="helpdesk")
    with store.read() as connection:
        found = acknowledgements.current(connection, campaign=CAMPAIGN, employee_key=ZOE)
        elsewhere = acknowledgements.current(connection, campaign="another", employee_key=ZOE)
    assert found == recorded.acknowledgement
    assert found is not None
    assert (found.answered_at, found.actor, found.assurance, found.channel) == (NOW, "helpdesk", Assurance.ATTESTED, "page")
    assert elsewhere is None


def test_the_same_answer_again_changes_nothing(store: Database) -> None:
    first = record(store, Answer.DONE)
    again = record(store, Answer.DONE, now=LATER)
    assert not again.changed
    assert again.acknowledgement == first.acknowledgement
    assert len(receipts(store)) == 1


def test_another_answer_replaces_the_first_and_both_stay(store: Database) -> None:
    record(store, Answer.DONE)
    record(store, Answer.NO_ACCOUNT, now=LATER)
    assert story(store) == [("done", True, Revoked.ANSWERED_AGAIN), ("no_account", True, None)]
    assert reminders(store)[14] == State.CANCELLED


def test_help_keeps_the_reminders(store: Database) -> None:
    recorded = record(store, Answer.HELP)
    assert (recorded.changed, recorded.acknowledgement.settles) == (True, False)
    assert reminders(store)[14] == State.PLANNED
    assert receipts(store) == []


def test_help_after_a_settling_answer_brings_the_reminders_back(store: Database) -> None:
    record(store, Answer.DONE)
    record(store, Answer.HELP, now=LATER)
    assert reminders(store)[14] == State.PLANNED


def test_a_provisional_answer_stops_nothing_until_it_is_confirmed(store: Database) -> None:
    """Promise S2: a machine that presses buttons ends no reminders."""
    provisional = record(store, Answer.DONE, Assurance.PROVISIONAL)
    assert not provisional.acknowledgement.settles
    assert reminders(store)[14] == State.PLANNED
    assert not record(store, Answer.DONE, Assurance.PROVISIONAL, LATER).changed
    confirmed = record(store, Answer.DONE, now=LATER)
    assert confirmed.changed
    assert reminders(store)[14] == State.CANCELLED
    assert receipts(store) == [confirmed.acknowledgement.id]


def test_a_provisional_answer_never_replaces_one_that_settled(store: Database) -> None:
    first = record(store, Answer.DONE)
    robot = record(store, Answer.NO_ACCOUNT, Assurance.PROVISIONAL, LATER)
    assert not robot.changed
    assert robot.acknowledgement == first.acknowledgement
    assert story(store) == [("done", True, None)]


def test_undo_opens_again_and_brings_back_what_is_still_current(store: Database) -> None:
    record(store, Answer.DONE)
    assert undo(store)
    assert story(store) == [("done", True, Revoked.UNDONE)]
    assert reminders(store) == {30: State.ACCEPTED, 14: State.PLANNED}


def test_undo_brings_back_nothing_that_is_over(store: Database) -> None:
    record(store, Answer.DONE)
    assert undo(store, NOW + timedelta(days=10))
    assert reminders(store)[14] == State.CANCELLED


def test_undo_without_an_answer_is_harmless(store: Database) -> None:
    assert not undo(store)
    record(store, Answer.DONE)
    assert undo(store)
    assert not undo(store)


def test_not_me_reopens_and_is_remembered(store: Database) -> None:
    record(store, Answer.DONE)
    with store.write() as connection:
        assert acknowledgements.not_me(connection, campaign=CAMPAIGN, employee_key=ZOE, now=LATER)
    with store.write() as connection:
        assert not acknowledgements.not_me(connection, campaign=CAMPAIGN, employee_key=ZOE, now=LATER)
    assert story(store) == [("done", True, Revoked.NOT_ME)]
    assert reminders(store)[14] == State.PLANNED


def test_answering_again_after_an_undo_counts_and_is_confirmed_anew(store: Database) -> None:
    record(store, Answer.DONE)
    undo(store)
    again = record(store, Answer.DONE, now=LATER)
    assert again.changed
    assert receipts(store) == [again.acknowledgement.id - 1, again.acknowledgement.id]


def test_answers_at_the_same_moment_leave_one_that_counts(store: Database) -> None:
    """Each has its own connection, as two web processes would."""
    failures: list[BaseException] = []
    start = threading.Barrier(6)

    def answer(number: int) -> None:
        other = Database(store.engine.url.render_as_string(hide_password=False))
        try:
            start.wait(timeout=20)
            record(other, list(Answer)[number % 5], now=NOW + timedelta(seconds=number))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            other.close()

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert [because for _, _, because in story(store)].count(None) == 1
