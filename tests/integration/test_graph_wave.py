"""A wave of thousands through Microsoft Graph, from two mailboxes, with every kind of trouble on the way, on a moved clock."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import func, select

from notifier.channels.graph import AT_ONCE, GraphChannel
from notifier.domain.ladder import Ladder, Ladders
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import State, deliveries
from tests.delivery_rig import House, add_people, house
from tests.microsoft_calls import Action, Call, Drop, Fail, Taken
from tests.microsoft_mail import post_of
from tests.microsoft_server import MAILBOX, MicrosoftServer

SECOND = "privacy-2@example.com"
PEOPLE, OFTEN = 250, 2  # every trouble once; 5,000 take twenty times as long, and meet no other
# What Graph does to the first try of every 500th person, by the last digits of their number.
TROUBLE: dict[int, Action] = {
    50: Fail(429, "TooManyRequests", retry_after=20),
    100: Fail(429, "ApplicationThrottled", retry_after=5, done=True),
    150: Fail(503, "ServiceUnavailable", retry_after=30),
    200: Fail(500, "UnknownError", done=True),
    250: Drop(),
    300: Drop(done=True),
    350: Taken(retry_after=15),
    400: Fail(503, "ErrorServerBusy", retry_after=10),
    450: Fail(401, "InvalidAuthenticationToken"),
}
UNCERTAIN = {50, 100, 150, 200, 250, 300}
DONE = {100, 200, 300}


class Trouble:
    """Trouble at the first try of some messages; one person in a hundred is refused for good.

    Args:
        route: that it comes to.
        often: how many times as often as `TROUBLE` says.
        until: so many people, from the first, may have it.
    """

    def __init__(self, route: str, *, often: int = 1, until: int | None = None) -> None:
        self.tried: Counter[int] = Counter()
        self.route = route
        self.often = often
        self.until = until

    def __call__(self, call: Call) -> Action | None:
        if call.route != self.route:
            return None
        message = call.body["message"] if call.body else post_of(call.server).items[call.values["id"]].message
        number = number_of(message["toRecipients"][0]["emailAddress"]["address"])
        self.tried[number] += 1
        if is_refused(number):
            return Fail(400, "ErrorInvalidRecipients")
        if self.tried[number] > 1 or (self.until is not None and number > self.until):
            return None
        return TROUBLE.get(number * self.often % 500)


def is_refused(number: int) -> bool:
    return number % 100 == 7


def number_of(address: str) -> int:
    return int(address.partition("@")[0][1:])


def house_of(database: Database, channel: GraphChannel, server: MicrosoftServer, *, per_day: int = 10_000) -> House:
    """One process that sends from both mailboxes, at the speed that `server` allows."""
    server.mailboxes, server.send_as, server.per_day = (MAILBOX, SECOND), (MAILBOX,), per_day
    limits = Limits(at_once=AT_ONCE, outlets={box: Limits(server.per_minute, per_day) for box in server.mailboxes})
    wave = house(database, [channel], ladders=Ladders(Ladder(("graph",))), limits={"graph": limits})
    server.now = wave.clock.now
    return wave


async def send_all(wave: House) -> None:
    """Passes, each when a limit or a pause ends but at least a second later, until nothing is left to do."""
    wave.planner.tick(wave.clock.now())
    for _ in range(1_000):
        if (again_at := (await wave.dispatcher.run_due()).again_at or _next(wave)) is None:
            break
        wave.clock.move_to(max(again_at, wave.clock.now() + timedelta(seconds=1)))
    await wave.dispatcher.close()


def _next(wave: House) -> datetime | None:
    waiting = select(func.min(deliveries.c.next_at)).where(deliveries.c.state.in_([State.PLANNED, State.RETRY]))
    with wave.database.read() as connection:
        return connection.scalar(waiting)


def channel_to(server: MicrosoftServer, *, verified: bool = False) -> GraphChannel:
    sender = f"Privacy Office <{MAILBOX}>"
    return GraphChannel(
        server.client(), mailbox=MAILBOX, sender=sender, reply_to="help@example.com", verified=verified, looks=(0, 0)
    )


def what_came(wave: House, server: MicrosoftServer) -> dict[int, tuple[str, int]]:
    """For each person the state of the delivery, and how many copies Exchange has."""
    copies = Counter(number_of(delivered.recipient) for delivered in server.delivered)
    return {number: (row["state"], copies[number]) for row in wave.rows() for number in [number_of(row["email"])]}


async def test_nobody_is_missed_and_no_limit_is_exceeded(sqlite_database: Database) -> None:
    """Who cannot be known to have it is shown, and gets no second copy. The server minds the limits."""
    add_people(sqlite_database, PEOPLE)
    async with MicrosoftServer(per_minute=1_200, trouble=Trouble("sendMail", often=OFTEN)) as server:
        wave = house_of(sqlite_database, channel_to(server), server)
        await send_all(wave)
    came = what_came(wave, server)
    assert len(came) == PEOPLE
    for number, (state, copies) in came.items():
        if is_refused(number):
            assert (state, copies) == (State.REFUSED, 0)
        elif (trouble := number * OFTEN % 500) in UNCERTAIN:
            assert (state, copies) == (State.UNKNOWN, int(trouble in DONE))
        else:
            assert (state, copies) == (State.ACCEPTED, 1)
    by_mailbox = Counter(delivered.mailbox for delivered in server.delivered)
    assert min(by_mailbox.values()) > PEOPLE * 0.4


async def test_verified_nobody_is_missed_and_nobody_has_two(sqlite_database: Database) -> None:
    """Trouble with every tenth message, and every one of them comes to a known end."""
    add_people(sqlite_database, 110)
    async with MicrosoftServer(
        roles=frozenset({"Mail.Send", "Mail.ReadWrite"}), per_minute=1_200, trouble=Trouble("send", often=5)
    ) as server:
        wave = house_of(sqlite_database, channel_to(server, verified=True), server)
        await send_all(wave)
    for number, outcome in what_came(wave, server).items():
        assert outcome == ((State.REFUSED, 0) if is_refused(number) else (State.ACCEPTED, 1))


async def test_thirty_a_minute_and_so_many_a_day(sqlite_database: Database) -> None:
    """At Exchange's own pace; what a mailbox may not carry any more today waits for the next working day."""
    add_people(sqlite_database, 70)
    async with MicrosoftServer() as server:
        wave = house_of(sqlite_database, channel_to(server), server, per_day=33)
        began = wave.clock.now()
        for _ in range(40):
            await wave.pass_over(after=timedelta(seconds=2))
        assert Counter(delivered.mailbox for delivered in server.delivered) == {MAILBOX: 33, SECOND: 33}
        assert server.delivered[-1].at - began >= timedelta(minutes=1)
        await wave.pass_over(after=timedelta(days=3))  # the notice was due on a Friday
        await wave.pass_over(after=timedelta(seconds=2))
        await wave.dispatcher.close()
    assert set(what_came(wave, server).values()) == {(State.ACCEPTED, 1)}
