"""The daemon as a process of its own, from outside: signals, crashes, neighbours, and what it answers."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from notifier.store.database import Database
from notifier.store.tables import deliveries, employees
from tests.daemon_rig import PATIENCE, Home, daemon, get, make_home, named_apart, smtp, write_roster
from tests.delivery_rig import message_id, recipients, smtp_channel
from tests.smtp_server import Hang, Received, ScriptedServer

CONNECTIONS = 4


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


def states(home: Home, url: str | None = None) -> dict[str, int]:
    """How many deliveries stand in each state."""
    database = Database(url or f"sqlite:///{home.folder}/notifier.db")
    try:
        with database.read() as connection:
            counted = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
            return {row.state: row.number for row in connection.execute(counted)}
    finally:
        database.close()


def people(home: Home) -> int:
    database = Database(f"sqlite:///{home.folder}/notifier.db")
    try:
        with database.read() as connection:
            return connection.scalar(select(func.count()).select_from(employees).where(employees.c.active)) or 0
    finally:
        database.close()


def copies(messages: Sequence[Received]) -> list[list[bytes]]:
    """The bytes of each message that arrived more than once."""
    arrived = defaultdict(list)
    for message in messages:
        arrived[message_id(message)].append(message.raw)
    return [raws for raws in arrived.values() if len(raws) > 1]


async def test_sigterm_in_the_middle_of_a_wave_repeats_nothing(tmp_path: Path, server: ScriptedServer) -> None:
    """It ends with 0, nothing stays claimed, and the next start sends the rest: everybody exactly once."""
    home = make_home(tmp_path, people=500, smtp_port=server.port)
    async with daemon(home) as first:
        await first.until(lambda: len(server.messages) >= 100)
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0
    at_stop = len(server.messages)
    assert 100 <= at_stop < 500
    assert states(home) == {"accepted": at_stop, "planned": 500 - at_stop}

    async with daemon(home) as second:
        await second.until(lambda: len(server.messages) >= 500 and states(home) == {"accepted": 500})
        second.signal(signal.SIGTERM)
        assert await second.ended() == 0
    assert set(recipients(server.messages).values()) == {1}
    assert len(server.messages) == 500


async def test_kill_in_the_middle_loses_nothing(tmp_path: Path, server: ScriptedServer) -> None:
    """Three times kill -9 at any moment: everybody is written to, and a repeat is one of what was on the wire, the same bytes."""
    home = make_home(tmp_path, people=400, smtp_port=server.port)
    moments = random.Random(20251103)
    for round_ in range(3):
        target = 400 * round_ // 3 + moments.randint(20, 110)
        async with daemon(home) as running:
            await running.until(lambda target=target: len(server.messages) >= target)
            running.signal(signal.SIGKILL)
            assert await running.ended() == -signal.SIGKILL
    async with daemon(home) as last:
        await last.until(lambda: states(home) == {"accepted": 400})
        last.signal(signal.SIGTERM)
        assert await last.ended() == 0

    assert len(recipients(server.messages)) == 400
    repeated = copies(server.messages)
    senders = smtp_channel(server, CONNECTIONS).concurrency
    assert len(server.messages) - 400 == sum(len(raws) - 1 for raws in repeated) <= senders * 3
    assert all(len(set(raws)) == 1 for raws in repeated)


async def test_it_says_when_it_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    """What systemd hears: READY=1 once it works, STOPPING=1 at the end. The pages say that it is alive and ready."""
    home = make_home(tmp_path, people=3)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        async with daemon(home, {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as running:
            heard = await asyncio.wait_for(loop.sock_recv(listener, 4096), PATIENCE)
            assert b"READY=1" in heard.splitlines()
            assert await asyncio.to_thread(get, home, "/healthz") == (200, "ok\n")
            status, body = await asyncio.to_thread(get, home, "/readyz")
            assert (status, '"ready":true' in body.replace(" ", "")) == (200, True)
            await running.until(lambda: len(list((tmp_path / "outgoing").glob("*.eml"))) == 3)
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
        rest = []
        while not rest or b"STOPPING=1" not in rest[-1]:
            rest.append(await asyncio.wait_for(loop.sock_recv(listener, 4096), PATIENCE))


async def test_sighup_takes_a_good_configuration_and_refuses_a_bad_one(tmp_path: Path, server: ScriptedServer) -> None:
    """In the middle of a wave: the bad one changes nothing; with the good one the rest goes out as it says."""
    home = make_home(tmp_path, people=300, smtp_port=server.port)
    async with daemon(home) as running:
        await running.until(lambda: len(server.messages) >= 20)
        home.write_configuration(smtp(server.port, CONNECTIONS), more="nonsense = 1")
        running.signal(signal.SIGHUP)
        await running.until(lambda: running.said("the new configuration is not good; the old one goes on"))
        home.write_configuration(smtp(server.port, CONNECTIONS), more="")
        home.config.write_text(home.config.read_text("utf-8").replace('name = "Example SA"', 'name = "Exemple et Fils"'), "utf-8")
        running.signal(signal.SIGHUP)
        await running.until(lambda: running.said("configuration exchanged"))
        exchanged_at = len(server.messages)
        await running.until(lambda: states(home) == {"accepted": 300})
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert len(server.messages) == 300
    assert set(recipients(server.messages).values()) == {1}
    assert exchanged_at < 300
    assert any(b"Exemple et Fils" in message.raw for message in server.messages[exchanged_at:])
    assert not any(b"Exemple et Fils" in message.raw for message in server.messages[:20])


async def test_a_second_daemon_names_the_first(tmp_path: Path) -> None:
    home = make_home(tmp_path, people=1)
    async with daemon(home) as first:
        await first.until(lambda: first.said("running"))
        async with daemon(home) as second:
            assert await second.ended() == 75
            said = second.log.read_text("utf-8")
        assert f"process {first.pid} on {socket.gethostname()}" in said
        assert "Traceback" not in said
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0


async def test_a_store_of_an_unknown_version_is_refused_in_words(tmp_path: Path) -> None:
    """78: starting again does not help."""
    home = make_home(tmp_path, people=1)
    async with daemon(home) as first:
        await first.until(lambda: first.said("running"))
        first.signal(signal.SIGTERM)
        await first.ended()
    database = Database(f"sqlite:///{tmp_path}/notifier.db")
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    async with daemon(home) as refused:
        assert await refused.ended() == 78
        said = refused.log.read_text("utf-8")
    assert "the store is of a newer version (9999)" in said
    assert "Traceback" not in said


async def test_a_taken_port_ends_it_with_75(tmp_path: Path) -> None:
    home = make_home(tmp_path, people=1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port))
        other.listen()
        async with daemon(home) as running:
            assert await running.ended() == 75
            said = running.log.read_text("utf-8")
    assert f"cannot listen on 127.0.0.1:{home.port}" in said
    assert "Traceback" not in said


async def test_sigusr1_writes_one_line_of_state(tmp_path: Path) -> None:
    home = make_home(tmp_path, people=3)
    async with daemon(home) as running:
        await running.until(lambda: (tmp_path / "notifier.db").exists() and running.said("sent"))
        running.signal(signal.SIGUSR1)
        await running.until(lambda: running.said("state"))
        (line,) = running.said("state")
        assert line["file_accepted"] == 3
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0


async def test_a_halved_roster_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    """100 people do not become 50 by a broken export."""
    home = make_home(tmp_path, people=100)
    async with daemon(home) as running:
        await running.until(lambda: running.said("sent"))
        running.signal(signal.SIGTERM)
        await running.ended()
    write_roster(home.roster, 50, home.zone)
    async with daemon(home) as running:
        await running.until(lambda: running.said("the roster was not applied; the one before goes on"))
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert people(home) == 100
    assert states(home) == {"accepted": 100}


async def test_a_second_sigterm_ends_it_at_once(tmp_path: Path, server: ScriptedServer) -> None:
    """Even where the mail server does not answer; no traceback, and the message goes out at the next start."""
    home = make_home(tmp_path, people=1, smtp_port=server.port)
    server.on("DOT", Hang())
    async with daemon(home) as running:
        await server.reached("DOT")
        running.signal(signal.SIGTERM)
        await running.until(lambda: running.said("stopping; finishing what is on the wire"))
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
        assert "Traceback" not in running.log.read_text("utf-8")
    server.drop_all()
    server.behave()
    async with daemon(home) as running:
        await running.until(lambda: states(home) == {"accepted": 1})


@pytest.mark.postgresql
async def test_the_whole_on_postgresql(tmp_path: Path, server: ScriptedServer, postgresql_database: str) -> None:
    """A wave, a kill, a second daemon, a restart and an end in good order."""
    storage, environment = named_apart(postgresql_database)
    home = make_home(tmp_path, people=300, smtp_port=server.port, storage=storage)
    async with daemon(home, environment) as first:
        await first.until(lambda: len(server.messages) >= 50)
        first.signal(signal.SIGKILL)
        await first.ended()
    assert len(server.messages) < 300
    async with daemon(home, environment) as again:
        await again.until(lambda: again.said("running"))
        async with daemon(home, environment) as neighbour:
            assert await neighbour.ended() == 75
            assert f"process {again.pid} on {socket.gethostname()}" in neighbour.log.read_text("utf-8")
        await again.until(lambda: states(home, postgresql_database) == {"accepted": 300})
        again.signal(signal.SIGTERM)
        assert await again.ended() == 0
        assert "Traceback" not in again.log.read_text("utf-8")
    assert len(recipients(server.messages)) == 300
    assert len(server.messages) - 300 <= smtp_channel(server, CONNECTIONS).concurrency
    assert all(len(set(raws)) == 1 for raws in copies(server.messages))
