"""The dispatcher, answer by answer: what each leaves in the row, and how long the channel rests. And how a tick keeps its books."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.clock import MovedClock
from notifier.content.catalogue import Catalogue
from notifier.delivery.compose import Composer
from notifier.delivery.dispatcher import Dispatcher, Pass
from notifier.delivery.planner import RANGE, Planned
from notifier.domain import links
from notifier.domain.links import LinkKeys, Purpose
from notifier.domain.retry import Verdict, next_try, spread
from notifier.store import holds, marks
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import State
from tests.delivery_rig import CAMPAIGN, NOW, TEMPLATES, House, add_people
from tests.delivery_rig import SENDER as LETTERHEAD
from tests.planning_rig import add_person, planner, utc
from tests.rows_rig import standing

PERMANENT, TEMPORARY, UNCERTAIN, SENDER = Verdict.PERMANENT, Verdict.TEMPORARY, Verdict.UNCERTAIN, Verdict.SENDER
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Provider:
    """A channel that answers as it is told, one answer for each message; after those it takes everything."""

    name = "smtp"

    def __init__(self, *answers: Exception, resend: bool = True, concurrency: int = 1) -> None:
        self.answers = list(answers)
        self.resend_when_uncertain = resend
        self.concurrency = concurrency
        self.taken: list[Outgoing] = []
        self.closed = 0

    async def send(self, outgoing: Outgoing) -> Receipt:
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append(outgoing)
        return Receipt("250 2.0.0 Ok")

    async def close(self) -> None:
        self.closed += 1


_catalogue = cache(lambda: Catalogue((TEMPLATES,), LETTERHEAD))  # to read the texts takes longer than a test


def house(database: Database, provider: Provider, per_minute: int | None = None) -> House:
    """A process with this one channel."""
    composer = Composer(
        campaigns={CAMPAIGN.id: CAMPAIGN},
        catalogue=_catalogue(),
        keys=LinkKeys({1: b"k" * 32}, 1),
        base_url="https://notifier.example.com",
        default_language="en",
    )
    clock = MovedClock(NOW)
    dispatcher = Dispatcher(
        database=database,
        clock=clock,
        composer=composer,
        channels=[provider],
        limits={"smtp": Limits(per_minute=per_minute)},
        owner="one",
        message_id_domain="example.com",
    )
    return House(database, clock, planner(database, CAMPAIGN), dispatcher)


def failed(verdict: Verdict, pause_seconds: float | None = None) -> DeliveryFailed:
    return DeliveryFailed(verdict, "no", pause_seconds=pause_seconds)


def in_force(here: House) -> list[holds.Hold]:
    with here.database.read() as connection:
        return holds.active(connection, here.clock.now())


def again(attempt: int) -> datetime:
    """When the first row is tried again by itself."""
    return next_try(NOW, attempt, spread(1, attempt))


@pytest.mark.parametrize(
    ("answer", "resend", "row", "pauses"),
    [
        (failed(PERMANENT), True, {"state": "refused", "reason": "no", "reply": "no", "finished_at": NOW}, None),
        (failed(PERMANENT, 60), True, {"state": "refused", "reason": "no", "reply": "no", "finished_at": NOW}, 60),
        (failed(TEMPORARY), True, {"state": "retry", "reason": "no", "reply": "no", "next_at": again(1)}, None),
        (failed(TEMPORARY, 60), True, {"state": "planned", "reason": "no", "next_at": NOW + MINUTE, "attempts": 0}, 60),
        (failed(TEMPORARY, 5), True, {"state": "planned", "reason": "no", "next_at": NOW + 15 * SECOND, "attempts": 0}, 15),
        (failed(SENDER), True, {"state": "planned", "reason": "no", "next_at": NOW + 15 * SECOND, "attempts": 0}, 15),
        (failed(SENDER, 900), True, {"state": "planned", "reason": "no", "next_at": NOW + 15 * MINUTE, "attempts": 0}, 900),
        (failed(UNCERTAIN), True, {"state": "retry", "reason": "no", "reply": "no", "next_at": again(1)}, None),
        (failed(UNCERTAIN, 60), True, {"state": "retry", "reason": "no", "reply": "no", "next_at": again(1)}, 60),
        (
            failed(UNCERTAIN),
            False,
            {"state": "unknown", "reason": "it may have been sent: no", "reply": "no", "finished_at": NOW},
            None,
        ),
        (
            RuntimeError("a fault"),
            True,
            {"state": "retry", "reason": "the channel failed in an unknown way", "next_at": again(1)},
            None,
        ),
    ],
)
async def test_each_answer_leaves_its_mark(
    sqlite_database: Database, answer: Exception, resend: bool, row: dict[str, Any], pauses: float | None
) -> None:
    add_people(sqlite_database, 1)
    here = house(sqlite_database, Provider(answer, resend=resend))
    done = await here.pass_over()

    (stored,) = here.rows()
    expected = {"attempts": 1, "finished_at": None, "owner": None, "language": "en"} | row
    assert {name: stored[name] for name in expected} == expected
    assert stored["subject"]
    until = None if pauses is None else NOW + timedelta(seconds=pauses)
    assert [(hold.scope, hold.until, hold.reason, hold.actor) for hold in in_force(here)] == (
        [] if until is None else [("smtp", until, "no", "notifier")]
    )
    counted = {} if row.get("attempts") == 0 else {State(row["state"]): 1}
    assert (done, done.total) == (Pass(counted, until), len(counted))


async def test_what_is_taken_is_recorded_with_the_providers_words(sqlite_database: Database) -> None:
    add_people(sqlite_database, 2)
    provider = Provider()
    here = house(sqlite_database, provider)
    assert await here.pass_over() == Pass({State.ACCEPTED: 2}, None)
    english, french = here.rows()
    assert (english["state"], english["reply"], english["reason"], english["finished_at"]) == (
        "accepted",
        "250 2.0.0 Ok",
        None,
        NOW,
    )
    assert (english["language"], french["language"]) == ("en", "fr")
    assert english["subject"] == provider.taken[0].rendered.subject != french["subject"]
    await here.dispatcher.close()
    assert provider.closed == 1


async def test_a_message_is_made_for_its_person(sqlite_database: Database) -> None:
    """Their address, name, link and date; who has no name is called by their address, and it stands in no header."""
    add_person(sqlite_database, 1, email="zoe@example.com", given_name="Zoé", family_name="Eymond", language="fr")
    add_person(sqlite_database, 2, email="desk@example.com", given_name="", family_name="", link_version=3)
    add_person(sqlite_database, 3, given_name="", family_name="Eymond")
    provider = Provider()
    here = house(sqlite_database, provider)
    await here.pass_over()
    zoe, desk, family = provider.taken
    assert (zoe.address, zoe.name, zoe.campaign, zoe.dated) == ("zoe@example.com", "Zoé Eymond", CAMPAIGN.id, NOW)
    assert (desk.address, desk.name, desk.rendered.language) == ("desk@example.com", "", "en")
    assert "\nBonjour Zoé,\n" in zoe.rendered.text
    assert "\nHello,\n" in desk.rendered.text
    assert "\nHello Eymond,\n" in family.rendered.text
    keys = LinkKeys({1: b"k" * 32}, 1)
    for message, number, version in ((zoe, 1, 1), (desk, 2, 3)):
        token = keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, f"{number:022}", version)
        assert links.url("https://notifier.example.com", CAMPAIGN.id, token) in message.rendered.text
    assert [(row["id"], row["message_id"]) for row in here.rows()] == [(one.delivery_id, one.message_id) for one in provider.taken]


async def test_a_channel_that_keeps_failing_rests_longer_and_longer(sqlite_database: Database) -> None:
    """15 seconds, a minute, five minutes, five minutes; after a message that was taken it begins anew."""
    add_people(sqlite_database, 1)
    provider = Provider(*(failed(SENDER) for _ in range(4)))
    here = house(sqlite_database, provider)
    pauses = []
    for after in (timedelta(), 15 * SECOND, MINUTE, 5 * MINUTE):
        done = await here.pass_over(after=after)
        assert done.again_at is not None
        pauses.append(done.again_at - here.clock.now())
    assert pauses == [15 * SECOND, MINUTE, 5 * MINUTE, 5 * MINUTE]
    assert (await here.pass_over(after=5 * MINUTE)).outcomes == {"accepted": 1}
    provider.answers = [failed(SENDER)]
    add_person(sqlite_database, 100)
    done = await here.pass_over(after=SECOND)
    assert done.again_at == here.clock.now() + 15 * SECOND


@pytest.mark.parametrize("answer", [failed(PERMANENT), failed(TEMPORARY), failed(UNCERTAIN)])
async def test_a_channel_that_answers_about_the_person_has_not_failed(sqlite_database: Database, answer: DeliveryFailed) -> None:
    add_people(sqlite_database, 2)
    here = house(sqlite_database, Provider(failed(SENDER), answer, failed(SENDER)))
    await here.pass_over()
    done = await here.pass_over(after=15 * SECOND)
    assert done.again_at == here.clock.now() + 15 * SECOND


async def test_a_pause_stops_all_senders_and_what_they_had_claimed(sqlite_database: Database) -> None:
    """Of ten claimed rows one is refused by our own fault: the others wait as if they had never been touched."""
    add_people(sqlite_database, 10)
    provider = Provider(failed(SENDER))
    here = house(sqlite_database, provider)
    assert await here.pass_over() == Pass({}, NOW + 15 * SECOND)
    assert provider.taken == []
    assert {(row["state"], row["attempts"], row["owner"]) for row in here.rows()} == {("planned", 0, None)}
    assert (await here.pass_over(after=15 * SECOND)).outcomes == {"accepted": 10}


async def test_while_everybody_is_told_not_now_one_sender_goes_on(sqlite_database: Database) -> None:
    """Three tries in a row of messages that had been tried before; the first of them that is taken brings all senders back."""
    add_people(sqlite_database, 8)
    provider = Provider(*(failed(TEMPORARY) for _ in range(8)), concurrency=4)
    here = house(sqlite_database, provider)
    (lane,) = here.dispatcher._lanes
    await here.pass_over()
    assert (lane.put_off, lane.in_doubt) == (0, False)
    provider.answers = [failed(TEMPORARY) for _ in range(8)]
    await here.pass_over(after=2 * MINUTE)
    assert (lane.put_off, lane.in_doubt) == (8, True)
    await here.pass_over(after=10 * MINUTE)
    assert (lane.put_off, lane.in_doubt) == (0, False)
    assert here.states() == {"accepted": 8}


async def test_after_a_stop_nothing_is_claimed(sqlite_database: Database) -> None:
    add_people(sqlite_database, 3)
    here = house(sqlite_database, Provider())
    here.dispatcher.stop()
    assert await here.pass_over() == Pass({}, None)
    assert {row["epoch"] for row in here.rows()} == {0}


async def test_a_daemon_takes_back_what_others_held_and_nothing_of_its_own(sqlite_database: Database) -> None:
    add_people(sqlite_database, 2)
    here = house(sqlite_database, Provider())
    here.planner.tick(NOW)
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'claimed', owner = CASE id WHEN 1 THEN 'one' ELSE 'two' END")
    assert await here.dispatcher.release_dead(alone=True) == 1
    assert [(row["state"], row["owner"]) for row in here.rows()] == [("claimed", "one"), ("retry", None)]


async def test_a_limit_says_when_to_come_back(sqlite_database: Database) -> None:
    add_people(sqlite_database, 3)
    here = house(sqlite_database, Provider(), per_minute=30)
    assert await here.pass_over() == Pass({State.ACCEPTED: 1}, NOW + 2 * SECOND)


async def test_a_text_that_cannot_be_rendered_is_tried_again_in_an_hour(sqlite_database: Database) -> None:
    add_people(sqlite_database, 1)
    here = house(sqlite_database, Provider())
    here.planner.tick(NOW)
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET message = 'none'")
    done = await here.dispatcher.run_due()
    (row,) = here.rows()
    assert (done.outcomes, row["state"], row["next_at"], row["attempts"]) == ({State.RETRY: 1}, "retry", NOW + 60 * MINUTE, 1)
    assert "none" in row["reason"]


def test_what_a_tick_did_adds_up() -> None:
    assert Planned(1, 2, 3, 4) + Planned(10, 20, 30, 40) == Planned(11, 22, 33, 44)
    assert not Planned()
    assert all((Planned(inserted=1), Planned(passed=1), Planned(expired=1), Planned(moved=1)))


@pytest.mark.parametrize(("back", "looked_at"), [(MINUTE, False), (MINUTE + SECOND, True)])
def test_a_clock_may_be_set_back_a_little(sqlite_database: Database, back: timedelta, looked_at: bool) -> None:
    """By a minute, as time servers do: then nothing is looked at again. By more, everything is."""
    add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-03T10:00"))
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")
    assert plan.tick(utc("2025-10-03T10:00") - back) == Planned(inserted=int(looked_at))


def test_somebody_at_the_edge_of_a_range_is_planned(sqlite_database: Database) -> None:
    """People are planned in ranges of their keys; the first of a range belongs to it, and progress is told after each."""
    told: list[int] = []
    for key in (RANGE - 1, RANGE, RANGE + 1):
        add_person(sqlite_database, key, key=key)
    plan = planner(sqlite_database)
    plan._progress = told.append
    assert plan.tick(utc("2025-10-03T10:00")) == Planned(inserted=3)
    assert told == [RANGE, RANGE + 1]


def test_the_next_opening_anywhere_lies_after_now(sqlite_database: Database) -> None:
    plan = planner(sqlite_database)
    assert plan.next_instant(NOW) is None
    add_person(sqlite_database, 1)
    opens, following = utc("2025-10-03T09:00"), utc("2025-10-27T09:00")
    assert [plan.next_instant(now) for now in (opens - SECOND, opens, following - SECOND)] == [opens, following, following]
    assert plan.next_instant(utc("2025-12-01T09:00")) is None


def test_a_tick_remembers_how_far_it_came(sqlite_database: Database) -> None:
    """Only where it did something, or looked at everything: an idle tick writes nothing."""
    add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    first = utc("2025-10-03T10:00")
    for now, remembered in ((first, first), (first + MINUTE, first), (utc("2025-10-27T09:00"), utc("2025-10-27T09:00"))):
        plan.tick(now)
        with sqlite_database.read() as connection:
            assert {one: mark.planned_until for one, mark in marks.load(connection).items()} == {CAMPAIGN.id: remembered}


def test_a_window_that_has_closed_is_not_the_one_a_late_row_gets(sqlite_database: Database) -> None:
    """Friday's step planned on Friday evening, after an outage: it waits for Monday morning."""
    add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-03T17:00"))
    with sqlite_database.read() as connection:
        (row,) = standing(connection).values()
    assert (row["next_at"], row["closes_at"]) == (utc("2025-10-06T09:00"), utc("2025-10-06T17:00"))
