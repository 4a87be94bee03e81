"""The contract of a channel: it takes one message to one provider and says truthfully what became of it.

A channel builds the payload and judges the answer; nothing else. When to send, how often to try again, what to write into the
store: all of that belongs to `delivery`. A channel never retries by itself, because only the outbox knows what a second try may
cost, and never swallows a failure.

What `send` may do:

- return a `Receipt`: the provider has taken responsibility for the message;
- raise `DeliveryFailed` with a verdict:
  `PERMANENT`  this person cannot be reached this way; do not try again (`550 5.1.1`);
  `CONTENT`    this message is not taken this way, whoever it is for; do not try it again (`554 5.6.0`, too big). The person can be
               reached, and the next message is tried here;
  `TEMPORARY`  not sent, may be tried again later (`451`, connection refused); what is not known is temporary;
  `UNCERTAIN`  it may have been sent: the connection was lost after the last byte;
  `SENDER`     not the person's fault: our login, our quota, our address. The whole channel pauses; with `outlet_only` the outlet.

What a channel cannot do is a failure in words, never a silent drop.

A channel may have several outlets (mailboxes that it sends from), each with limits of its own. The outbox says which one a message
leaves from; a repeat leaves from the same one, since it is to be the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notifier.content.rendered import Rendered
from notifier.domain.retry import Verdict


@dataclass(slots=True)
class Outgoing:
    """One message, ready for one person. Nobody changes it: see `content.mail.Mail`.

    Attributes:
        delivery_id: of the outbox row; goes into ENVID and into logs, where no name or address may stand.
        employee_key: whose message it is, for channels that must know the person again when an answer comes in.
        address: where it goes on this channel: an e-mail address, or the person's Slack user id.
        name: the person's name as it stands beside the address; may hold anything a roster can hold.
        message_id: without angle brackets. With `dated` it is fixed for ever: a repeat is the same bytes.
        dated: the Date header, aware.
        rendered: the text in the person's language.
        reference: the provider's handle on an earlier message (`Receipt.reference`): write this text in its place, send nothing
            new.
        outlet: which of the channel's outlets it must leave from ("privacy@example.com"); "" where the channel has only one.
    """

    delivery_id: int
    employee_key: int
    campaign: str
    address: str
    name: str
    message_id: str
    dated: datetime
    rendered: Rendered
    reference: str | None = None
    outlet: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message.

    Attributes:
        reply: what it said ("250 2.0.0 Ok: queued as 4Zx1").
        reference: its handle on the message, where it gave one: "D024BE91L:1503435956.000247" (Slack's channel and timestamp), or a
            Graph immutable id. Kept with the delivery.
    """

    reply: str
    reference: str | None = None


class DeliveryFailed(Exception):  # noqa: N818 - it is what happened, not a mistake of ours
    """The message was not taken, or nobody knows.

    Attributes:
        verdict: see the head of this module.
        reply: the provider's own words, shortened to one line, without the recipient's address.
        pause_seconds: how long to leave the provider alone, whatever the verdict, or None where only this message is concerned.
        outlet_only: the pause, or the fault of ours, concerns the outlet the message left from, not the whole channel.
    """

    def __init__(self, verdict: Verdict, reply: str, *, pause_seconds: float | None = None, outlet_only: bool = False) -> None:
        super().__init__(f"{verdict}: {reply}")
        self.verdict = verdict
        self.reply = reply
        self.pause_seconds = pause_seconds
        self.outlet_only = outlet_only


class Channel(Protocol):
    """See the head of this module.

    Attributes:
        name: "smtp", "graph", "slack" or "file"; stands in the outbox.
        concurrency: how many `send` calls may run at once; so many messages at most go out twice when the process is killed. A
            channel that keeps connections busy by preparing messages for them counts those too.
        resend_when_uncertain: True where a second copy of the same bytes is harmless (SMTP: same Message-ID and Date).
    """

    name: str
    concurrency: int
    resend_when_uncertain: bool

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Hand over one message.

        Raises:
            DeliveryFailed: it was not taken, or nobody knows.
        """

    async def close(self) -> None:
        """Let go of connections. Sending again afterwards opens new ones."""
