"""Bounces in a mailbox on an IMAP server: Exchange Online, Google, or one of your own.

Only unread mails are looked at, without making them read; what was heard becomes read then. Nothing is moved or deleted.
"""

from __future__ import annotations

import base64
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from notifier.bounces.mailbox import AT_ONCE
from notifier.domain.bounces import LARGEST
from notifier.errors import ConfigurationError, NotPermittedError, TryLaterError

_SECONDS = 30


class LoginRefusedError(NotPermittedError):
    """The server does not let us in."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the mailbox is.

    Attributes:
        password: None where a token is given at each visit.
        folder: of the mailbox, in any letters.
        ca_file: certificates to trust in place of the system's.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: str | None = field(default=None, repr=False)
    folder: str = "INBOX"
    ca_file: Path | None = None


class ImapMailbox:
    """See the head of this module."""

    def __init__(self, server: Server) -> None:
        """Nothing is opened before the first visit."""
        self._server = server
        self._left: set[str] = set()  # handles of this process: the folder's validity and the mail's number in it

    @contextmanager
    def visit(self, token: str | None = None) -> Iterator[_Visit]:
        """See `Mailbox.visit`."""
        server = self._server
        try:
            tls = _trust(server)
            connection = _connect(server, tls)
            try:
                if server.security == "starttls":
                    connection.starttls(tls)
                _log_in(connection, server, token)
                yield _Visit(connection, _select(connection, server.folder), self._left)
            finally:
                with suppress(imaplib.IMAP4.error, OSError):
                    connection.logout()
                with suppress(imaplib.IMAP4.error, OSError):
                    connection.shutdown()  # a logout that fails leaves it open
        except ssl.SSLCertVerificationError as error:
            msg = f"email.bounces.imap: the certificate of {server.host} is not trusted: {error.verify_message}"
            raise NotPermittedError(msg, hint="use the name that stands in it, or name the authority with ca_file") from error
        except imaplib.IMAP4.readonly as error:
            msg = f"email.bounces.imap.folder: {server.folder!r} can be read, and nothing in it may be changed"
            raise NotPermittedError(msg, hint="give the login the right to mark mails there as read", quoted=str(error)) from error
        except (imaplib.IMAP4.error, OSError) as error:
            msg = f"email.bounces.imap: {server.host}:{server.port} cannot be read from now ({type(error).__name__})"
            hint = "check host, port and security, and that the way there is open; it is tried again"
            raise TryLaterError(msg, hint=hint, quoted=str(error)) from error

    def try_out(self, token: str | None = None) -> None:
        """See `Mailbox.try_out`. That mails can be put away shows when the folder is opened."""
        with self.visit(token) as visit:
            next(visit.mails(), None)


class _Visit:
    """A folder that is open."""

    def __init__(self, connection: imaplib.IMAP4, validity: str, left: set[str]) -> None:
        self._connection = connection
        self._validity = validity
        self._left = left

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """See `Visit.mails`."""
        numbers = b" ".join(line or b"" for line in _done(self._connection.uid("SEARCH", "UNSEEN")))
        there = [f"{self._validity}/{int(number)}" for number in numbers.split()]
        self._left.intersection_update(there)
        fresh = [handle for handle in there if handle not in self._left]
        for handle in fresh[:AT_ONCE]:
            answer = _done(self._connection.uid("FETCH", _number(handle), f"(BODY.PEEK[]<0.{LARGEST}>)"))
            mail = next((part[1] for part in answer if isinstance(part, tuple)), None)
            if mail is not None:  # else somebody has deleted it meanwhile
                yield handle, mail

    def put_away(self, handle: str) -> None:
        """See `Visit.put_away`."""
        _done(self._connection.uid("STORE", _number(handle), "+FLAGS.SILENT", r"(\Seen)"))

    def leave(self, handle: str) -> None:
        """See `Visit.leave`."""
        self._left.add(handle)


def _trust(server: Server) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as error:
        msg = f"email.bounces.imap.ca_file: cannot use the certificates in {server.ca_file}: {error.strerror or error}"
        raise ConfigurationError(msg, hint="name a file of certificates in PEM form") from error


def _connect(server: Server, tls: ssl.SSLContext) -> imaplib.IMAP4:
    if server.security == "tls":
        return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=tls, timeout=_SECONDS)
    return imaplib.IMAP4(server.host, server.port, timeout=_SECONDS)


def _log_in(connection: imaplib.IMAP4, server: Server, token: str | None) -> None:
    try:
        if token is None:
            connection.login(server.username, server.password or "")
        else:
            connection.authenticate("XOAUTH2", _by_token(server.username, token))
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        msg = f"email.bounces.imap: {server.host} refuses the login"
        hint = "check username and password; with xoauth2 the app needs IMAP.AccessAsApp and the right to this mailbox"
        raise LoginRefusedError(msg, hint=hint, quoted=str(error)) from error


def _by_token(username: str, token: str) -> Callable[[bytes], bytes]:
    """What XOAUTH2 says: the token, and nothing when the server then says why it does not like it."""
    words = iter((f"user={username}\x01auth=Bearer {token}\x01\x01".encode(),))
    return lambda _: next(words, b"")


def _select(connection: imaplib.IMAP4, folder: str) -> str:
    """Open the folder. Returns its validity: numbers of mails mean something only within one."""
    kind, words = connection.select(f'"{_in_imap_letters(folder)}"')
    if kind != "OK":
        msg = f"email.bounces.imap.folder: there is no folder {folder!r}, or it may not be opened"
        raise NotPermittedError(msg, hint='write its whole name, like "INBOX" or "INBOX/Bounces"', quoted=str(words))
    found = connection.response("UIDVALIDITY")[1]
    return found[0].decode("ascii", "replace") if found and isinstance(found[0], bytes) else ""


def _in_imap_letters(folder: str) -> str:
    """The name of a folder on the wire: modified UTF-7 (RFC 3501, 5.1.3), ready to stand in quotes."""
    text = folder.replace("&", "&-").replace("\\", "\\\\").replace('"', '\\"')
    return re.sub(r"[^\x20-\x7e]+", _encoded, text)


def _encoded(found: re.Match[str]) -> str:
    return "&" + base64.b64encode(found[0].encode("utf-16-be"), b"+,").decode("ascii").rstrip("=") + "-"


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(str(data))
    return data


def _number(handle: str) -> str:
    return handle.rpartition("/")[2]
