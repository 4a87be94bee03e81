"""What an answer about one mailbox leaves behind: in the row, and in the mailbox's own pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.domain.ladder import Ladders
from notifier.domain.retry import Verdict, next_try, spread
from notifier.store import holds
from notifier.store.database import Database
from notifier.store.holds import Hold
from notifier.store.quota import Limits
from notifier.store.tables import State
from tests.delivery_rig import NOW, House, add_people, house

A, B = "a@example.com", "b@example.com"
MINUTE, USUAL = timedelta(minutes=1), timedelta(minutes=5)


class Mailboxes:
    """A provider with mailboxes that answers once so many have asked, as it is told for each mailbox, and then takes all."""

    name = "graph"
    resend_when_uncertain = False

    def __init__(self, answers: dict[str, list[DeliveryFailed]], concurrency: int = 1) -> None:
        self.answers = answers
        self.concurrency = concurrency
        self.asked = 0
        self.all_have_asked = asyncio.Event()
        self.taken: list[str] = []

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.asked += 1
        if self.asked == self.concurrency:
            self.all_have_asked.set()
        await self.all_have_asked.wait()
        if waiting := self.answers.get(outgoing.outlet):
            raise waiting.pop(0)
        self.taken.append(outgoing.outlet)
        return Receipt("202")

    async def close(self) -> None:
        """Nothing is open."""


def only(verdict: Verdict, pause_seconds: float | None = None) -> DeliveryFailed:
    return DeliveryFailed(verdict, "no", pause_seconds=pause_seconds, outlet_only=True)


def sending(database: Database, channel: Mailboxes, *boxes: str, people: int = 1) -> House:
    add_people(database, people)
    limits = {"graph": Limits(outlets={box: Limits() for box in boxes})}
    return house(database, [channel], ladders=Ladders.of(["email"], email="graph"), limits=limits)


def in_force(here: House) -> list[Hold]:
    with here.database.read() as connection:
        return holds.active(connection, here.clock.now())


@pytest.mark.parametrize(
    ("answer", "row", "rests"),
    [
        (only(Verdict.SENDER, 60), {"state": "planned", "next_at": NOW, "reason": "no", "outlet": None, "attempts": 0}, MINUTE),
        (only(Verdict.SENDER), {"state": "planned", "next_at": NOW, "reason": "no", "outlet": None, "attempts": 0}, USUAL),
        (only(Verdict.TEMPORARY, 60), {"state": "planned", "next_at": NOW, "outlet": None, "attempts": 0}, MINUTE),
        (only(Verdict.PERMANENT, 60), {"state": "refused", "finished_at": NOW, "reply": "no", "attempts": 1}, MINUTE),
        (only(Verdict.CONTENT, 60), {"state": "refused", "finished_at": NOW, "reply": "no", "attempts": 1}, MINUTE),
        (only(Verdict.UNCERTAIN, 60), {"state": "unknown", "reason": "it may have been sent: no", "attempts": 1}, MINUTE),
    ],
)
async def test_each_answer_leaves_its_mark(
    sqlite_database: Database, answer: DeliveryFailed, row: dict[str, object], rests: timedelta
) -> None:
    here = sending(sqlite_database, Mailboxes({A: [answer]}), A)
    await here.pass_over()
    (stored,) = here.rows()
    assert {name: stored[name] for name in row} == row
    assert in_force(here) == [Hold(f"graph/{A}", NOW, NOW + rests, "no", holds.SERVICE)]


@pytest.mark.parametrize("verdict", [Verdict.SENDER, Verdict.TEMPORARY])
async def test_what_was_tried_before_waits_until_its_own_mailbox_goes_on(sqlite_database: Database, verdict: Verdict) -> None:
    """Whether the mailbox is blamed, or only busy: a repeat is the same bytes, so it leaves from there."""
    channel = Mailboxes({A: [DeliveryFailed(Verdict.TEMPORARY, "not now"), only(verdict, 3600)]})
    here = sending(sqlite_database, channel, A)
    await here.pass_over()
    later = next_try(NOW, 1, spread(1, 1))
    await here.pass_over(after=later - NOW)
    (row,) = here.rows()
    assert (row["state"], row["outlet"], row["attempts"], row["next_at"]) == ("retry", A, 1, later + 60 * MINUTE)


async def test_a_mailbox_that_several_senders_hear_of_rests_once(sqlite_database: Database) -> None:
    """Four messages are on their way when it says no: one pause, and all four go through the other mailbox in the same pass."""
    channel = Mailboxes({A: [only(Verdict.SENDER, 60)] * 4}, concurrency=8)
    here = sending(sqlite_database, channel, A, B, people=8)
    done = await here.pass_over()
    assert done.outcomes == {State.ACCEPTED: 8}
    assert channel.taken == [B] * 8
    assert in_force(here) == [Hold(f"graph/{A}", NOW, NOW + MINUTE, "no", holds.SERVICE)]
    with sqlite_database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM holds").scalar() == 1


async def test_a_mailbox_that_failed_says_nothing_against_the_channel(sqlite_database: Database) -> None:
    """The channel that failed before answers again: the next time it fails it rests as shortly as at first."""
    down = DeliveryFailed(Verdict.SENDER, "down")
    channel = Mailboxes({A: [down, only(Verdict.SENDER, 1), down]})
    here = sending(sqlite_database, channel, A)
    await here.pass_over()
    assert [hold.until for hold in in_force(here)] == [NOW + timedelta(seconds=15)]
    await here.pass_over(after=timedelta(seconds=15))
    assert [hold.scope for hold in in_force(here)] == [f"graph/{A}"]
    await here.pass_over(after=timedelta(seconds=1))
    assert [(hold.scope, hold.until) for hold in in_force(here)] == [("graph", NOW + timedelta(seconds=31))]
