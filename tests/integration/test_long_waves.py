"""Waves through each channel, with and without trouble, on a moved clock: of 5,000 people with NOTIFIER_TEST_LONG=1, else of a few.

The forecast is made before each wave, as `plan` makes it. Without trouble, and on a day with some of it at the provider's own pace,
the wave ends within a tenth of it; with trouble to every fiftieth message it ends later, by the pauses that the provider asks for.
Nobody is missed on any of them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path
from typing import Literal

import pytest

from notifier.channels.base import Channel, DeliveryFailed, Outgoing, Receipt
from notifier.channels.file import FileChannel, file_name
from notifier.channels.graph import AT_ONCE
from notifier.channels.slack import SlackChannel
from notifier.clock import MovedClock
from notifier.delivery.forecast import demands, forecast
from notifier.domain.countdown import Place, WorkingDays, next_opening
from notifier.domain.ladder import Ladder, Ladders
from notifier.domain.window import Window
from notifier.store import employees, outbox, reach, stories
from notifier.store.database import Database
from notifier.store.quota import Limits
from tests.attacks.effort import LONG
from tests.delivery_rig import CAMPAIGN, NOW, House, add_people, house, message_id, smtp_channel
from tests.integration.test_graph_wave import SECOND, channel_to, number_of
from tests.integration.test_graph_wave import Trouble as GraphTrouble
from tests.integration.test_slack_wave import TROUBLE as SLACK_TROUBLE
from tests.integration.test_slack_wave import Trouble as SlackTrouble
from tests.integration.test_slack_wave import most_in
from tests.microsoft_server import MAILBOX, MicrosoftServer
from tests.slack_server import TOKEN, SlackServer
from tests.smtp_actions import Action, Close, Say
from tests.smtp_server import ScriptedServer

PEOPLE = 5_000 if LONG else 200
PACE = {"graph": 30, "slack": 180, "smtp": 30}  # a minute, as the providers have it
FAST = 600  # of each outlet, where the provider's own pace would only make the test longer
SOME_ON_SLACK = {number: SLACK_TROUBLE[number] for number in (100, 150, 250)}
TROUBLED = {"none": 0, "much": PEOPLE, "some": 500}  # messages that trouble may come to, from the first
TROUBLE_LASTS = timedelta(minutes=3)  # of a disk
WINDOW = Window.parse("09:00-17:00")
Trouble = Literal["none", "much", "some"]  # some: at the provider's own pace, each kind of trouble once
IN_TROUBLE = pytest.mark.parametrize("trouble", ["none", "much", "some"] if LONG else ["none", "much"])
Note = Callable[[str, object], None]


def pace_of(channel: str, trouble: Trouble) -> int:
    return PACE[channel] if trouble == "some" else FAST


def limits_of(channel: str, per_minute: int) -> Limits:
    if channel == "graph":
        return Limits(at_once=AT_ONCE, outlets={box: Limits(per_minute, 10_000) for box in (MAILBOX, SECOND)})
    return Limits(per_minute, 10_000)


def begin(database: Database, channel: Channel, per_minute: int) -> House:
    ladders = Ladders(Ladder((channel.name,)))
    return house(database, [channel], ladders=ladders, limits={channel.name: limits_of(channel.name, per_minute)})


def expected_end(wave: House, channel: str, limits: Limits) -> datetime:
    """When `plan` says that the wave ends, asked right before it begins."""
    working_days = WorkingDays()

    def opening(after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
        return next_opening(after, place, WINDOW, working_days, leave_until)

    with wave.database.read() as connection:
        groups = stories.open_groups(connection, CAMPAIGN.id, not_yet_sent=30)
    schedule_of = lambda place, leave_until: wave.planner.schedule_of(CAMPAIGN, place, leave_until)  # noqa: E731
    now = wave.clock.now()
    wanted = list(demands(CAMPAIGN, 0, groups, schedule_of, now, "en", Ladder((channel,))))
    found = forecast(wanted, limits={channel: limits}, now=now, next_opening=opening)
    assert sum(one.count for one in found) == PEOPLE
    return max(one.ends_at for one in found if one.ends_at)


async def send_all(wave: House) -> datetime:
    """Passes, each when a limit or a pause ends, until nothing is left today. Returns when the last message ended."""
    wave.planner.tick(NOW)
    for _ in range(10 * PEOPLE):
        again_at = (await wave.dispatcher.run_due()).again_at
        if again_at is None:
            with wave.database.read() as connection:
                again_at = outbox.next_instant(connection, wave.clock.now())
        if again_at is None or again_at > NOW + timedelta(hours=6):
            break
        wave.clock.move_to(max(again_at, wave.clock.now() + timedelta(milliseconds=1)))
    await wave.dispatcher.close()
    return max(row["finished_at"] for row in wave.rows() if row["finished_at"])


def most_in_a_minute(moments: Iterable[datetime]) -> int:
    return most_in(60, (moment.timestamp() for moment in moments))


def judge_time(wave: House, expected: datetime, ended: datetime, note: Note, *, trouble: Trouble) -> None:
    ratio = (ended - NOW) / (expected - NOW)
    note("forecast", f"{expected - NOW} expected, {ended - NOW} taken, {ratio:.3f} of it; {dict(wave.states())}")
    assert ratio > 0.9
    assert trouble == "much" or ratio < 1.1


@IN_TROUBLE
async def test_graph(sqlite_database: Database, record_property: Note, *, trouble: Trouble) -> None:
    add_people(sqlite_database, PEOPLE)
    pace = pace_of("graph", trouble)
    plan = GraphTrouble("nothing at all" if trouble == "none" else "sendMail", until=TROUBLED[trouble])
    async with MicrosoftServer(per_minute=pace, trouble=plan) as server:
        server.mailboxes, server.send_as = (MAILBOX, SECOND), (MAILBOX,)
        wave = begin(sqlite_database, channel_to(server), pace)
        server.now = wave.clock.now
        expected = expected_end(wave, "graph", limits_of("graph", pace))
        ended = await send_all(wave)
    copies = Counter(number_of(one.recipient) for one in server.delivered)
    _nobody_is_missed(wave, {f"p{number}@example.com": count for number, count in copies.items()}, trouble=trouble)
    for box in (MAILBOX, SECOND):
        assert most_in_a_minute(one.at for one in server.delivered if one.mailbox == box) <= pace
    judge_time(wave, expected, ended, record_property, trouble=trouble)


@IN_TROUBLE
async def test_slack(sqlite_database: Database, record_property: Note, *, trouble: Trouble) -> None:
    """Its wave is over in 28 minutes: some trouble is a 429, a 503 and a lost connection, and a pause after each."""
    add_people(sqlite_database, PEOPLE)
    with sqlite_database.write() as connection:
        people = employees.load(connection).values()
        reach.match(connection, "slack", [(one.key, f"U{int(one.employee.id[1:]):08}", "T0TEAM") for one in people], NOW)
    pace = pace_of("slack", trouble)
    untroubled = lambda _method, _body: None  # noqa: E731
    plans = {"none": untroubled, "much": SlackTrouble(), "some": SlackTrouble(SOME_ON_SLACK, once=True)}
    async with SlackServer(plan=plans[trouble], per_minute=pace) as server:
        channel = SlackChannel(token=TOKEN, base_url=server.base_url)
        wave = begin(sqlite_database, channel, pace)
        server.clock = lambda: wave.clock.now().timestamp()
        expected = expected_end(wave, "slack", limits_of("slack", pace))
        ended = await send_all(wave)
        assert (server.broken, server.exceeded) == ([], [])
        assert most_in_a_minute(NOW + timedelta(seconds=at) for _, at in server.calls) <= pace
        copies = Counter(f"p{int(post.user[1:])}@example.com" for post in server.posts)
    _nobody_is_missed(wave, copies, trouble=trouble)
    judge_time(wave, expected, ended, record_property, trouble=trouble)


class Relay(ScriptedServer):
    """Takes everything, or: refuses every hundredth person, and does something else to every 250th message."""

    troubled = 0  # so many messages are

    def planned(self, moment: str) -> Action | None:
        self.counts[moment] += 1
        if self.troubled and moment == "RCPT" and self.counts[moment] % 100 == 7:
            return Say("550 5.1.1 no such user")
        if moment == "DOT" and self.counts[moment] % 250 == 0 and self.counts[moment] <= self.troubled:
            actions = (Close(keep=True), Close(), Say("451 4.3.0 try later"), Say("554 5.6.0 not converted"), Say("421 4.3.2 busy"))
            return actions[self.counts[moment] // 250 % len(actions)]
        return super().planned(moment)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.counts: Counter[str] = Counter()


@IN_TROUBLE
async def test_smtp(sqlite_database: Database, record_property: Note, *, trouble: Trouble) -> None:
    """A second copy is the same mail, with the same Message-ID, which mailboxes keep once."""
    add_people(sqlite_database, PEOPLE)
    async with Relay() as server:
        server.troubled = 1_250 if trouble == "some" else TROUBLED[trouble]
        pace = pace_of("smtp", trouble)
        wave = begin(sqlite_database, smtp_channel(server, 4), pace)
        expected = expected_end(wave, "smtp", limits_of("smtp", pace))
        ended = await send_all(wave)
    copies = {recipient: 1 for recipient, _ in {(one.recipients[0], message_id(one)) for one in server.messages}}
    assert len(copies) == len({(one.recipients[0], message_id(one)) for one in server.messages})
    again = len(server.messages) - len(copies)
    assert again == 0 or trouble != "none"
    assert again <= PEOPLE // 250, "one for each connection that broke behind the last byte"
    _nobody_is_missed(wave, copies, trouble=trouble)
    assert most_in_a_minute(row["finished_at"] for row in wave.rows() if row["state"] == "accepted") <= pace
    judge_time(wave, expected, ended, record_property, trouble=trouble)


class Disk:
    """The channel itself, on a disk that has trouble for some minutes each time: full, or a file stands where the folder was.

    Attributes:
        failed: so many messages were not taken at some try.
    """

    name = "file"
    concurrency = FileChannel.concurrency
    resend_when_uncertain = FileChannel.resend_when_uncertain

    def __init__(self, folder: Path, troubles: Iterable[int]) -> None:
        """Each trouble begins once so many messages have been taken."""
        self.clock = MovedClock(NOW)
        self.failed = 0
        self._folder, self._aside = folder, folder.with_name("aside")
        self._channel = FileChannel(folder, sender="Privacy Office <privacy@example.com>", reply_to="help@example.com")
        self._troubles, self._taken, self._ends = deque(troubles), 0, NOW
        self._is_full = False

    async def send(self, outgoing: Outgoing) -> Receipt:
        if self._troubles and self._taken >= self._troubles[0]:
            self._begin(full=self._troubles.popleft() % 100 == 0)
        elif self.clock.now() >= self._ends:
            self._mend()
        if self._is_full:
            (self._folder / f".{file_name(outgoing)}.part").symlink_to("/dev/full")
        try:
            receipt = await self._channel.send(outgoing)
        except DeliveryFailed:
            self.failed += 1
            raise
        self._taken += 1
        return receipt

    async def close(self) -> None:
        await self._channel.close()

    def _begin(self, *, full: bool) -> None:
        self._mend()
        self._ends, self._is_full = self.clock.now() + TROUBLE_LASTS, full
        if not full:
            self._folder.rename(self._aside)
            self._folder.touch()

    def _mend(self) -> None:
        self._is_full = False
        if self._aside.exists():
            self._folder.unlink()
            self._aside.rename(self._folder)


@IN_TROUBLE
async def test_file(sqlite_database: Database, tmp_path: Path, record_property: Note, *, trouble: Trouble) -> None:
    """It has no limit: without trouble the wave takes no time, as is foretold. No trouble is laid to any message's account."""
    add_people(sqlite_database, PEOPLE)
    troubles = range(50, TROUBLED[trouble], max(50, PEOPLE // 20))  # more than twenty would not be over on one day
    disk = Disk(tmp_path / "outgoing", troubles)
    wave = house(sqlite_database, [disk])
    disk.clock = wave.clock
    expected = expected_end(wave, "file", Limits())
    ended = await send_all(wave)
    mails = [message_from_bytes(path.read_bytes()) for path in (tmp_path / "outgoing").iterdir()]
    assert Counter(parseaddr(mail["To"])[1] for mail in mails) == {f"p{number}@example.com": 1 for number in range(PEOPLE)}
    assert len({mail["Message-ID"] for mail in mails}) == PEOPLE
    assert wave.states() == {"accepted": PEOPLE}
    record_property("troubles", f"{len(troubles)} of {TROUBLE_LASTS}: {ended - NOW} taken, {disk.failed} not taken at some try")
    assert expected == NOW
    assert len(troubles) * TROUBLE_LASTS <= ended - NOW <= len(troubles) * (TROUBLE_LASTS + timedelta(minutes=5))
    assert disk.failed <= len(troubles) * (disk.concurrency + 3), "the channel pauses; not every message runs into the trouble"


def _nobody_is_missed(wave: House, copies: Mapping[str, int], *, trouble: Trouble) -> None:
    """Who was accepted has one copy, who was refused none, and of whom nobody knows at most one."""
    rows = wave.rows()
    assert len(rows) == PEOPLE
    allowed = {"accepted": {1}, "refused": {0}, "unknown": {0, 1}} if trouble != "none" else {"accepted": {1}}
    wrong = [(row["email"], row["state"]) for row in rows if copies.get(row["email"], 0) not in allowed.get(row["state"], set())]
    assert wrong == []
