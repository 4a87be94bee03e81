"""A mail server on loopback that answers each command 10 ms after it came, as one far away: `python -m bench.slow_server PORT`.

It takes every mail and keeps none. Commands that come together are answered together (RFC 2920).
"""

from __future__ import annotations

import asyncio
import sys

_DELAY_SECONDS = 0.01
_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-slow.example.com\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


class Session(asyncio.Protocol):
    """One client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is what asyncio gives
        self._transport = transport
        self._received = b""
        self._content = False
        self._answer(b"220 slow.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        answers = []
        while (answer := self._next_answer()) is not None:
            answers.append(answer)
        if answers:
            self._answer(b"".join(answers))

    def _next_answer(self) -> bytes | None:
        part, end, rest = self._received.partition(_END if self._content else b"\r\n")
        if not end:
            return None
        self._received = rest
        if self._content:
            self._content = False
            return b"250 2.0.0 Ok: queued\r\n"
        verb = part[:4].upper()
        self._content = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 2.0.0 Ok\r\n")

    def _answer(self, answer: bytes) -> None:
        asyncio.get_running_loop().call_later(_DELAY_SECONDS, self._transport.write, answer)


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
