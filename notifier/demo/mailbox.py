"""The mail server inside the demonstration, and the mailbox that keeps what it takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property

from aiosmtpd.smtp import SMTP, Envelope, Session

from notifier.clock import Clock

_HOST = "mail.aurora.example"
_LARGEST_MESSAGE = 1_000_000
_LINK = re.compile(r"https?://\S+/[at]/\S+")


@dataclass(frozen=True)
class CapturedMail:
    """One message, as the server took it. It is taken apart when somebody looks at it.

    Attributes:
        number: 1 for the first one.
        at: when it arrived, by the clock of the demonstration.
        email: of the recipient.
        raw: the bytes, with CRLF.
    """

    number: int
    at: datetime
    email: str
    raw: bytes

    @cached_property
    def recipient(self) -> str:
        """The name, or where there is none the address."""
        return self._message["To"].addresses[0].display_name or self.email

    @cached_property
    def sender(self) -> str:
        return str(self._message["From"])

    @cached_property
    def subject(self) -> str:
        return str(self._message["Subject"])

    @cached_property
    def language(self) -> str:
        return str(self._message["Content-Language"])

    @property
    def html(self) -> str:
        return self._part("html")

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def source(self) -> str:
        """The bytes as text, for reading."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def link(self) -> str | None:
        """The personal link in it."""
        found = _LINK.search(self.text)
        return found.group() if found else None

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_bytes(self.raw, _class=EmailMessage, policy=default)

    def _part(self, kind: str) -> str:
        part = self._message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""


class Mailbox:
    """Everything that arrived, and the rules by which a few addresses do not take it at once.

    Args:
        clock: of the demonstration.
        refused: addresses whose mailbox does not exist.
        greylisted: addresses that say "not now" to the first try.
    """

    def __init__(self, clock: Clock, *, refused: frozenset[str], greylisted: frozenset[str]) -> None:
        self._clock = clock
        self._refused = refused
        self._put_off = set(greylisted)
        self._mails: list[CapturedMail] = []

    @property
    def newest_first(self) -> list[CapturedMail]:
        return self._mails[::-1]

    def __len__(self) -> int:
        return len(self._mails)

    def find(self, number: int) -> CapturedMail | None:
        return self._mails[number - 1] if 0 < number <= len(self._mails) else None

    def of(self, email: str) -> list[CapturedMail]:
        """What one person got, newest first."""
        return [mail for mail in self.newest_first if mail.email == email]

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self,
        server: SMTP,  # noqa: ARG002 - as are the arguments
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Whether the server takes mail for an address."""
        if address in self._refused:
            return "550 5.1.1 No such mailbox here"
        if address in self._put_off:
            self._put_off.remove(address)
            return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        """Take a message."""
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        number = len(self._mails) + 1
        self._mails.append(CapturedMail(number, self._clock.now(), envelope.rcpt_tos[0], raw))
        return f"250 2.0.0 OK, kept as number {number}"


@asynccontextmanager
async def mail_server(mailbox: Mailbox) -> AsyncIterator[int]:
    """An SMTP server on a free port of this machine, while the block runs. Yields the port."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(mailbox, hostname=_HOST, ident="notifier demo", data_size_limit=_LARGEST_MESSAGE, loop=loop)

    server = await loop.create_server(session, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
