"""One SMTP connection, driven verb by verb so that it is always known how far a message came.

`Connection.open` brings it up to the point where mail may be sent; `transact` hands over one message. Whatever goes wrong is a
`Refused` (the server said so) or a `Silent` (no usable answer), each with the stage it belongs to. After anything but a clean
refusal the connection is of no use: a late answer would be taken for the answer to the next command.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

import aiosmtplib

from notifier.channels.smtp_terms import Envelope, Refused, Server, Silent, Stale, Unfit
from notifier.domain.smtp_replies import Stage

_Answer = TypeVar("_Answer")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class Connection:
    """Used by one task at a time. `usable` tells whether another message may be sent on it."""

    def __init__(self, client: aiosmtplib.SMTP, transport: asyncio.BaseTransport | None, final_timeout: float) -> None:
        self._client = client
        self._transport = transport
        self._final_timeout = final_timeout
        self._in_doubt = False
        self._served = False

    @classmethod
    async def open(cls, server: Server, tls: ssl.SSLContext | None) -> Connection:
        """Connect, encrypt and log in.

        Args:
            tls: needed unless `server.security` is "none".

        Raises:
            Refused, Silent, Unfit: and nothing is left open.
        """
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=False,
            tls_context=tls,
            local_hostname=server.helo,
            timeout=server.timeout,
        )
        try:
            await _answer(Stage.CONNECT, client.connect())
            await _greet(client)
            if server.security == "starttls":
                await _encrypt(client)
            if server.username is not None:
                await _log_in(client, server, server.username)
        except BaseException:
            _abort(client.transport)
            client.close()
            raise
        return cls(client, client.transport, server.final_timeout)

    @property
    def usable(self) -> bool:
        return not self._in_doubt and self._client.is_connected

    async def transact(self, envelope: Envelope) -> str:
        """Hand over one message and return what the server said to it, code first.

        Raises:
            Refused, Silent: see the stage for how far it came.
            Stale: nothing was sent; try on another connection.
        """
        self._in_doubt = True
        try:
            await self._begin(envelope)
            await self._name_recipient(envelope)
            await self._announce()
        except Refused as refused:
            if 400 <= refused.code <= 599 and self._client.is_connected:
                await self._reset()
            raise
        reply = await self._send_message(envelope.raw)
        if not 200 <= reply.code <= 299:
            # It may have been said before the final dot, with a second answer to follow: the connection stays in doubt.
            raise Refused(Stage.FINAL, reply.code, reply.message)
        self._in_doubt = False
        self._served = True
        return f"{reply.code} {reply.message}"

    async def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for long."""
        if self.usable:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=2)
        self.abort()

    def leave(self) -> None:
        """Say goodbye and close without waiting for an answer."""
        protocol = self._client.protocol
        if self.usable and protocol is not None:
            with suppress(aiosmtplib.SMTPException, OSError):
                protocol.write(b"QUIT\r\n")
        self._client.close()

    def abort(self) -> None:
        """Close at once, whatever is still under way."""
        _abort(self._transport)
        self._client.close()

    async def _begin(self, envelope: Envelope) -> None:
        try:
            await _answer(Stage.MAIL, self._client.mail(envelope.sender, options=self._mail_options(envelope)))
        except (Refused, Silent) as failure:
            gone = isinstance(failure, Silent) or failure.code == 421 or not self._client.is_connected
            if self._served and gone:
                raise Stale from failure
            raise

    async def _name_recipient(self, envelope: Envelope) -> None:
        options = ["NOTIFY=FAILURE"] if self._client.supports_extension("dsn") else []
        await _answer(Stage.RCPT, self._client.rcpt(envelope.recipient, options=options))

    async def _announce(self) -> None:
        reply = await _answer(Stage.DATA, self._client.execute_command(b"DATA"))
        if reply.code != 354:
            raise Refused(Stage.DATA, reply.code, reply.message)

    async def _send_message(self, raw: bytes) -> aiosmtplib.SMTPResponse:
        protocol = self._client.protocol
        if protocol is None:
            raise Silent(Stage.DATA, "the connection was lost")
        try:
            protocol.write(_on_the_wire(raw))
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Silent(Stage.DATA, _reason(error)) from error
        return await _answer(Stage.FINAL, protocol.read_response(timeout=self._final_timeout))

    async def _reset(self) -> None:
        with suppress(aiosmtplib.SMTPException, OSError):
            await self._client.rset()
            self._in_doubt = False
            self._served = True

    def _mail_options(self, envelope: Envelope) -> list[str]:
        offered = self._client.supports_extension
        options = [f"SIZE={len(envelope.raw)}"] if offered("size") else []
        if offered("dsn"):
            options += ["RET=HDRS", f"ENVID={envelope.envelope_id}"]
        return options


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await _answer(Stage.CONNECT, client.ehlo())
    except Refused as refused:
        if not 500 <= refused.code <= 599 or not client.is_connected:
            raise
        await _answer(Stage.CONNECT, client.helo())


async def _encrypt(client: aiosmtplib.SMTP) -> None:
    if not client.supports_extension("starttls"):
        msg = "the mail server does not offer STARTTLS; nothing was sent in the clear. Check email.smtp.port and security"
        raise Unfit(msg)
    await _answer(Stage.CONNECT, client.starttls())
    await _greet(client)


async def _log_in(client: aiosmtplib.SMTP, server: Server, username: str) -> None:
    methods = client.server_auth_methods
    if server.token_provider is not None:
        if "xoauth2" not in methods:
            msg = "the mail server does not offer login by XOAUTH2"
            raise Unfit(msg)
        await _answer(Stage.LOGIN, client.auth_xoauth2(username, await server.token_provider()))
        return
    password = server.password or ""
    # One method, tried once: three wrong tries for each connection would lock the account.
    if "plain" in methods:
        await _answer(Stage.LOGIN, client.auth_plain(username, password))
    elif "login" in methods:
        await _answer(Stage.LOGIN, client.auth_login(username, password))
    elif "cram-md5" in methods:
        await _answer(Stage.LOGIN, client.auth_crammd5(username, password))
    else:
        offered = ", ".join(methods) or "none"
        msg = f"the mail server offers no login that works with a user name and a password (it offers: {offered})"
        raise Unfit(msg)


async def _answer(stage: Stage, step: Awaitable[_Answer]) -> _Answer:
    before = _cancellations()
    try:
        answer = await step
    except aiosmtplib.SMTPResponseException as error:
        raise Refused(stage, error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        if (certificate := _certificate_error(error)) is not None:
            msg = f"the mail server's certificate is not trusted: {certificate.verify_message}. Check email.smtp.host and ca_file"
            raise Unfit(msg) from error
        raise Silent(stage, _reason(error)) from error
    # Until Python 3.12 asyncio.wait_for loses a cancellation that meets an answer. Only the last answer is worth more than it.
    if stage is not Stage.FINAL and _cancellations() > before:
        raise asyncio.CancelledError
    return answer


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    cause = error.__cause__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiosmtplib.SMTPConnectError) and cause is not None:
        return f"cannot connect: {_reason(cause)}"
    if isinstance(error, ssl.SSLError):
        return f"encryption failed: {error.reason or error}"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "the connection was lost"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)


def _on_the_wire(raw: bytes) -> bytes:
    """Lines end in CR LF and nothing else, leading dots are doubled, and a dot alone ends the message (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", raw)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return _LEADING_DOT.sub(b"..", lines) + b".\r\n"


def _abort(transport: asyncio.BaseTransport | None) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
