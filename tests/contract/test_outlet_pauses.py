"""A mailbox that may send no more today rests, and the others go on: from the provider's answer to the last message."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.domain.ladder import Ladders
from notifier.domain.retry import Verdict
from notifier.store import holds
from notifier.store.database import Database
from notifier.store.quota import Limits
from tests.delivery_rig import NOW, House, add_people, house

A, B = "a@example.com", "b@example.com"
DAY = timedelta(days=1)
OVER_QUOTA = DeliveryFailed(Verdict.SENDER, "403 ErrorExceededMessageLimit", pause_seconds=DAY.total_seconds(), outlet_only=True)
NOT_NOW = DeliveryFailed(Verdict.TEMPORARY, "try again")


class Mailboxes:
    """A provider with two mailboxes, each of which gives the answers it was told, one for each message, and then takes all."""

    name = "graph"
    concurrency = 4
    resend_when_uncertain = False

    def __init__(self, **answers: list[DeliveryFailed]) -> None:
        self.answers = {A: answers.get("a", []), B: answers.get("b", [])}
        self.taken: list[tuple[int, str]] = []
        self.asked: Counter[str] = Counter()

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.asked[outgoing.outlet] += 1
        if self.answers[outgoing.outlet]:
            raise self.answers[outgoing.outlet].pop(0)
        self.taken.append((outgoing.delivery_id, outgoing.outlet))
        return Receipt("202")

    async def close(self) -> None:
        """Nothing is open."""


def sending(database: Database, channel: Mailboxes, people: int) -> House:
    add_people(database, people)
    limits = {"graph": Limits(at_once=4, outlets={box: Limits(None, 10_000) for box in (A, B)})}
    return house(database, [channel], ladders=Ladders.of(["email"], email="graph"), limits=limits)


async def test_one_mailbox_over_quota_leaves_its_share_to_the_other(database: Database) -> None:
    """Also the very message that was told so: it was never tried, and need not wait until tomorrow."""
    channel = Mailboxes(a=[OVER_QUOTA] * 4)
    one = sending(database, channel, 12)
    await one.pass_over()
    assert one.states() == {"accepted": 12}
    assert {outlet for _, outlet in channel.taken} == {B}
    assert len({row for row, _ in channel.taken}) == len(channel.taken) == 12
    assert channel.asked[A] <= channel.concurrency, "it is left alone, but for what was on its way"
    with database.read() as connection:
        (rest,) = holds.active(connection, NOW)
    assert (rest.scope, rest.until) == (holds.of_outlet("graph", A), NOW + DAY)


async def test_when_every_mailbox_rests_the_channel_waits_for_the_first(database: Database) -> None:
    channel = Mailboxes(a=[OVER_QUOTA] * 4, b=[OVER_QUOTA] * 4)
    one = sending(database, channel, 12)
    done = await one.pass_over()
    assert (one.states(), channel.taken) == ({"planned": 12}, [])
    assert done.again_at == NOW + DAY
    asked = channel.asked.total()
    await one.pass_over(after=timedelta(hours=2))
    assert channel.asked.total() == asked, "nobody asks before"
    channel.answers = {A: [], B: []}
    await one.pass_over(after=3 * DAY)  # the notice was due on a Friday
    assert one.states() == {"accepted": 12}
    assert {outlet for _, outlet in channel.taken} == {A, B}
    assert {row["attempts"] for row in one.rows()} == {1}, "what was told so counts as never tried"


async def test_what_was_tried_waits_for_its_own_mailbox(database: Database) -> None:
    """A repeat is the same bytes, so it leaves from where it was tried, when that goes on."""
    channel = Mailboxes(a=[NOT_NOW, OVER_QUOTA])
    channel.concurrency = 1
    one = sending(database, channel, 2)
    await one.pass_over()
    (tried,) = (row for row in one.rows() if row["state"] == "retry")
    assert (tried["outlet"], one.states()) == (A, {"accepted": 1, "retry": 1})
    await one.pass_over(after=timedelta(minutes=5))
    (waits,) = (row for row in one.rows() if row["state"] == "retry")
    assert (waits["outlet"], waits["next_at"], waits["attempts"]) == (A, NOW + timedelta(minutes=5) + DAY, 1)
    await one.pass_over(after=3 * DAY)
    assert dict(channel.taken)[tried["id"]] == A
    assert one.states() == {"accepted": 2}
