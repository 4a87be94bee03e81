"""The way to a connection on which mail may be sent: connect, greet, encrypt, log in.

aiosmtplib does all of it. What comes back is the bare transport, with nothing under way on it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar, cast

import aiosmtplib

from notifier.channels.smtp_terms import Refused, Server, Silent, TokenProvider, Unfit
from notifier.domain.smtp_replies import Stage

_Answer = TypeVar("_Answer")
_LOGIN_REFUSED = 535


@dataclass(frozen=True, slots=True)
class Opened:
    """A transport that has come so far, and which of the extensions that matter here the server offers."""

    transport: asyncio.Transport
    size: bool
    dsn: bool
    pipelining: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A server, as somebody sees it who has logged in.

    Attributes:
        encryption: "TLSv1.3", or None in the clear.
        certificate_ends: until when the server's certificate holds.
        extensions: their names, in capitals ("PIPELINING").
        largest: bytes that a message may have, where it says so.
        refused: what it said to our sender, where it does not take it.
    """

    encryption: str | None
    certificate_ends: datetime | None
    extensions: frozenset[str]
    largest: int | None
    refused: Refused | None


async def open_connection(server: Server, tls: ssl.SSLContext | None) -> Opened:
    """Connect, encrypt and log in.

    Args:
        tls: needed unless `server.security` is "none".

    Raises:
        Refused, Silent, Unfit: and nothing is left open.
    """
    client = await _client_of(server, tls)
    try:
        return _opened(client)
    except BaseException:
        _leave(client)
        raise


async def look_at(server: Server, tls: ssl.SSLContext | None, sender: str) -> Seen:
    """Connect, encrypt, log in and ask whether this login may write as `sender`, without going on to a message.

    Args:
        tls: as for `open_connection`.
        sender: a bare address, in ASCII.

    Raises:
        Refused, Silent, Unfit: up to the login; a sender that is refused is told in what comes back.
    """
    client = await _client_of(server, tls)
    try:
        refused = await _refusal_of(client, sender)
        transport = client.transport
        encryption = transport.get_extra_info("ssl_object") if transport else None
        seen = Seen(
            encryption=encryption.version() if encryption else None,
            certificate_ends=end_of_certificate(encryption) if encryption else None,
            extensions=frozenset(name.upper() for name in client.esmtp_extensions),
            largest=_number(client.esmtp_extensions.get("size", "")),
            refused=refused,
        )
        with suppress(Refused, Silent):  # all that was asked has been answered
            await _answer(Stage.MAIL, client.rset())
            await _answer(Stage.MAIL, client.quit())
    finally:
        _leave(client)
    return seen


async def _refusal_of(client: aiosmtplib.SMTP, sender: str) -> Refused | None:
    try:
        await _answer(Stage.MAIL, client.mail(sender, encoding="ascii"))
    except Refused as refused:
        return refused
    return None


def end_of_certificate(encryption: ssl.SSLObject) -> datetime | None:
    """Until when the other side's certificate holds."""
    ends = (encryption.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


async def _client_of(server: Server, tls: ssl.SSLContext | None) -> aiosmtplib.SMTP:
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
        _leave(client)
        raise
    return client


def _leave(client: aiosmtplib.SMTP) -> None:
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()
    client.close()


def _opened(client: aiosmtplib.SMTP) -> Opened:
    transport, offered = client.transport, client.supports_extension
    if transport is None or transport.is_closing():
        raise Silent(Stage.CONNECT, "the connection was lost")
    return Opened(cast(asyncio.Transport, transport), size=offered("size"), dsn=offered("dsn"), pipelining=offered("pipelining"))


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
        await _show_token(client, server.token_provider, username)
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


async def _show_token(client: aiosmtplib.SMTP, provider: TokenProvider, username: str) -> None:
    """A token may have ended a moment ago, or with a change of the app's rights: one that is refused is exchanged once."""
    token = await provider(None)
    try:
        await _answer(Stage.LOGIN, client.auth_xoauth2(username, token))
    except Refused as refused:
        if refused.code != _LOGIN_REFUSED:
            raise
        fresh = await provider(token)
        if not client.is_connected:
            raise  # for the next connection
        await _answer(Stage.LOGIN, client.auth_xoauth2(username, fresh))


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
    # Until Python 3.12 asyncio.wait_for, which aiosmtplib uses, loses a cancellation that meets an answer.
    if _cancellations() > before:
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
    return system_reason(error) or str(error)


def system_reason(error: BaseException | None) -> str | None:
    """What the system says about an error of its own, or None."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return None
