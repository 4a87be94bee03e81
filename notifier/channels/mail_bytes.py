"""The bytes of a mail, checked right before they are handed over: the same for every channel that carries mail."""

from __future__ import annotations

from notifier.channels.base import DeliveryFailed, Outgoing
from notifier.content.headers import UnsendableMailError, ascii_address
from notifier.content.mail import Mail, guard, to_bytes
from notifier.domain.retry import Verdict


def mail_bytes(outgoing: Outgoing, *, sender: str, reply_to: str) -> bytes:
    """The message as it goes over the wire. No line of it begins with a dot, which SMTP would have to double.

    Args:
        sender, reply_to: "Name <address>".

    Raises:
        DeliveryFailed: for good; the address cannot be written to, or the bytes hold more than was planned.
    """
    try:
        ascii_address(outgoing.address)
    except UnsendableMailError as error:
        raise _failure(Verdict.PERMANENT, error) from error
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
    try:
        raw = to_bytes(mail)
        guard(raw, mail)
    except UnsendableMailError as error:
        raise _failure(Verdict.CONTENT, error) from error
    return raw


def _failure(verdict: Verdict, error: UnsendableMailError) -> DeliveryFailed:
    return DeliveryFailed(verdict, f"{error}; {error.hint}" if error.hint else str(error))
