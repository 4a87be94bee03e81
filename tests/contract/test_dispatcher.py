"""The dispatcher over both databases, through the real channel to a mail server that misbehaves on plan."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from notifier.channels.base import Outgoing, Receipt
from notifier.channels.capture import CaptureChannel
from notifier.domain.retry import pause_before
from notifier.store import holds
from notifier.store.database import Database
from notifier.store.tables import deliveries, employees
from tests.delivery_rig import NOW, add_people, house, message_id, recipients, smtp_channel
from tests.planning_rig import settle
from tests.smtp_server import Close, Drip, Hang, Say, SayAndClose, ScriptedServer


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


async def test_everybody_due_is_written_to_once(database: Database, server: ScriptedServer) -> None:
    """Rows say what the server said, in which language, and when; no more connections are open than allowed."""
    add_people(database, 60)
    one = house(database, [smtp_channel(server, 3)])

    done = await one.pass_over()
    await one.dispatcher.close()

    assert (done.outcomes, done.again_at) == ({"accepted": 60}, None)
    assert recipients(server.messages) == {f"p{number}@example.com": 1 for number in range(60)}
    assert server.most_at_once <= 3
    for row in one.rows():
        assert (row["state"], row["attempts"], row["finished_at"], row["owner"]) == ("accepted", 1, NOW, None)
        assert row["reply"].startswith("250 2.0.0 Ok: queued as")
        assert row["language"] == ("en", "fr", "de")[int(row["email"][1:].partition("@")[0]) % 3]
        assert "LinkedIn" in row["subject"]


async def test_not_now_is_tried_again_after_the_pause(database: Database, server: ScriptedServer) -> None:
    """Greylisting costs everybody one pause and nobody their message."""
    add_people(database, 5)
    server.greylisting = True
    one = house(database, [smtp_channel(server, 2)])

    assert (await one.pass_over()).outcomes == {"retry": 5}
    for row in one.rows():
        assert pause_before(1, -1) <= row["next_at"] - NOW <= pause_before(1, 1)
        assert (row["attempts"], row["finished_at"], row["language"] is None) == (1, None, False)
        assert row["reason"].startswith("451 4.7.1")
    assert (await one.pass_over(after=timedelta(seconds=47))).total == 0
    assert (await one.pass_over(after=timedelta(seconds=26))).outcomes == {"accepted": 5}
    await one.dispatcher.close()
    assert set(recipients(server.messages).values()) == {1}


async def test_a_refusal_is_final(database: Database, server: ScriptedServer) -> None:
    """550: never tried again on this channel, with the server's words in the row; the others go on."""
    add_people(database, 4)
    server.on("RCPT", Say("550 5.1.1 no such user here"))
    one = house(database, [smtp_channel(server, 1)])

    assert (await one.pass_over()).outcomes == {"refused": 1, "accepted": 3}
    (refused,) = [row for row in one.rows() if row["state"] == "refused"]
    assert refused["reply"] == refused["reason"] == "550 5.1.1 no such user here"
    assert refused["subject"] is not None
    for _ in range(5):
        assert (await one.pass_over(after=timedelta(days=1))).total == 0
    await one.dispatcher.close()
    assert sum(command.startswith("RCPT") for command in server.commands) == 4


async def test_a_storm_of_a_day_costs_one_connection_in_five_minutes(database: Database, server: ScriptedServer) -> None:
    """The server ends each session at once. No row is touched, and all are delivered when the storm is over."""
    add_people(database, 40)
    server.on("CONNECT", SayAndClose("421 4.3.2 too busy"), times=None)
    one = house(database, [smtp_channel(server, 4)], now=NOW)
    started: list[datetime] = []
    end = NOW + timedelta(hours=6, minutes=50)
    while one.clock.now() < end:
        before = server.connections
        done = await one.pass_over()
        started += [one.clock.now()] * (server.connections - before)
        assert done.total == 0
        assert done.again_at is not None
        one.clock.move_to(done.again_at)

    assert {(row["state"], row["attempts"]) for row in one.rows()} == {("planned", 0)}
    calm = [moment for moment in started if moment >= NOW + timedelta(minutes=10)]
    assert len(calm) > 50
    assert all(later - earlier >= timedelta(minutes=5) for earlier, later in pairwise(calm))

    server.behave()
    assert (await one.pass_over(after=timedelta(minutes=5))).outcomes == {"accepted": 40}
    await one.dispatcher.close()


async def test_a_server_that_is_down_pauses_the_channel(database: Database, server: ScriptedServer) -> None:
    """Connection refused, also for the very last row of a wave: the pause is in the store, and no row is touched."""
    add_people(database, 1)
    channel = smtp_channel(server, 4)
    await server.stop()
    one = house(database, [channel])

    done = await one.pass_over()

    assert (done.total, done.again_at) == (0, NOW + timedelta(minutes=5))
    assert [(row["state"], row["attempts"]) for row in one.rows()] == [("planned", 0)]
    with database.read() as connection:
        (pause,) = holds.active(connection, NOW, ("smtp",))
    assert (pause.until, pause.actor) == (NOW + timedelta(minutes=5), holds.SERVICE)
    assert (await one.pass_over(after=timedelta(seconds=1))).again_at == NOW + timedelta(minutes=5)


async def test_the_last_row_of_a_wave_pauses_the_channel_too(database: Database, server: ScriptedServer) -> None:
    """The answer comes late, when the other senders have found nothing more to do."""
    add_people(database, 1)
    server.on("CONNECT", Drip("421 4.3.2 too busy\r\n", every=0.02), times=None)
    one = house(database, [smtp_channel(server, 4)])

    assert (await one.pass_over()).again_at == NOW + timedelta(minutes=1)

    before = server.connections
    assert (await one.pass_over(after=timedelta(seconds=1))).total == 0
    assert server.connections == before


async def test_a_refused_login_pauses_the_channel(database: Database, server: ScriptedServer) -> None:
    """535 is our fault and nobody else's: one try, then a pause."""
    add_people(database, 10)
    server.users = {"notifier": "right"}
    one = house(database, [smtp_channel(server, 1, username="notifier", password="wrong")])

    done = await one.pass_over()

    assert done.total == 0
    assert done.again_at is not None
    assert done.again_at >= NOW + timedelta(minutes=15)
    assert {(row["state"], row["attempts"]) for row in one.rows()} == {("planned", 0)}


async def test_a_repeat_is_the_same_bytes(database: Database, server: ScriptedServer) -> None:
    """The server took the message and failed before it could say so: it gets the same bytes again."""
    add_people(database, 3)
    server.on("DOT", Close(keep=True), times=3)
    one = house(database, [smtp_channel(server, 1)])

    assert (await one.pass_over()).outcomes == {"retry": 3}
    assert (await one.pass_over(after=timedelta(minutes=2))).outcomes == {"accepted": 3}
    await one.dispatcher.close()

    copies = defaultdict(list)
    for message in server.messages:
        copies[message_id(message)].append(message.raw)
    assert [len(raws) for raws in copies.values()] == [2, 2, 2]
    assert all(len(set(raws)) == 1 for raws in copies.values())
    assert {row["attempts"] for row in one.rows()} == {2}


async def test_a_stop_gives_back_what_is_not_begun(database: Database) -> None:
    """Nothing stays claimed, and what was given back counts as never tried; the next process sends it, once."""
    add_people(database, 300)
    sent: list[str] = []

    def take(outgoing: Outgoing) -> None:
        sent.append(outgoing.address)
        if len(sent) == 40:
            first.dispatcher.stop()

    first = house(database, [CaptureChannel("smtp", take)])
    await first.pass_over()

    assert 40 <= len(sent) < 300
    assert first.states() == {"accepted": len(sent), "planned": 300 - len(sent)}
    waiting = [row for row in first.rows() if row["state"] == "planned"]
    assert {(row["attempts"], row["owner"]) for row in waiting} == {(0, None)}
    assert any(row["epoch"] for row in waiting)

    second = house(database, [CaptureChannel("smtp", lambda outgoing: sent.append(outgoing.address))], owner="two")
    await second.pass_over()
    assert sorted(sent) == sorted(f"p{number}@example.com" for number in range(300))


async def test_a_hold_in_the_middle_stops_claims(database: Database) -> None:
    add_people(database, 500)
    sent: list[str] = []

    def take(outgoing: Outgoing) -> None:
        sent.append(outgoing.address)
        if len(sent) == 20:
            with database.write() as connection:
                holds.place(connection, scope="all", reason="a wrong text", actor="admin", now=NOW)

    one = house(database, [CaptureChannel("smtp", take)])
    await one.pass_over()
    at_hold = len(sent)
    assert 20 <= at_hold < 500
    assert one.states() == {"accepted": at_hold, "planned": 500 - at_hold}

    assert (await one.pass_over(after=timedelta(minutes=1))).total == 0
    with database.write() as connection:
        holds.lift(connection, scope=None, actor="admin", now=one.clock.now())
    assert (await one.pass_over()).total == 500 - at_hold


async def test_nobody_who_answers_in_the_middle_is_claimed_afterwards(database: Database) -> None:
    add_people(database, 400)
    sent: list[str] = []
    answered: list[str] = []

    def take(outgoing: Outgoing) -> None:
        sent.append(outgoing.address)
        if len(sent) % 30 == 0:
            with database.write() as connection:
                row = connection.execute(
                    employees.select()
                    .join(deliveries)
                    .where(deliveries.c.state == "planned", deliveries.c.kind == "reminder")
                    .order_by(employees.c.key)
                    .limit(1)
                ).first()
                if row is not None:
                    settle(connection, row.key, NOW)
                    answered.append(row.email)

    one = house(database, [CaptureChannel("smtp", take)])
    await one.pass_over()

    assert len(answered) > 3
    reminders = [row for row in one.rows() if row["kind"] == "reminder"]
    assert {row["email"] for row in reminders if row["state"] == "cancelled"} == set(answered)
    assert sum(row["state"] == "accepted" for row in reminders) == 400 - len(answered)
    assert sorted(sent.count(address) for address in answered) == [1] * len(answered)  # the receipt


async def test_what_the_day_ran_away_from_is_given_back(database: Database) -> None:
    """Claimed at the end of one day and not begun: the number of days in it would be wrong on the next."""
    add_people(database, 300)
    sent: list[Outgoing] = []

    def take(outgoing: Outgoing) -> None:
        sent.append(outgoing)
        if len(sent) == 40:
            one.clock.move_to(NOW + timedelta(days=1))

    one = house(database, [CaptureChannel("smtp", take)])
    await one.pass_over()

    assert 40 <= len(sent) < 300
    assert {outgoing.dated.date() for outgoing in sent} == {NOW.date()}
    waiting = [row for row in one.rows() if row["state"] != "accepted"]
    assert {(row["state"], row["attempts"], row["owner"]) for row in waiting} == {("planned", 0, None)}
    assert any(row["epoch"] for row in waiting)


class SlowChannel:
    """Takes 20 ms for each message, and looks at each how many rows are claimed."""

    name = "smtp"
    concurrency = 4
    resend_when_uncertain = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self.claimed: list[int] = []
        self.running = self.most_running = 0

    async def send(self, _outgoing: Outgoing) -> Receipt:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        with self._database.read() as connection:
            self.claimed.append(len(connection.execute(deliveries.select().where(deliveries.c.state == "claimed")).all()))
        await asyncio.sleep(0.02)
        self.running -= 1
        return Receipt("taken")

    async def close(self) -> None:
        """Nothing is kept open."""


async def test_little_is_claimed_ahead(database: Database) -> None:
    """First no more than there are senders, then what the lane sends in a fifth of a second at its own pace."""
    add_people(database, 150)
    channel = SlowChannel(database)
    one = house(database, [channel])

    await one.pass_over()

    assert one.states() == {"accepted": 150}
    assert channel.claimed[0] <= 4
    assert max(channel.claimed) <= 4 + 4 / 0.02 * 0.2
    assert channel.most_running == 4


async def test_no_minute_sees_more_messages_than_the_limit(database: Database, server: ScriptedServer) -> None:
    """30 a minute, by the times at which messages were taken; and the limit is used."""
    add_people(database, 100)
    one = house(database, [smtp_channel(server, 4)], per_minute=30)
    while one.states() != {"accepted": 100}:
        done = await one.pass_over()
        one.clock.move_to(done.again_at or one.clock.now() + timedelta(seconds=1))
    await one.dispatcher.close()

    taken = sorted(row["finished_at"] for row in one.rows())
    assert max(sum(start <= one_of < start + timedelta(minutes=1) for one_of in taken) for start in taken) == 30
    assert taken[-1] - taken[0] <= timedelta(minutes=100 / 30)


async def test_a_server_that_hangs_holds_up_its_own_message_only(database: Database, server: ScriptedServer) -> None:
    add_people(database, 10)
    server.on("RCPT", Hang())
    one = house(database, [smtp_channel(server, 2, timeout=0.5)])
    done = await one.pass_over()
    assert done.outcomes == {"accepted": 9, "retry": 1}
    await one.dispatcher.close()


async def test_a_row_of_somebody_who_left_is_not_sent(database: Database) -> None:
    add_people(database, 2)
    one = house(database, [CaptureChannel("smtp")])
    one.planner.tick(NOW)
    with database.write() as connection:
        connection.execute(update(employees).where(employees.c.id == "p0").values(active=False, left_at=datetime.now(UTC)))
    await one.pass_over()
    assert one.states() == {"accepted": 1, "cancelled": 1}
