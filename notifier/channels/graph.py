"""Mail through Microsoft Graph, from one or several mailboxes: builds the message, hands it over, judges the answer.

Graph cannot be told the same thing twice: it knows no repeat, and 429 or 500 may come although the message goes out. There are
two ways to live with that:

- by default one request sends the message and leaves no copy in the mailbox (`sendMail`). 202 means that it was taken. Where
  nobody knows, the outbox stops at `unknown`, unless the operator has chosen to risk a second copy.
- `verified`: a draft is written, sent, and then looked for, by an id that it keeps when it moves (and else by our Message-ID).
  While it is a draft it has not been sent. A repeat looks for the message first, also in another process after a crash, and so an
  unknown outcome becomes a known one. It takes four requests in place of one, the permission Mail.ReadWrite, and a copy stays in
  Sent Items; a message that is deleted there within a minute or two cannot be found again.

202 with Retry-After is a message taken and a wish for quiet: the next message from that mailbox stays here and carries the wish to
the outbox, which keeps it for all processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.channels.graph_mailbox import Found, Mailbox
from notifier.channels.graph_message import graph_message
from notifier.domain.retry import Verdict
from notifier.microsoft import GraphClient

AT_ONCE = 4
"""So many requests at once Graph takes of an app for Outlook, whatever the mailboxes."""

_LOOKS = (1.0, 2.0, 4.0, 8.0, 15.0)
_QUIET = "Graph took the message before this one and asked for a pause"
_NOT_TO_BE_SEEN = "it was sent, and the mailbox does not show what became of it"
_STILL_A_DRAFT = "Graph took it, but it is still a draft"


class GraphChannel:
    """See `channels/base.py` for the contract; an outlet is the address of a mailbox."""

    name = "graph"
    concurrency = AT_ONCE

    def __init__(
        self,
        client: GraphClient,
        *,
        mailbox: str,
        sender: str,
        reply_to: str,
        verified: bool = False,
        resend_when_uncertain: bool = False,
        looks: Sequence[float] = _LOOKS,
    ) -> None:
        """Nothing is opened before the first message.

        Args:
            mailbox: what a message leaves from that names no outlet.
            sender, reply_to: "Name <address>". A mailbox with another address needs the right Send As on that of the sender.
            verified, resend_when_uncertain: see the head of this module.
            looks: seconds before each look at a message that has been sent, in verified mode.
        """
        self.resend_when_uncertain = verified or resend_when_uncertain
        self._client = client
        self._mailbox = mailbox
        self._sender = sender
        self._reply_to = reply_to
        self._verified = verified
        self._looks = tuple(looks)
        self._wishes: dict[str, float] = {}  # seconds of quiet, by mailbox
        self._unseen: dict[str, str] = {}  # the ids of messages that were sent and not seen since, by Message-ID

    async def send(self, outgoing: Outgoing) -> Receipt:
        message = graph_message(outgoing, sender=self._sender, reply_to=self._reply_to)
        address = outgoing.outlet or self._mailbox
        if (seconds := self._wishes.pop(address, None)) is not None:
            raise DeliveryFailed(Verdict.TEMPORARY, _QUIET, pause_seconds=seconds, outlet_only=True)
        mailbox = Mailbox(self._client, address, recipient=outgoing.address)
        if self._verified:
            receipt = await self._send_verified(mailbox, outgoing, message)
        else:
            receipt = Receipt(await mailbox.send_mail(message))
        if mailbox.asked_pause is not None:
            self._wishes[address] = mailbox.asked_pause
        return receipt

    async def close(self) -> None:
        await self._client.close()

    async def _send_verified(self, mailbox: Mailbox, outgoing: Outgoing, message: Mapping[str, Any]) -> Receipt:
        message_id = outgoing.message_id
        known = self._unseen.get(message_id) or outgoing.reference
        found = await mailbox.find(known, message_id)
        if found is None and known is not None:
            raise DeliveryFailed(Verdict.UNCERTAIN, _NOT_TO_BE_SEEN)
        if found is None:
            found = await mailbox.write_draft(message)
        if found.is_draft:
            await self._send_draft(mailbox, found, message_id)
        self._unseen.pop(message_id, None)
        return Receipt("found among the messages that were sent", reference=found.id)

    async def _send_draft(self, mailbox: Mailbox, draft: Found, message_id: str) -> None:
        """Send it and look until it is no draft any more."""
        doubt: DeliveryFailed | None = None
        try:
            await mailbox.send_draft(draft)
        except DeliveryFailed as failed:
            if failed.verdict is not Verdict.UNCERTAIN:
                raise
            doubt = failed
        self._unseen[message_id] = draft.id
        seen = await self._look(mailbox, draft, message_id)
        if seen is None:
            pause = doubt.pause_seconds if doubt else None
            raise DeliveryFailed(Verdict.UNCERTAIN, _NOT_TO_BE_SEEN, pause_seconds=pause)
        if seen.is_draft:
            del self._unseen[message_id]
            reply, pause = (doubt.reply, doubt.pause_seconds) if doubt else (_STILL_A_DRAFT, None)
            raise DeliveryFailed(Verdict.TEMPORARY, reply, pause_seconds=pause)

    async def _look(self, mailbox: Mailbox, draft: Found, message_id: str) -> Found | None:
        seen: Found | None = None
        for seconds in self._looks:
            await asyncio.sleep(seconds)
            try:
                seen = await mailbox.find(draft.id, message_id)
            except DeliveryFailed as failed:
                raise DeliveryFailed(Verdict.UNCERTAIN, failed.reply, pause_seconds=failed.pause_seconds) from failed
            if seen is not None and not seen.is_draft:
                break
        return seen
