"""The bytes of a mail, checked right before they are handed over: the same for every channel that carries mail."""

from __future__ import annotations

import re

from notifier.channels.base import DeliveryFailed, Outgoing
from notifier.content.mail import Mail, guard, to_bytes
from notifier.domain.retry import Verdict

_ONE_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@]+@[^\s<>()\[\]\\,;:\"@]+")
_LONGEST_ADDRESS = 254


def mail_bytes(outgoing: Outgoing, *, sender: str, reply_to: str | None) -> bytes:
    """The message as it goes over the wire, before dots are doubled.

    Args:
        sender, reply_to: "Name <address>".

    Raises:
        DeliveryFailed: permanently; the address is none, or the bytes hold more than was planned.
    """
    if not _ONE_ADDRESS.fullmatch(outgoing.address) or len(outgoing.address) > _LONGEST_ADDRESS or not outgoing.address.isprintable():
        raise DeliveryFailed(Verdict.PERMANENT, "this is not a single e-mail address; correct it in the roster")
    mail = Mail(
        sender=sender,
        reply_to=reply_to,
        recipient_name=outgoing.name,
        recipient_address=outgoing.address,
        message_id=outgoing.message_id,
        dated=outgoing.dated,
        campaign=outgoing.campaign,
        rendered=outgoing.rendered,
    )
    raw = to_bytes(mail)
    guard(raw, mail)
    return raw
