"""An SMTP server on loopback that misbehaves on plan.

    async with ScriptedServer() as server:
        server.on("RCPT", Say("451 4.7.1 greylisted"))          # the next RCPT; then as usual again
        server.on("DOT", Close(), times=None)                    # every time

Moments: CONNECT, EHLO, HELO, STARTTLS, TLS (in place of the handshake), AUTH, MAIL, RCPT, DATA, BODY (after the first lines of
the message), DOT, RSET, QUIT. `messages` holds what it took, also what it took without saying so (`Close(keep=True)`).
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.smtp_actions import Action, Close, Drip, Hang, Raw, Say, SayAndClose, SayTwice, beginning


@dataclass
class Received:
    """One message the server took."""

    sender: str
    recipients: list[str]
    mail_options: list[str]
    rcpt_options: list[str]
    raw: bytes
    session: int
    encrypted: bool
    login: str | None


class _Gone(Exception):  # noqa: N818 - private to this module
    """The session is over."""


@dataclass
class ScriptedServer:
    """See the head of this module.

    Attributes:
        extensions: the lines of the EHLO answer after the first.
        tls: offers STARTTLS, or, with `implicit`, encrypts from the first byte.
        users: name to password; a login is asked for when there are any.
        greylisting: each recipient is put off once.
        limit: so many messages on one connection, then 421.
    """

    extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    users: dict[str, str] = field(default_factory=dict)
    auth_methods: tuple[str, ...] = ("PLAIN", "LOGIN")
    greylisting: bool = False
    limit: int | None = None

    messages: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._plan: dict[str, deque[tuple[Action, int | None]]] = defaultdict(deque)
        self._moments: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._open: set[asyncio.StreamWriter] = set()
        self._seen: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def on(self, moment: str, action: Action, *, times: int | None = 1) -> None:
        """Plan an action; several for one moment are used up in order. None: for ever."""
        self._plan[moment].append((action, times))

    def behave(self) -> None:
        """Forget what is planned."""
        self._plan.clear()

    def drop_all(self) -> None:
        """Reset every connection, as a restart of the relay does."""
        for writer in list(self._open):
            writer.transport.abort()

    async def start(self, port: int = 0) -> None:
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        self.drop_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def planned(self, moment: str) -> Action | None:
        """What is planned for this moment, which has come; None: as usual."""
        self._moments[moment].set()
        queue = self._plan[moment]
        if not queue:
            return None
        action, times = queue[0]
        if times is not None:
            queue.popleft()
            if times > 1:
                queue.appendleft((action, times - 1))
        return action

    async def reached(self, moment: str) -> None:
        """Wait until a client has come to this moment since the last time it was waited for."""
        await self._moments[moment].wait()
        self._moments[moment].clear()

    def put_off(self, recipient: str) -> bool:
        """Whether greylisting puts this recipient off now."""
        if not self.greylisting or recipient in self._seen:
            return False
        self._seen.add(recipient)
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self.connections += 1
        self.most_at_once = max(self.most_at_once, len(self._open))
        try:
            await Session(self, reader, writer, self.connections).run()
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()


class Session:
    """One client."""

    def __init__(self, server: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.number = number
        self.encrypted = server.implicit
        self.login: str | None = None
        self.taken = 0
        self._begin()

    def _begin(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.mail_options: list[str] = []
        self.rcpt_options: list[str] = []

    async def run(self) -> None:
        await self._answer("CONNECT", "220 scripted.example.com ESMTP")
        while line := await self.reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.server.commands.append(text)
            verb, _, rest = text.partition(" ")
            handler = getattr(self, f"_{verb.lower()}", None)
            if handler is None:
                await self._say("502 5.5.2 command not recognized")
            else:
                await handler(rest)

    async def _ehlo(self, _name: str) -> None:
        offered = list(self.server.extensions)
        if self.server.tls and not self.encrypted:
            offered.append("STARTTLS")
        if self.server.users:
            offered.append("AUTH " + " ".join(self.server.auth_methods))
        lines = ["scripted.example.com", *offered]
        await self._answer("EHLO", "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    async def _helo(self, _name: str) -> None:
        await self._answer("HELO", "250 scripted.example.com")

    async def _starttls(self, _rest: str) -> None:
        if await self._answer("STARTTLS", "220 2.0.0 ready"):
            return
        if (action := self.server.planned("TLS")) is not None:
            await self.reader.read(1)  # what came with the 220 would be thrown away, so wait for the client to begin
            await self._act(action)
            raise _Gone
        assert self.server.tls is not None
        await self.writer.start_tls(self.server.tls)
        self.encrypted = True

    async def _auth(self, rest: str) -> None:
        if (action := self.server.planned("AUTH")) is not None:
            await self._act(action)
            return
        method, _, first = rest.partition(" ")
        if method == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
        elif method == "LOGIN":
            user = base64.b64decode(first).decode()
            await self._say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.reader.readline()).decode()
        else:
            parts = base64.b64decode(first).decode().split("\x01")
            user, password = parts[0].removeprefix("user="), parts[1].removeprefix("auth=Bearer ")
        if self.server.users.get(user) == password:
            self.login = user
            await self._say("235 2.7.0 accepted")
        else:
            await self._say("535 5.7.8 authentication credentials invalid")

    async def _mail(self, rest: str) -> None:
        if self.server.users and self.login is None:
            await self._say("530 5.7.0 authentication required")
            return
        if self.server.limit is not None and self.taken >= self.server.limit:
            await self._act(SayAndClose("421 4.7.0 too many messages on this connection"))
        address, *options = rest.split(" ")
        if not await self._answer("MAIL", "250 2.1.0 ok"):
            self._begin()
            self.sender, self.mail_options = address.removeprefix("FROM:").strip("<>"), options

    async def _rcpt(self, rest: str) -> None:
        address, *options = rest.split(" ")
        recipient = address.removeprefix("TO:").strip("<>")
        if self.server.put_off(recipient):
            await self._say(f"451 4.7.1 <{recipient}>: greylisted, try again in a minute")
        elif self.sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif not await self._answer("RCPT", "250 2.1.5 ok"):
            self.recipients.append(recipient)
            self.rcpt_options = options

    async def _data(self, _rest: str) -> None:
        if not self.recipients:
            await self._say("503 5.5.1 RCPT first")
            return
        if await self._answer("DATA", "354 go ahead"):
            return
        lines: list[bytes] = []
        while (line := await self.reader.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 3 and (action := self.server.planned("BODY")) is not None:
                await self._act(action)
        if not line:
            raise _Gone
        await self._finish(b"".join(lines))

    async def _finish(self, raw: bytes) -> None:
        action = self.server.planned("DOT")
        if action is None or beginning(action) == "2" or (isinstance(action, Close) and action.keep):
            assert self.sender is not None
            self.server.messages.append(
                Received(
                    sender=self.sender,
                    recipients=self.recipients,
                    mail_options=self.mail_options,
                    rcpt_options=self.rcpt_options,
                    raw=raw,
                    session=self.number,
                    encrypted=self.encrypted,
                    login=self.login,
                )
            )
        self._begin()
        self.taken += 1
        if action is None:
            await self._say(f"250 2.0.0 Ok: queued as {len(self.server.messages):08X}")
        else:
            await self._act(action)

    async def _rset(self, _rest: str) -> None:
        self._begin()
        await self._answer("RSET", "250 2.0.0 ok")

    async def _quit(self, _rest: str) -> None:
        await self._answer("QUIT", "221 2.0.0 bye")
        raise _Gone

    async def _answer(self, moment: str, usual: str) -> bool:
        """Answer as usual, or as planned; True when what was planned amounts to something else than usual."""
        action = self.server.planned(moment)
        if action is None:
            await self._say(usual)
            return False
        await self._act(action)
        return beginning(action) != usual[0]

    async def _act(self, action: Action) -> None:
        match action:
            case Say(text, when):
                await self._say(text, when)
            case Raw(data):
                await self._write(data)
            case SayAndClose(text):
                await self._say(text)
                self.writer.close()
                raise _Gone
            case SayTwice(text, second):
                await self._write(f"{text}\r\n{second}\r\n".encode())
            case Hang():
                while await self.reader.read(4096):
                    pass
                raise _Gone
            case Close():
                raise _Gone
            case Drip(text, every):
                for sign in text.encode():
                    await self._write(bytes([sign]))
                    await asyncio.sleep(every)

    async def _say(self, text: str, when: asyncio.Event | None = None) -> None:
        if when is not None:
            await when.wait()
        await self._write(text.encode() + b"\r\n")

    async def _write(self, data: bytes) -> None:
        self.writer.write(data)
        with suppress(ConnectionError):
            await self.writer.drain()
