"""Answers of a server cut into pieces at will: what is made of them does not depend on where."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.smtp_connection import Connection
from notifier.channels.smtp_opening import Opened
from notifier.channels.smtp_terms import Envelope, Message

MESSAGES = 4
ENVELOPE = [b"250 2.1.0 Ok\r\n", b"250 2.1.5 Ok\r\n", b"354 go on\r\n"]
TAKEN = b"250 2.0.0 Ok: queued as 4Zx1\r\n"
ODD = [
    *(b"251 forwarded\r\n", b"550 5.1.1 no such user\r\n", b"452 4.3.1 not now\r\n", b"421 bye\r\n", b"250-two\r\n250 lines\r\n"),
    *(
        b"250 ok\n",
        "250 2.0.0 r\xe9sum\xe9\r\n".encode(),
        b"220 what?\r\n",
        b"no SMTP\r\n",
        b"354\r\n",
        b"250 \x00\r\n",
        b"250\r\n",
    ),
]


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return None if name == "socket" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def talk(pieces: list[bytes], *, pipelining: bool) -> tuple[list[str], bytes]:
    """What became of each message, and what was written, where the server says this."""
    wire = Wire()
    opened = Opened(wire, size=True, dsn=True, pipelining=pipelining)
    connection = Connection(opened, sender="privacy@example.com", timeout=60, final_timeout=60)
    loop = asyncio.get_running_loop()
    waiting = [
        Message(Envelope(f"p{number}@example.com", str(number), b"text\r\n"), loop.create_future()) for number in range(MESSAGES)
    ]
    begun = list(waiting)

    def fill(_: Connection) -> None:
        while waiting and connection.has_room:
            connection.begin(waiting.pop(0))

    connection.watch(fill)
    fill(connection)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
    outcomes = [repr(message.done.exception() or message.done.result()) if message.done.done() else "open" for message in begun]
    connection.abort()
    for message in begun:
        if message.done.done():
            message.done.exception()
    return outcomes, wire.written


answers = st.lists(
    st.sampled_from(ODD).map(lambda one: [one]) | st.just(ENVELOPE) | st.just([TAKEN]) | st.just([TAKEN, *ENVELOPE]), max_size=8
)


@given(answers, st.booleans())
def test_where_answers_are_cut_changes_nothing(said: list[list[bytes]], pipelining: bool) -> None:
    whole = [b"".join(together) for together in said]
    at_once = asyncio.run(talk(whole, pipelining=pipelining))
    by_lines = asyncio.run(talk([line for together in said for line in together], pipelining=pipelining))
    by_bytes = asyncio.run(talk([bytes([sign]) for piece in whole for sign in piece], pipelining=pipelining))
    assert at_once == by_lines == by_bytes


async def test_yes_to_everything_takes_every_message() -> None:
    outcomes, written = await talk([b"".join(ENVELOPE), *[TAKEN + b"".join(ENVELOPE)] * (MESSAGES - 1), TAKEN], pipelining=True)
    assert outcomes == [repr(TAKEN.decode().strip())] * MESSAGES
    assert written.count(b"text\r\n.\r\n") == MESSAGES


async def test_more_answers_than_were_asked_for_take_nothing() -> None:
    """Four answers to one command, where commands travel one by one."""
    outcomes, written = await talk([b"".join([*ENVELOPE, TAKEN])], pipelining=False)
    by_lines = await talk([*ENVELOPE, TAKEN], pipelining=False)
    assert (outcomes, written) == by_lines


async def test_no_content_of_a_message_whose_sender_has_gone() -> None:
    """Its envelope was answered together with the content of the one before, which is taken all the same."""
    wire = Wire()
    opened = Opened(wire, size=True, dsn=True, pipelining=True)
    connection = Connection(opened, sender="privacy@example.com", timeout=60, final_timeout=60)
    loop = asyncio.get_running_loop()
    first, second = (Message(Envelope(f"{name}@example.com", "1", b"text\r\n"), loop.create_future()) for name in ("zoe", "ian"))
    connection.begin(first)
    connection.begin(second)
    connection.data_received(b"".join(ENVELOPE))
    second.done.cancel()
    connection.abandon(second)
    connection.data_received(TAKEN + b"".join(ENVELOPE))
    assert first.done.result() == TAKEN.decode().strip()
    assert wire.written.count(b"text\r\n.\r\n") == 1
    assert wire.closed
