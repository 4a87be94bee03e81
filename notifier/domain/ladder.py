"""The ladder: on which channels a message is tried, and in which order.

A rung is what an admin names: "slack" or "email". Behind "email" stands whichever way mail leaves (`smtp`, `graph` or `file`): who
was reached by one of them was reached by e-mail, and an address that one of them was refused for is refused for all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from notifier.domain.campaign import Campaign

SLACK = "slack"
EMAIL = "email"
BY_EMAIL = ("smtp", "graph", "file")


def rung_of(channel: str) -> str:
    """The rung a channel belongs to."""
    return EMAIL if channel in BY_EMAIL else channel


def same_rung(channel: str) -> tuple[str, ...]:
    """Every channel that reaches a person in the same place as this one."""
    return BY_EMAIL if channel in BY_EMAIL else (channel,)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Channels in the order in which they are tried.

    Attributes:
        channels: as they stand in the outbox, at least one for a ladder that anything is sent by.
        everywhere: the message goes out on each of them that reaches the person, not only on the first.
    """

    channels: tuple[str, ...] = ()
    everywhere: bool = False

    def chosen(self, reached: Collection[str]) -> tuple[str, ...]:
        """Where a message goes first, of somebody whom these channels reach. Nowhere if none of them is in the ladder."""
        open_ones = tuple(channel for channel in self.channels if channel in reached)
        return open_ones if self.everywhere else open_ones[:1]

    def following(self, tried: Collection[str], reached: Collection[str]) -> str | None:
        """Where a message goes that was refused, or None.

        Args:
            tried: channels that have carried it, or are going to; the one that was refused too.
            reached: channels that reach the person.
        """
        rungs = {rung_of(channel) for channel in tried}
        return next((channel for channel in self.channels if channel in reached and rung_of(channel) not in rungs), None)


@dataclass(frozen=True, slots=True)
class Ladders:
    """The ladder of each step and of receipts.

    Attributes:
        usual: of steps that name no channels of their own.
        steps: of those that do, by campaign and `days_before`.
        receipts: a receipt is a letter to keep: by e-mail where that reaches the person.
    """

    usual: Ladder = Ladder()
    steps: Mapping[tuple[str, int], Ladder] = field(default_factory=dict)
    receipts: Ladder = Ladder()

    @classmethod
    def of(cls, rungs: Sequence[str], *, email: str, campaigns: Sequence[Campaign] = ()) -> Ladders:
        """As configured.

        Args:
            rungs: the organisation's ladder: "slack", "email".
            email: the channel by which mail leaves.
        """

        def channels(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(email if name == EMAIL else name for name in names)

        usual = Ladder(channels(rungs))
        steps = {
            (campaign.id, step.days_before): Ladder(channels(step.channels or rungs), everywhere=step.everywhere)
            for campaign in campaigns
            for step in campaign.steps
            if step.channels or step.everywhere
        }
        used = {channel for ladder in (usual, *steps.values()) for channel in ladder.channels}
        return cls(usual, steps, Ladder(tuple(channel for channel in (email, SLACK) if channel in used)))

    def of_step(self, campaign: str, days_before: int) -> Ladder:
        """The ladder of one step."""
        return self.steps.get((campaign, days_before), self.usual)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that something is sent on, each once."""
        ladders = (self.usual, *self.steps.values())
        return tuple(dict.fromkeys(channel for ladder in ladders for channel in ladder.channels))
