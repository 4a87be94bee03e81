"""The mailbox that mails come back to."""

from __future__ import annotations

from notifier.bounces.hearing import TokenProvider
from notifier.bounces.mailbox import Mailbox
from notifier.doctor.examination import in_thread
from notifier.doctor.findings import Area, Finding
from notifier.settings import Settings

AREA = Area("Bounces")


async def look_at_mailbox(found: tuple[Mailbox, TokenProvider | None] | None, settings: Settings) -> list[Finding]:
    """Log in, open the folder and read a mail if there is one. Raises as `Mailbox.try_out` does.

    Args:
        found: the mailbox, and what gives tokens to log in; None where nobody looks, and nothing is to be said.
    """
    if found is None:
        return []
    mailbox, tokens = found
    token = None if tokens is None else await tokens(None)
    await in_thread(lambda: mailbox.try_out(token))
    bounces = settings.email.bounces
    by_imap = f"{bounces.imap.folder} of {bounces.imap.username} at {bounces.imap.host}"
    return [AREA.ok("mailbox", f"{bounces.folder if bounces.via == 'maildir' else by_imap} can be read and kept in order")]
