"""Entra ID as the configured roster: by way of the settings, a login and Graph behind TLS, the store, and the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.cli.app import run
from notifier.errors import TryLaterError
from notifier.service import refresh_roster
from notifier.settings import Settings, load
from notifier.store import employees
from notifier.store.database import Database
from tests.certificates import make_certificates
from tests.daemon_rig import free_port
from tests.microsoft_directory import DIRECTORY_ROUTES, READ_PEOPLE, Directory, directory_of, id_of
from tests.microsoft_server import NOW, MicrosoftServer

CONFIGURATION = """[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[campaigns.linkedin-ai-training]
deadline = 2025-11-03
steps = [{{ days_before = 30, message = "notice" }}]
[email]
from = "Privacy Office <privacy@example.com>"
[roster]
source = "entra"
[roster.entra]
per_second = 100
[microsoft]
tenant = "{tenant}"
client_id = "{client_id}"
client_secret_file = "secret"
authority = "https://localhost:{port}"
graph_url = "https://localhost:{port}"
ca_file = "certificates/ca.pem"
"""


class BehindTls(MicrosoftServer):
    """The same, under an encrypted address."""

    front = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.front}"


@asynccontextmanager
async def encrypted(folder: Path) -> AsyncIterator[MicrosoftServer]:
    certificates = make_certificates(folder / "certificates")
    server = BehindTls(routes=DIRECTORY_ROUTES, roles=READ_PEOPLE, at_once=1)
    open_ones: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", server.port)
        open_ones.extend((writer, behind_writer))
        await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))

    async with server, await asyncio.start_server(pass_on, "localhost", 0, ssl=certificates.server) as front:
        server.front = front.sockets[0].getsockname()[1]
        server.authority.host = server.url
        (folder / "secret").write_text(f"{server.authority.secret}\n")
        authority = server.authority
        text = CONFIGURATION.format(tenant=authority.tenant, client_id=authority.client_id, port=server.front)
        (folder / "config.toml").write_text(text)
        yield server
        for writer in open_ones:
            writer.transport.abort()  # not all clients say goodbye
        await asyncio.gather(*(writer.wait_closed() for writer in open_ones), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture
async def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Directory]:
    monkeypatch.chdir(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/of/no/use")  # which neither the login nor Graph listens to
    async with encrypted(tmp_path) as server:
        people = directory_of(server)
        for name in ("zoe", "ben", "ana"):
            people.put(name, mail=f"{name}@example.com", givenName=name.title(), surname="Exemple", manager="zoe")
        people.put("zoe", manager=None)
        people.put("guest", userType="Guest", mail="guest@partner.example")
        yield people


@pytest.fixture
def settings(directory: Directory, tmp_path: Path) -> Settings:
    assert directory.asked == []
    return load(tmp_path / "config.toml", environment={})


async def test_the_store_follows_the_directory(directory: Directory, settings: Settings, sqlite_database: Database) -> None:
    """The first time everybody is asked for, then what changed."""
    first = await asyncio.to_thread(refresh_roster, settings, sqlite_database, NOW)
    assert (first.applied, len(first.diff.joiners)) == (True, 3)
    directory.remove("ben")
    directory.put("ana", surname="Muster")
    second = await asyncio.to_thread(refresh_roster, settings, sqlite_database, NOW + timedelta(hours=1))
    assert directory.asked == ["", "$deltatoken"]
    assert [known.employee.id for known in second.diff.leavers] == [id_of("ben")]
    with sqlite_database.read() as connection:
        ana = employees.find(connection, "ana@example.com")
    assert ana is not None
    assert (ana.employee.family_name, ana.employee.manager_id) == ("Muster", id_of("zoe"))


async def test_what_the_command_line_says(directory: Directory, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(run, ["roster", "check"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(": 4 entries in 1 request")
    assert said[1:3] == ["3 accepted of 4 entries", "1 left out: 1 guest"]
    assert await asyncio.to_thread(run, ["roster", "sync", "--json"]) == 0
    assert await asyncio.to_thread(run, ["roster", "sync", "--dry-run"]) == 0
    assert await asyncio.to_thread(run, ["roster", "sync"]) == 0
    assert directory.asked == ["", "", "", "$deltatoken"]  # to look asks for everybody, and keeps nothing
    said = capsys.readouterr().out.splitlines()
    assert json.loads(said[0])["roster"]["left_out_by_reason"] == {"guest": 1}
    assert "3 stay as they are" in said[1]


async def test_a_directory_that_is_not_there_changes_nothing(settings: Settings, sqlite_database: Database) -> None:
    await asyncio.to_thread(refresh_roster, settings, sqlite_database, NOW)
    elsewhere = f"https://localhost:{free_port()}"
    away = settings.model_copy(
        update={"microsoft": settings.microsoft.model_copy(update={"authority": elsewhere, "graph_url": elsewhere})}
    )
    with pytest.raises(TryLaterError, match="cannot be reached"):
        await asyncio.to_thread(refresh_roster, away, sqlite_database, NOW)
    with sqlite_database.read() as connection:
        assert employees.count_active(connection) == 3
