"""Claim, render, send, record: how waiting rows leave the house.

Each channel has a lane with as many senders as the channel takes messages at once: for SMTP a few for each connection, so that none
of them stands idle while outcomes are written, and at most 64. A sender takes one claimed row, sends it, waits until the outcome is
durable, and only then takes the next. Outcomes of senders that finished meanwhile are written together. Rows are claimed in groups,
but never more than the lane will send within a fraction of a second, so that an answer, a hold or a stop reaches the senders at
once and a crash leaves little behind.

What the provider says decides what happens next:

- taken: `accepted`, with its words;
- this person cannot be reached, or this text is not taken: `refused`, never tried again on this channel; only the first is
  remembered of the person;
- not now: `retry`, with growing pauses, as long as the step is current; where it is "not now" for one message after the other,
  though each was tried before, one sender goes on alone until something is taken;
- nobody knows: the same bytes again where that is harmless, else `unknown`, for a person to look at;
- more than 5 of the last 100 refused: the channel is put on hold until somebody has looked (`store/waves.py`);
- the fault is that of one outlet of the channel (a mailbox): the row waits as if it had never been tried, and that outlet rests;
- the fault is ours (login, quota, blocked sender) or the provider cannot be reached at all: the row waits as if it had never been
  tried, and the whole channel pauses. A channel that keeps failing is tried with one message in five minutes, not with one from
  each sender, until that message has an answer.

While the store cannot be written nothing is claimed, and a sender with an outcome in hand waits until it is durable.

On `stop` no new row is claimed, rows that were claimed and not begun are given back, and messages on the wire are finished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from notifier.channels.base import Channel, DeliveryFailed
from notifier.clock import Clock
from notifier.delivery.compose import Composer
from notifier.delivery.lane import Lane
from notifier.delivery.recorder import STORE_PAUSE_SECONDS, Recorder
from notifier.domain.countdown import local_date
from notifier.domain.ladder import Ladders
from notifier.domain.retry import Verdict, next_try, spread
from notifier.errors import NotifierError, StoreError
from notifier.store import claims, holds, outcomes, waves
from notifier.store.claims import Claimed
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.quota import Limits
from notifier.store.reasons import UNCONFIGURED
from notifier.store.tables import Kind, State

_log = structlog.get_logger(__name__)

_LARGEST_GROUP = 256  # a power of two, as the statements are: see `store/prepared.py`
_AHEAD_SECONDS = 0.2  # how much of its own pace a lane may hold in hand
_CHANNEL_PAUSES = (15, 60, 300)  # seconds, after the first, second and every further failure in a row
_BROKEN_TEXT_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did. `again_at` is when a limit or a pause that stood in the way ends."""

    outcomes: Mapping[State, int]
    again_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


class Dispatcher:
    """Sends what is due, on every channel.

    Args:
        owner: names this process in claims.
        message_id_domain: the right half of every Message-ID: the sender's domain.
        canary: how many of a wave must have been accepted before the rest of it follows; 0 for none.
        ladders: where a message goes on that a channel refused for good.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        composer: Composer,
        channels: Sequence[Channel],
        limits: Mapping[str, Limits],
        owner: str,
        message_id_domain: str,
        canary: int = 0,
        ladders: Ladders | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._composer = composer
        self._owner = owner
        self._domain = message_id_domain
        self._canary = canary
        self._recorder = Recorder(database, clock, owner, ladders)
        self._lanes = [Lane(channel, limits.get(channel.name, Limits())) for channel in channels]
        self._stopping = False

    async def run_due(self) -> Pass:
        """Send everything that may be sent now; returns when nothing more can be claimed."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                lane.begin_pass()
                group.create_task(self._run(lane))
        counts: dict[State, int] = {}
        for lane in self._lanes:
            for state, count in lane.outcomes.items():
                counts[state] = counts.get(state, 0) + count
        return Pass(counts, min((lane.again_at for lane in self._lanes if lane.again_at), default=None))

    async def release_dead(self, *, alone: bool) -> int:
        """Take back what daemons that died had claimed: see `outcomes.release_dead`."""
        resend = [lane.channel.name for lane in self._lanes if lane.channel.resend_when_uncertain]
        now = self._clock.now()
        released = await self._database.write_async(
            lambda connection: outcomes.release_dead(connection, owner=self._owner, resend=resend, now=now, alone=alone)
        )
        if released:
            _log.warning("claims taken back from a daemon that stopped", rows=released)
        return released

    def stop(self) -> None:
        """Claim nothing more. A running pass finishes what is on the wire and returns."""
        self._stopping = True

    async def close(self) -> None:
        """Close every channel's connections."""
        for lane in self._lanes:
            await lane.channel.close()

    async def _run(self, lane: Lane) -> None:
        """One pass of one lane. A provider that took nothing last time gets one message at a time until it takes one."""
        if lane.doubtful:
            await self._give_back(lane)
        while lane.in_doubt and (row := await self._next_row(lane)) is not None:
            await self._send_or_return(lane, row)
        async with asyncio.TaskGroup() as group:
            for _ in range(lane.channel.concurrency):
                group.create_task(self._send_rows(lane))

    async def _send_rows(self, lane: Lane) -> None:
        while (row := lane.waiting.popleft() if lane.waiting else await self._next_row(lane)) is not None:
            await self._send_or_return(lane, row)

    async def _send_or_return(self, lane: Lane, row: Claimed) -> None:
        lane.flying += 1
        try:
            now = self._clock.now()
            if self._stopping or lane.paused or row.outlet in lane.resting or local_date(now, row.time_zone) != row.today:
                outcome = _untouched(row, now)
            else:
                outcome = await self._send(lane, row)
            await self._record(lane, row, outcome)
        finally:
            lane.flying -= 1
            lane.landed.set()

    async def _next_row(self, lane: Lane) -> Claimed | None:
        async with lane.claiming:
            while not lane.waiting and not lane.closed and not self._stopping:
                await self._claim(lane)
            return lane.waiting.popleft() if lane.waiting else None

    async def _claim(self, lane: Lane) -> None:
        """Claim as many rows as the lane sends in a moment, by the pace of the last group; first as many as it has senders."""
        loop_time = asyncio.get_running_loop().time()
        ahead = int(lane.group / max(loop_time - lane.claimed_at, 0.001) * _AHEAD_SECONDS)
        most = 1 if lane.in_doubt else max(lane.channel.concurrency, min(_LARGEST_GROUP, ahead))
        now = self._clock.now()
        lane.landed.clear()
        try:
            claim = await self._database.write_async(
                lambda connection: claims.claim(
                    connection,
                    owner=self._owner,
                    channel=lane.channel.name,
                    limits=lane.limits,
                    most=most,
                    now=now,
                    message_id_domain=self._domain,
                    canary=self._canary,
                )
            )
        except StoreError as error:
            lane.doubtful = True
            self._close_for_store(lane, error)
            return
        lane.waiting.extend(claim.rows)
        lane.group, lane.claimed_at = len(claim.rows), loop_time
        if (claim.behind_canary or claim.hands_full) and lane.flying:
            await lane.landed.wait()  # the canary is on its way, and what becomes of it decides; or a hand has to become free
        elif not claim.rows:
            lane.closed, lane.again_at = True, lane.again_at or claim.again_at

    async def _give_back(self, lane: Lane) -> None:
        """After a claim of which nobody knows whether it was stored. No sender is at work, so nothing claimed is begun.

        Where it cannot be done the lane is closed for this pass: nothing is claimed, and so nothing sent.
        """
        now = self._clock.now()
        try:
            rows = await self._database.write_async(
                lambda connection: outcomes.give_back(connection, owner=self._owner, channel=lane.channel.name, now=now)
            )
        except StoreError as error:
            self._close_for_store(lane, error)
        else:
            lane.doubtful = False
            _log.warning("rows that were claimed without our knowing are given back", rows=rows)

    def _close_for_store(self, lane: Lane, error: StoreError) -> None:
        _log.error("nothing can be claimed; sending waits", error=str(error), hint=error.hint)
        lane.closed, lane.again_at = True, self._clock.now() + timedelta(seconds=STORE_PAUSE_SECONDS)

    async def _send(self, lane: Lane, row: Claimed) -> Outcome:
        """What became of the row, which is not recorded yet."""
        if not self._composer.knows(row):
            return Outcome(row.id, row.epoch, State.CANCELLED, UNCONFIGURED)
        try:
            outgoing = self._composer.compose(row, lane.channel.name)
        except NotifierError as error:
            _log.error("text cannot be rendered", delivery=row.id, message=row.message, error=str(error))
            return Outcome(row.id, row.epoch, State.RETRY, str(error), next_at=self._clock.now() + _BROKEN_TEXT_PAUSE)
        try:
            receipt = await lane.channel.send(outgoing)
        except DeliveryFailed as failed:
            outcome = await self._judge(lane, row, failed)
        except Exception:  # noqa: BLE001 - a fault in one message must not stop the others
            _log.exception("channel failed in an unknown way", delivery=row.id, channel=lane.channel.name)
            outcome = await self._judge(lane, row, DeliveryFailed(Verdict.UNCERTAIN, "the channel failed in an unknown way"))
        else:
            lane.failures = lane.put_off = 0
            outcome = Outcome(row.id, row.epoch, State.ACCEPTED, reply=receipt.reply, reference=receipt.reference)
        outcome.language, outcome.subject = outgoing.rendered.language, outgoing.rendered.subject
        return outcome

    async def _judge(self, lane: Lane, row: Claimed, failed: DeliveryFailed) -> Outcome:
        now = self._clock.now()
        _log.info("not delivered", delivery=row.id, channel=lane.channel.name, verdict=failed.verdict, attempt=row.attempts)
        if failed.outlet_only and row.outlet:
            resting_until = await self._rest(lane, row.outlet, failed, now)
            if failed.verdict in {Verdict.SENDER, Verdict.TEMPORARY}:
                # What was tried before waits for its own outlet. All else may go through another one, behind what waits there.
                return _untouched(row, now if row.attempts == 1 else resting_until, failed.reply)
        elif failed.verdict is Verdict.SENDER or failed.pause_seconds is not None:
            await self._pause(lane, failed, now)
            if failed.verdict in {Verdict.SENDER, Verdict.TEMPORARY}:
                # Behind all others when the channel goes on: a row that makes it pause by itself must not be the first again.
                return _untouched(row, lane.again_at or now, failed.reply)
        else:
            lane.failures = 0  # it answers
        if failed.verdict in {Verdict.PERMANENT, Verdict.CONTENT}:
            of_person = failed.verdict is Verdict.PERMANENT
            return Outcome(row.id, row.epoch, State.REFUSED, failed.reply, reply=failed.reply, of_person=of_person)
        resend = lane.channel.resend_when_uncertain or row.kind is Kind.REWRITE  # to rewrite twice does no harm
        if failed.verdict is Verdict.UNCERTAIN and not resend:
            return Outcome(row.id, row.epoch, State.UNKNOWN, "it may have been sent: " + failed.reply, reply=failed.reply)
        lane.put_off += failed.verdict is Verdict.TEMPORARY and row.attempts > 1
        next_at = next_try(now, row.attempts, spread(row.id, row.attempts))
        return Outcome(row.id, row.epoch, State.RETRY, failed.reply, reply=failed.reply, next_at=next_at)

    async def _pause(self, lane: Lane, failed: DeliveryFailed, now: datetime) -> None:
        """Stop the channel for a while: the provider asked for it, or cannot be reached."""
        if lane.paused:
            return  # another sender of this lane has said so already
        lane.closed = lane.paused = True
        seconds = max(failed.pause_seconds or 0, _CHANNEL_PAUSES[min(lane.failures, len(_CHANNEL_PAUSES) - 1)])
        lane.failures += 1
        until = lane.again_at = now + timedelta(seconds=seconds)
        _log.warning("channel paused", channel=lane.channel.name, seconds=seconds, reply=failed.reply)
        await self._recorder.write(
            lambda connection: holds.place(
                connection, scope=lane.channel.name, reason=failed.reply, actor=holds.SERVICE, now=now, until=until
            )
        )

    async def _rest(self, lane: Lane, outlet: str, failed: DeliveryFailed, now: datetime) -> datetime:
        """Leave one outlet alone for a while; the others go on. Returns until when."""
        lane.failures = 0  # the channel answers
        until = now + timedelta(seconds=failed.pause_seconds or _CHANNEL_PAUSES[-1])
        if outlet in lane.resting:
            return until  # another sender of this lane has said so already
        lane.resting.add(outlet)
        scope = holds.of_outlet(lane.channel.name, outlet)
        _log.warning("outlet paused", channel=lane.channel.name, until=until, reply=failed.reply)
        await self._recorder.write(
            lambda connection: holds.place(connection, scope=scope, reason=failed.reply, actor=holds.SERVICE, now=now, until=until)
        )
        return until

    async def _record(self, lane: Lane, row: Claimed, outcome: Outcome) -> None:
        """Make the outcome durable."""
        if not await self._recorder.record(outcome):
            _log.warning("an outcome came too late and was not recorded", delivery=row.id, state=outcome.state)
            self._let_go(lane)
        elif outcome.counts:
            lane.outcomes[outcome.state] = lane.outcomes.get(outcome.state, 0) + 1
            if outcome.state is State.REFUSED:
                await self._brake(lane)

    def _let_go(self, lane: Lane) -> None:
        """Somebody took over what this process had claimed: what it has in hand and not begun may be on its way already."""
        lane.waiting.clear()
        lane.doubtful = lane.closed = True
        lane.again_at = self._clock.now() + timedelta(seconds=STORE_PAUSE_SECONDS)

    async def _brake(self, lane: Lane) -> None:
        """After a refusal: too many of them stop the channel until somebody has looked."""
        now = self._clock.now()
        reason = await self._recorder.write(lambda connection: waves.brake(connection, lane.channel.name, now))
        if reason is not None:
            lane.closed = lane.paused = True
            _log.error("channel put on hold", channel=lane.channel.name, reason=reason)


def _untouched(row: Claimed, now: datetime, reason: str | None = None) -> Outcome:
    """The row waits again, as if it had never been claimed."""
    state = State.PLANNED if row.attempts == 1 else State.RETRY
    return Outcome(row.id, row.epoch, state, reason, next_at=now, counts=False)
