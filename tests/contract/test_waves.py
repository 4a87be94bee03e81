"""The canary in front of a wave and the brake, on both databases, with the real dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import update

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.domain.retry import Verdict
from notifier.store import holds, waves
from notifier.store.database import Database
from notifier.store.tables import deliveries
from tests.delivery_rig import NOW, House, add_people, house


class Provider:
    """A channel that does as it is told, and remembers how many messages it had in hand at once."""

    name = "smtp"
    concurrency = 8
    resend_when_uncertain = True

    def __init__(self) -> None:
        self.taken = 0
        self.in_hand = 0
        self.before_first_answer = 0
        self.gate = asyncio.Event()
        self.refused: set[int] = set()
        self.not_now = False

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.in_hand += 1
        if not self.gate.is_set():
            self.before_first_answer += 1
        await self.gate.wait()
        self.in_hand -= 1
        if self.not_now:
            raise DeliveryFailed(Verdict.TEMPORARY, "451 4.7.1 Not now")
        if int(outgoing.address.removeprefix("p").partition("@")[0]) in self.refused:
            raise DeliveryFailed(Verdict.PERMANENT, "550 5.1.1 No such user")
        self.taken += 1
        return Receipt("250 2.0.0 Ok")

    async def close(self) -> None:
        """Nothing to close."""


def in_force(here: House) -> list[holds.Hold]:
    with here.database.read() as connection:
        return holds.active(connection, here.clock.now())


async def test_the_first_of_a_wave_go_alone_and_the_rest_follows(database: Database) -> None:
    """While no canary has an answer nothing else is begun; then the whole wave goes in the same pass."""
    add_people(database, 40)
    provider = Provider()
    here = house(database, [provider], canary=5)

    running = asyncio.create_task(here.pass_over())
    while provider.before_first_answer < 5:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert provider.before_first_answer == 5
    provider.gate.set()
    done = await running

    assert done.outcomes == {"accepted": 40}


async def test_a_wave_whose_canaries_are_put_off_goes_on_carefully(database: Database) -> None:
    """451 for everybody: five at a time, none lost, and all of them later."""
    add_people(database, 12)
    provider = Provider()
    provider.gate.set()
    provider.not_now = True
    here = house(database, [provider], canary=5)
    assert (await here.pass_over()).outcomes == {"retry": 12}

    provider.not_now = False
    await here.pass_over(after=timedelta(minutes=2))
    assert here.states() == {"accepted": 12}


async def test_the_next_wave_has_its_own_canary(database: Database) -> None:
    add_people(database, 20)
    provider = Provider()
    provider.gate.set()
    here = house(database, [provider], canary=5)
    await here.pass_over()
    provider.gate.clear()
    provider.before_first_answer = 0

    running = asyncio.create_task(here.pass_over(after=timedelta(days=24)))  # 27 October, seven days before
    while provider.before_first_answer < 5:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert provider.before_first_answer == 5
    provider.gate.set()
    await running


async def test_the_sixth_refusal_of_a_hundred_puts_the_channel_on_hold(database: Database) -> None:
    """What was not sent waits. After a look, and a resume, it goes on, and the old refusals do not count again."""
    add_people(database, 200)
    provider = Provider()
    provider.gate.set()
    provider.refused = set(range(50, 58))
    here = house(database, [provider], canary=5)

    await here.pass_over()

    (hold,) = in_force(here)
    assert (hold.scope, hold.until, hold.actor) == ("smtp", None, "notifier")
    assert "refused for good" in hold.reason
    refused = here.states()["refused"]
    assert 6 <= refused <= 6 + provider.concurrency
    assert here.states()["planned"] == 200 - refused - provider.taken
    assert (await here.pass_over(after=timedelta(minutes=5))).total == 0

    with here.database.write() as connection:
        holds.lift(connection, scope=None, actor="admin", now=here.clock.now())
    await here.pass_over(after=timedelta(seconds=1))
    assert here.states() == {"accepted": 192, "refused": 8}
    assert in_force(here) == []


async def test_five_refusals_of_a_hundred_do_not_stop_a_wave(database: Database) -> None:
    add_people(database, 150)
    provider = Provider()
    provider.gate.set()
    provider.refused = {10, 30, 50, 70, 90}
    here = house(database, [provider], canary=5)

    await here.pass_over()

    assert here.states() == {"accepted": 145, "refused": 5}
    assert in_force(here) == []
    assert here.clock.now() == NOW


def end_one_by_one(here: House, states: Sequence[str]) -> None:
    """Every row ends as said, a second after the one before it."""
    here.planner.tick(NOW)
    with here.database.write() as connection:
        for number, (row, state) in enumerate(zip(here.rows(), states, strict=True)):
            values = {"state": state, "finished_at": NOW + timedelta(seconds=number)}
            connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(values))


def test_the_brake_counts_the_last_hundred_and_not_what_was_before(database: Database) -> None:
    """Six refusals, but the first of them a hundred and one messages ago."""
    states = ["refused", *["accepted"] * 95, *["refused"] * 5]
    add_people(database, len(states))
    here = house(database, [Provider()])
    end_one_by_one(here, states)
    with database.write() as connection:
        assert waves.brake(connection, "smtp", NOW + timedelta(minutes=2)) is None
    assert in_force(here) == []


def test_the_brake_says_what_it_counted(database: Database) -> None:
    states = ["refused", *["accepted"] * 94, *["refused"] * 5]
    add_people(database, len(states))
    here = house(database, [Provider()])
    end_one_by_one(here, states)
    with database.write() as connection:
        reason = waves.brake(connection, "smtp", NOW + timedelta(minutes=2))
        assert waves.brake(connection, "smtp", NOW + timedelta(minutes=2)) is None  # it is on hold already
    assert reason is not None
    assert reason.startswith("6 of the last 100 messages were refused for good")
    assert [hold.reason for hold in in_force(here)] == [reason]


def test_refusals_from_before_the_hold_was_lifted_do_not_count_again(database: Database) -> None:
    """An admin has looked. One refusal more does not stop the channel; six more do."""
    add_people(database, 12)
    here = house(database, [Provider()])
    end_one_by_one(here, ["refused"] * 12)
    lifted_at = NOW + timedelta(seconds=5)  # after the sixth of them
    with database.write() as connection:
        holds.place(connection, scope="smtp", reason="6 of the last 6", actor=holds.SERVICE, now=NOW)
        holds.lift(connection, scope=None, actor="admin", now=lifted_at)
        last = (deliveries.c.finished_at == NOW + timedelta(seconds=11),)
        connection.execute(update(deliveries).where(*last).values(state="accepted"))
        assert waves.brake(connection, "smtp", NOW + timedelta(minutes=2)) is None
        connection.execute(update(deliveries).where(*last).values(state="refused"))
        reason = waves.brake(connection, "smtp", NOW + timedelta(minutes=2))
    assert reason is not None
    assert reason.startswith("6 of the last 6 messages")
