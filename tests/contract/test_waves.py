"""The canary in front of a wave and the brake, on both databases, with the real dispatcher."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.domain.retry import Verdict
from notifier.store import holds
from notifier.store.database import Database
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
