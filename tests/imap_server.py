"""An IMAP server on loopback (RFC 3501), with just the commands that reading bounces needs; anything else is an error of ours.

    async with ImapServer({"privacy@example.com": "secret"}) as server:
        server.deliver(raw)

Whoever fetches without PEEK, asks for more than a piece, or changes anything but \\Seen, breaks a rule, and the test fails when the
server is closed.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_LOGIN = re.compile(r'LOGIN "?([^" ]+)"? "?([^" ]+)"?')
_FETCH = re.compile(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)")
_STORE = re.compile(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)")


@dataclass
class Kept:
    """A mail in the mailbox."""

    raw: bytes
    seen: bool = False


@dataclass
class ImapServer:
    """See the head of this module.

    Attributes:
        users: name to password, or to the token that is accepted.
        folder: the one folder there is, as it is written on the wire.
        tls: encrypts from the first byte, or with `starttls` after that command.
        read_only: the folder may be opened, and nothing in it changed.
        drop_after: closes the connection after so many commands.
    """

    users: dict[str, str]
    folder: str = "INBOX"
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    validity: int = 1
    read_only: bool = False
    drop_after: int | None = None
    mails: dict[int, Kept] = field(default_factory=dict)
    fetched: list[int] = field(default_factory=list)
    logins: int = 0
    broken: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        tls = None if self.starttls else self.tls
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        await self._server.wait_closed()
        assert not self.broken

    def deliver(self, raw: bytes) -> int:
        """A mail comes in. Returns its number."""
        number = len(self.mails) + 11
        self.mails[number] = Kept(raw)
        return number

    @property
    def unread(self) -> list[int]:
        return [number for number, mail in self.mails.items() if not mail.seen]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        count = 0
        while line := await reader.readline():
            count += 1
            if self.drop_after is not None and count > self.drop_after:
                break
            tag, _, command = line.decode("ascii").rstrip("\r\n").partition(" ")
            if command == "STARTTLS" and self.starttls and self.tls:
                writer.write(f"{tag} OK go\r\n".encode())
                await writer.start_tls(self.tls)
                continue
            for answer in await self._answer(command, reader, writer):
                writer.write(answer if answer.startswith((b"*", b"+")) else f"{tag} ".encode() + answer + b"\r\n")
            await writer.drain()
            if command == "LOGOUT":
                break
        writer.close()

    async def _answer(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        capabilities = b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2" + (b" STARTTLS" if self.starttls else b"") + b"\r\n"
        plain = {"CAPABILITY": [capabilities, b"OK done"], "LOGOUT": [b"* BYE\r\n", b"OK done"]}
        if command in plain:
            return plain[command]
        if login := _LOGIN.fullmatch(command):
            return self._logged_in(login[1], login[2])
        if command == "AUTHENTICATE XOAUTH2":
            return await self._by_token(reader, writer)
        if command == f'SELECT "{self.folder}"':
            opened = f"OK [READ-{'ONLY' if self.read_only else 'WRITE'}] open".encode()
            return [f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] valid\r\n".encode(), opened]
        if command.startswith("SELECT "):
            return [b"NO no such folder"]
        return self._on_mails(command)

    def _on_mails(self, command: str) -> list[bytes]:
        if command == "UID SEARCH UNSEEN":
            return [f"* SEARCH {' '.join(map(str, self.unread))}".rstrip().encode() + b"\r\n", b"OK done"]
        if (fetch := _FETCH.fullmatch(command)) and (mail := self.mails.get(int(fetch[1]))):
            self.fetched.append(int(fetch[1]))
            piece = mail.raw[: int(fetch[2])]
            return [f"* 1 FETCH (UID {fetch[1]} BODY[]<0> {{{len(piece)}}}\r\n".encode() + piece + b")\r\n", b"OK done"]
        if (store := _STORE.fullmatch(command)) and (mail := self.mails.get(int(store[1]))):
            mail.seen = True
            return [b"OK done"]
        self.broken.append(command)
        return [b"BAD what?"]

    def _logged_in(self, name: str, secret: str) -> list[bytes]:
        self.logins += 1
        return [b"OK in"] if self.users.get(name) == secret else [b"NO [AUTHENTICATIONFAILED] not in"]

    async def _by_token(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        """As Exchange does it: a token that is refused is answered by a reason, and only the client's empty line ends it."""
        writer.write(b"+ \r\n")
        said = re.fullmatch(rb"user=(.+)\x01auth=Bearer (.+)\x01\x01", base64.b64decode(await reader.readline()))
        assert said is not None
        answer = self._logged_in(said[1].decode(), said[2].decode())
        if answer[0].startswith(b"NO"):
            writer.write(b"+ " + base64.b64encode(b'{"status":"401"}') + b"\r\n")
            assert await reader.readline() == b"\r\n"
        return answer
