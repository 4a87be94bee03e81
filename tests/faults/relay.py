"""A relay that can be asked what it took, and a wire that is cut at a byte."""

from __future__ import annotations

import asyncio
import re
import select
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.smtp_actions import Action
from tests.smtp_server import ScriptedServer

_ID = re.compile(rb"^Message-ID:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)
_STILL = 0.02  # seconds without a new command or message, after which nothing is on its way any more


@dataclass
class Relay(ScriptedServer):
    """A scripted server that offers pipelining, as real relays do.

    Attributes:
        mischief: asked at each moment before the plan is.
    """

    extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "PIPELINING")
    mischief: Callable[[str], Action | None] = lambda _: None
    _read: int = field(default=0, init=False)
    _copies: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list), init=False)

    def planned(self, moment: str) -> Action | None:
        action = self.mischief(moment)
        return action if action is not None else super().planned(moment)

    def copies(self) -> dict[str, list[bytes]]:
        """What it took so far: each Message-ID with the bytes of all its copies."""
        for message in self.messages[self._read :]:
            found = _ID.search(message.raw)
            assert found, "a message without Message-ID"
            self._copies[found[1].decode()].append(message.raw)
        self._read = len(self.messages)
        return self._copies

    def repeated(self) -> int:
        """How many copies came after a first one."""
        return sum(len(raws) - 1 for raws in self.copies().values())

    def unlike(self) -> int:
        """How many messages came in copies that are not the same bytes."""
        return sum(len(set(raws)) > 1 for raws in self.copies().values())

    def recipients(self) -> Counter[str]:
        """How often each address was written to."""
        return Counter(message.recipients[0] for message in self.messages)

    def begun(self) -> set[str]:
        """Everybody for whom at least the envelope came."""
        return {command.partition("<")[2].partition(">")[0] for command in self.commands if command.startswith("RCPT")}

    async def still(self) -> None:
        """Wait until everything that was sent has been read; whoever sent must be dead or frozen."""
        before = (-1, -1)
        while before != (before := (len(self.commands), len(self.messages))) or self._unread():
            await asyncio.sleep(_STILL)

    def _unread(self) -> bool:
        """Whether something has come that nobody has read yet, however busy the machine is."""
        return bool(select.select([writer.get_extra_info("socket") for writer in self._open], [], [], 0)[0])


@asynccontextmanager
async def cut_wire(port: int, *, after: int, to_server: bool) -> AsyncIterator[int]:
    """A way to the server on that port, whose first connection to carry so many bytes in one direction is cut there, once.

    Yields the port to connect to.
    """
    left = after
    tasks: set[asyncio.Task[None]] = set()

    async def carry(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: list[asyncio.StreamWriter], counts: bool
    ) -> None:
        nonlocal left
        with suppress(ConnectionError):
            while data := await reader.read(1024):
                if counts and 0 <= left < len(data):
                    writer.write(data[:left])
                    left = -1
                    await writer.drain()
                    break
                if counts and left >= 0:
                    left -= len(data)
                writer.write(data)
                await writer.drain()
        for end in both:
            end.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
            both = [writer, server_writer]
            await asyncio.gather(carry(reader, server_writer, both, to_server), carry(server_reader, writer, both, not to_server))
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    wire = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield wire.sockets[0].getsockname()[1]
    finally:
        wire.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await wire.wait_closed()
