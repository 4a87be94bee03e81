"""Mail through an SMTP server: builds the message, keeps a few connections, judges what the server says.

A message counts as taken when the server has answered its final dot with yes. A loss before that dot means "not sent", after it
"nobody knows"; the same bytes may then be sent again, because Message-ID and Date make the copy recognisable.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.channels.mail_bytes import mail_bytes
from notifier.channels.smtp_connection import Connection
from notifier.channels.smtp_opening import Seen, look_at, open_connection
from notifier.channels.smtp_pool import Pool
from notifier.channels.smtp_terms import Envelope, Refused, Security, Server, Silent, TokenProvider, Unfit
from notifier.content.headers import ascii_address, mailbox_of
from notifier.domain.retry import Verdict
from notifier.domain.smtp_replies import Judgement, Stage, judge_reply, judge_silence, one_line
from notifier.errors import NotifierError

_FINAL_TIMEOUT = 600.0
_IDLE_SECONDS = 20.0
_UNFIT_PAUSE = 900.0
# For each connection: one message whose content is sent, one whose envelope is, and some that are written or recorded meanwhile.
_AT_ONCE = 6
_MOST_AT_ONCE = 64  # so many messages are sent a second time at most when the process is killed

_MOMENT = {
    Stage.CONNECT: "while connecting",
    Stage.LOGIN: "while logging in",
    Stage.MAIL: "before the message was sent",
    Stage.RCPT: "before the message was sent",
    Stage.DATA: "before the message was sent",
    Stage.FINAL: "after the message was sent, before it was confirmed",
}


class SmtpChannel:
    """See `channels/base.py` for the contract and `settings.models.Smtp` for the words of the settings."""

    name = "smtp"
    resend_when_uncertain = True

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        sender: str,
        reply_to: str,
        username: str | None = None,
        password: str | None = None,
        token_provider: TokenProvider | None = None,
        ca_file: Path | None = None,
        connections: int = 4,
        timeout: float = 60.0,
        final_timeout: float = _FINAL_TIMEOUT,
        idle_seconds: float = _IDLE_SECONDS,
        helo: str | None = None,
    ) -> None:
        """Nothing is opened or read before the first message.

        Args:
            sender, reply_to: "Name <address>". Notifications of failure go to the sender's address.
            token_provider: gives access tokens for XOAUTH2, in place of a password.
            ca_file: certificates to trust in place of the system's.
            timeout: seconds for each answer but the last.
            final_timeout: seconds for the answer to the final dot (RFC 5321, 4.5.3.2.6).
            idle_seconds: how long an unused connection is kept.
            helo: our name in EHLO; the host's full name if None.

        Raises:
            UnsendableMailError: `sender` holds no address that mail servers understand.
        """
        self.concurrency = max(connections, min(_MOST_AT_ONCE, _AT_ONCE * connections))
        self._sender = sender
        self._sender_address = mailbox_of(sender).rpartition("<")[2].rstrip(">")
        self._reply_to = reply_to
        self._ca_file = ca_file
        self._server = Server(
            host=host,
            port=port,
            security=security,
            username=username,
            password=password,
            token_provider=token_provider,
            helo=helo,
            timeout=timeout,
            final_timeout=final_timeout,
        )
        self._tls: ssl.SSLContext | None = None
        self._pool = Pool(self._connect, size=connections, idle_seconds=idle_seconds)

    async def send(self, outgoing: Outgoing) -> Receipt:
        raw = mail_bytes(outgoing, sender=self._sender, reply_to=self._reply_to)
        try:
            reply = await self._pool.transact(Envelope(ascii_address(outgoing.address), str(outgoing.delivery_id), raw))
        except Refused as refused:
            said = one_line(refused.text, outgoing.address)
            reply = f"{refused.code} {said}".rstrip() if refused.code > 0 else f"no SMTP: {said}"
            raise _failure(judge_reply(refused.stage, refused.code, refused.text), reply) from refused
        except Silent as silent:
            raise _failure(judge_silence(silent.stage), f"{silent.reason} ({_MOMENT[silent.stage]})") from silent
        except Unfit as reason:
            raise DeliveryFailed(Verdict.SENDER, str(reason), pause_seconds=_UNFIT_PAUSE) from reason
        except NotifierError as error:  # no token
            words = f"{error}; {error.hint}" if error.hint else str(error)
            raise DeliveryFailed(Verdict.SENDER, words, pause_seconds=_UNFIT_PAUSE) from error
        return Receipt(one_line(reply, outgoing.address))

    async def close(self) -> None:
        await self._pool.close()

    async def look(self) -> Seen:
        """What the server offers, and whether it lets us send: up to the sender, on a connection of its own. Sends nothing.

        Raises:
            Refused, Silent, Unfit: how far it came otherwise.
            NotifierError: there is no token.
        """
        return await look_at(self._server, await self._trusted(), self._sender_address)

    async def _connect(self) -> Connection:
        opened = await open_connection(self._server, await self._trusted())
        return Connection(
            opened, sender=self._sender_address, timeout=self._server.timeout, final_timeout=self._server.final_timeout
        )

    async def _trusted(self) -> ssl.SSLContext | None:
        if self._server.security != "none" and self._tls is None:
            self._tls = await asyncio.to_thread(_tls_context, self._ca_file)
        return self._tls


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        msg = f"email.smtp.ca_file: cannot use the certificates in {ca_file}: {error.strerror or error}"
        raise Unfit(msg) from error


def _failure(judgement: Judgement, reply: str) -> DeliveryFailed:
    pause = judgement.pause.total_seconds() if judgement.pause else None
    return DeliveryFailed(judgement.verdict, reply, pause_seconds=pause)
