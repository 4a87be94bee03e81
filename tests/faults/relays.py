"""R10, R11, R12: relays that misbehave, put everybody off, and take their time."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from unittest.mock import patch

from notifier.channels.smtp import SmtpChannel
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import outbox
from notifier.store.database import Database
from tests.delivery_rig import CAMPAIGN, NOW, House, house, smtp_channel
from tests.faults.relay import Relay
from tests.faults.stores import make_store
from tests.faults.tried import Tried
from tests.smtp_actions import Action, Close, Drip, Hang, Raw, Say, SayAndClose, SayTwice, beginning

MISCHIEF = "R10 every relay misbehaviour"
GREYLIST = "R11 greylisting"
STORM = "R11 451 for everybody, 24 hours"
SLOW = "R12 an answer to the final dot after 590 of 600 s"

_REPERTOIRE: dict[str, list[Action]] = {
    "CONNECT": [
        *(SayAndClose("421 4.3.2 too busy"), SayAndClose("554 5.3.2 no service here"), Close(), Hang()),
        *(Raw(b"\x00\xff\r\n"), Drip("220 slow.example.com\r\n", every=0.005)),
    ],
    "EHLO": [Say("421 4.3.2 later"), Say("502 5.5.1 what?"), Close(), Hang(), SayTwice("250 a.example.com", "250 b")],
    "MAIL": [Say("451 4.3.0 later"), SayAndClose("421 4.4.2 idle"), Say("452 4.3.1 no space"), Close(), Hang()],
    "RCPT": [
        *(Say("450 4.2.1 too fast"), Say("451 4.7.1 later"), Say("452 4.2.2 mailbox full"), SayAndClose("421 4.7.0 enough")),
        *(Say("550 5.1.1 no such user"), Say("550 5.1.1 no such user"), Close(), Hang(), Raw(b"junk\r\n")),
    ],
    "DATA": [Say("451 4.3.0 queue file write error"), SayAndClose("421 4.3.2 bye"), Say("250 2.0.0 early"), Close(), Hang()],
    "BODY": [Close(), Close(), Close()],
    "DOT": [
        *(Say("451 4.3.0 later"), Say("452 4.3.1 no space"), Say("554 5.6.0 not this content"), SayAndClose("421 4.3.2 bye")),
        *(Close(), Close(keep=True), Close(keep=True), Hang(), Drip("250 2.0.0 slow\r\n", every=0.005)),
    ],
    "RSET": [Close(), Say("421 4.3.2 bye"), Hang()],
    "QUIT": [Close(), Hang(), Say("500 5.5.1 no")],
}


class Mischief:
    """Plays the whole repertoire once, at random messages, and remembers what it did."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._left = {moment: chance.sample(actions, len(actions)) for moment, actions in _REPERTOIRE.items()}
        self.done: list[tuple[str, Action]] = []

    def __call__(self, moment: str) -> Action | None:
        left = self._left.get(moment)
        if not left or self._chance.random() > 0.2:
            return None
        action = left.pop()
        self.done.append((moment, action))
        return action

    def refusals(self) -> int:
        """How many messages were refused for good."""
        return sum(moment in {"RCPT", "DOT"} and beginning(action) == "5" for moment, action in self.done)

    def kept(self) -> int:
        """How many messages were taken without saying so."""
        return sum(action == Close(keep=True) for _, action in self.done)


async def misbehaviour(folder: Path, chance: Random, *, people: int) -> Tried:
    """One wave meets everything: nobody is lost, a repeat only after "taken and not said", a refusal never tried again."""
    tried = Tried(MISCHIEF)
    folder.mkdir()
    make_store(folder / "store.db", people)
    database = Database(f"sqlite:///{folder}/store.db")
    mischief = Mischief(chance)
    async with Relay(mischief=mischief, limit=50) as relay:
        one = house(database, [_impatient(relay)])
        for _ in range(300):
            if not await _pass_and_move(one):
                break
        refused = {row["email"] for row in one.rows() if row["state"] == "refused"}
        before = Counter(_addressed(relay))
        await one.pass_over(after=timedelta(hours=5))
        await one.dispatcher.close()
        tried.tries += len(mischief.done)
        tried.bound += mischief.kept()
        tried.repeated += relay.repeated()
        tried.lost += sum(not relay.recipients()[row["email"]] for row in one.rows() if row["state"] != "refused")
        tried.demand(relay.unlike() == 0, "a repeat is not the same bytes")
        tried.demand(len(refused) == mischief.refusals(), f"{len(refused)} rows refused, the relay refused {mischief.refusals()}")
        again = {address for address, times in Counter(_addressed(relay)).items() if times > before[address]}
        tried.demand(not again & refused, "a refused message was tried again")
        tried.demand(set(one.states()) <= {"accepted", "refused"}, f"states at the end: {dict(one.states())}")
        tried.demand(relay.most_at_once <= 4, f"{relay.most_at_once} connections at once")
    database.close()
    return tried


def _addressed(relay: Relay) -> list[str]:
    return [command.partition("<")[2].partition(">")[0] for command in relay.commands if command.startswith("RCPT")]


def _impatient(relay: Relay, connections: int = 4) -> SmtpChannel:
    return smtp_channel(relay, connections, timeout=0.4, final_timeout=0.6)


async def _pass_and_move(one: House) -> bool:
    """One pass, and the clock to when something can happen next. False where nothing waits any more."""
    done = await one.pass_over()
    now = one.clock.now()
    with one.database.read() as connection:
        instants = [outbox.next_instant(connection, now), done.again_at]
    one.clock.move_to(max(min((instant for instant in instants if instant), default=now), now + timedelta(seconds=1)))
    return bool({"planned", "retry", "claimed"} & set(one.states()))


async def greylisting(folder: Path, *, people: int) -> Tried:
    """Each recipient is put off once: a delay, and nothing else."""
    tried = Tried(GREYLIST)
    folder.mkdir()
    make_store(folder / "store.db", people)
    database = Database(f"sqlite:///{folder}/store.db")
    async with Relay(greylisting=True) as relay:
        one = house(database, [smtp_channel(relay, 4)])
        await one.pass_over()
        tried.tries += sum(command.startswith("RCPT") for command in relay.commands)
        await one.pass_over(after=timedelta(minutes=2))
        await one.dispatcher.close()
        tried.lost += people - len(relay.recipients())
        tried.repeated += relay.repeated()
        attempts = Counter(row["attempts"] for row in one.rows())
        tried.demand(attempts == {2: people}, f"tries for each message: {dict(attempts)}")
    database.close()
    return tried


async def storm(folder: Path, *, people: int) -> Tried:
    """A day of 451 at RCPT: soon one connection in five minutes, no more memory, and everybody is written to afterwards."""
    tried = Tried(STORM)
    folder.mkdir()
    make_store(folder / "store.db", people)
    database = Database(f"sqlite:///{folder}/store.db")
    opened: list[datetime] = []
    async with Relay() as relay:
        relay.on("RCPT", Say("451 4.7.1 not now"), times=None)
        one = house(database, [smtp_channel(relay, 4)])
        one.planner = Planner(
            database=database,
            campaigns=(Campaign(CAMPAIGN.id, CAMPAIGN.deadline, (Step(31, "notice"),)),),
            window=Window.parse("00:00-23:59"),
            working_days=WorkingDays(frozenset(range(7))),
            ladders=Ladders.of(["email"], email="smtp"),
        )
        tracemalloc.start()
        early = 0
        while one.clock.now() < NOW + timedelta(hours=24):
            before, now = relay.connections, one.clock.now()
            await _pass_and_move(one)
            await one.dispatcher.close()  # no connection is kept for as long as the clock moves here
            opened += [now] * (relay.connections - before)
            if not early and one.clock.now() > NOW + timedelta(hours=2):
                early = tracemalloc.get_traced_memory()[0] - _remembered(relay)
        grown = tracemalloc.get_traced_memory()[0] - _remembered(relay) - early
        tracemalloc.stop()
        tried.tries += sum(command.startswith("RCPT") for command in relay.commands)
        calm = [moment for moment in opened if moment >= NOW + timedelta(minutes=15)]
        close = sum(later - earlier < timedelta(minutes=5) for earlier, later in pairwise(calm))
        tried.demand(close == 0, f"{close} of {len(calm)} connections came within five minutes of another")
        tried.demand(grown < 2_000_000, f"memory grew by {grown} bytes")
        relay.behave()
        for _ in range(60):
            if not await _pass_and_move(one):
                break
        await one.dispatcher.close()
        tried.lost += people - len(relay.recipients())
        tried.repeated += relay.repeated()
        tried.demand(one.states() == {"accepted": people}, f"states after the storm: {dict(one.states())}")
    database.close()
    return tried


def _remembered(relay: Relay) -> int:
    """About what the relay itself keeps: its own list of commands."""
    return sum(len(command) + 57 for command in relay.commands)


async def slow_answers(folder: Path, *, people: int) -> Tried:
    """The final dot is answered after 590 of the 600 s of patience for it, by the clock of the loop: one copy."""
    tried = Tried(SLOW)
    folder.mkdir()
    make_store(folder / "store.db", people)
    database = Database(f"sqlite:///{folder}/store.db")
    late, all_came = asyncio.Event(), asyncio.Event()
    came = 0

    def answer(moment: str) -> Action | None:
        nonlocal came
        if moment != "DOT":
            return None
        came += 1
        if came == people:
            all_came.set()
        return Say("250 2.0.0 Ok", late)

    loop = asyncio.get_running_loop()
    clock, moved = loop.time, 0.0
    async with Relay(mischief=answer) as relay:
        one = house(database, [smtp_channel(relay, people, timeout=5, final_timeout=600)])
        with patch.object(loop, "time", lambda: clock() + moved):
            sending = asyncio.create_task(one.pass_over())
            await all_came.wait()
            moved = 590.0
            for _ in range(10):  # whoever has a time to keep looks at the clock
                await asyncio.sleep(0)
            late.set()
            await sending
            await one.dispatcher.close()
        tried.tries += people
        tried.lost += people - len(relay.recipients())
        tried.repeated += relay.repeated()
        tried.demand(one.states() == {"accepted": people}, f"states: {dict(one.states())}")
    database.close()
    return tried
