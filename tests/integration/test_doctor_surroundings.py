"""What the doctor says of the sender's domain, the web, the roster's source, the store and the machine."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web as http

from notifier.clock import MovedClock, SystemClock
from notifier.doctor import machine, roster, sender_domain, store, web
from notifier.doctor.findings import Finding, State
from notifier.doctor.seen_clocks import SeenClocks
from notifier.domain.links import KEY_BYTES, LinkKeys
from notifier.errors import NotifierError
from notifier.roster.ldap import Directory
from notifier.service import build, open_store, read_keys
from notifier.store import holds, identity, processes, schema
from notifier.store.backup import backup
from notifier.store.database import Database
from notifier.web.server import serve
from tests.certificates import make_certificates
from tests.daemon_rig import free_port
from tests.dns_server import NameServer
from tests.doctor_rig import settings_in, told
from tests.slapd import BASE, PASSWORD, READER, running_slapd

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MX = {("example.com", "MX"): ["10 mx.example.com."]}
SPF = ("example.com", "TXT")
DMARC = ("_dmarc.example.com", "TXT")


def record(*texts: str) -> list[str]:
    return [f'"{text}"' for text in texts]


async def asked(records: dict[tuple[str, str], list[str]], sender: str = "privacy@example.com") -> list[Finding]:
    async with NameServer(records) as names:
        return await sender_domain.look_at_domain(sender, names.address)


@pytest.mark.parametrize(
    ("name", "records", "state", "words"),
    [
        ("SPF", MX | {SPF: record("v=spf1 include:x -all")}, "ok", "does not name are refused (-all)"),
        ("SPF", MX | {SPF: record("v=spf1 mx ~all", "other")}, "ok", "does not name are suspect (~all)"),
        ("SPF", MX | {SPF: record("v=spf1 redirect=_spf.example.net")}, "ok", "goes on at _spf.example.net"),
        ("SPF", MX | {SPF: record("v=spf1 mx ?all")}, "warning", "ends with ?all"),
        ("SPF", MX | {SPF: record("v=spf1 mx")}, "warning", "ends without all"),
        ("SPF", MX | {SPF: record("v=spf1 +all")}, "problem", "lets everybody write in your name"),
        ("SPF", MX | {SPF: record("v=spf1 mx -all", "v=spf1 -all")}, "problem", "2 records, which counts as an error"),
        ("SPF", MX | {SPF: record("v=spf10 -all")}, "warning", "has no record"),
        ("DMARC", MX | {DMARC: record("v=DMARC1; p=reject; aspf=s")}, "ok", "fail are refused (p=reject)"),
        ("DMARC", MX | {DMARC: record("v=DMARC1;p=none")}, "ok", "are watched and delivered (p=none)"),
        ("DMARC", MX | {DMARC: record("v=DMARC1; p=maybe")}, "warning", "p=maybe, which means nothing"),
        ("DMARC", MX | {DMARC: record("v=DMARC1; p=none", "v=DMARC1; p=reject")}, "warning", "none of them counts"),
        ("DMARC", MX, "warning", "example.com has no policy"),
        ("MX", MX, "ok", "takes mail at mx.example.com"),
        ("MX", {("example.com", "MX"): ["0 ."]}, "problem", "says that it takes no mail"),
        ("MX", {("example.com", "A"): ["192.0.2.1"]}, "ok", "takes mail at its own address"),
        ("MX", {SPF: record("x")}, "problem", "example.com takes no mail"),
        ("MX", {}, "problem", "there is no domain example.com"),
        ("DKIM", MX, "ok", "without the selector"),
    ],
    ids=str,
)
async def test_the_senders_domain(name: str, records: dict[tuple[str, str], list[str]], state: str, words: str) -> None:
    found = told(await asked(records), "Sender's domain", name)
    assert (found[0], words in found[1]) == (state, True), found


async def test_a_policy_is_inherited_from_the_domain_above() -> None:
    records = {("news.example.com", "MX"): ["10 mx."], DMARC: record("v=DMARC1; p=reject; sp=quarantine")}
    state, words, advice = told(await asked(records, "privacy@news.example.com"), "Sender's domain", "DMARC")
    assert (state, words) == ("ok", "messages that fail go to the spam folder (p=quarantine, from example.com)")
    assert str(advice).startswith("a message passes with a DKIM signature of the same domain or one below it")


async def test_without_an_answer_of_the_name_servers_it_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_domain, "_SECONDS", 0.1)
    async with NameServer(silent=True) as names:
        (one,) = await sender_domain.look_at_domain("privacy@example.com", names.address)
    assert (one.name, one.state) == ("name servers", State.WARNING)
    with pytest.raises(NotifierError, match="is not the address of a name server"):
        sender_domain.resolver("dns.example.com")


@asynccontextmanager
async def site(headers: Mapping[str, str], tls: ssl.SSLContext | None = None, status: int = 200) -> AsyncIterator[int]:
    """A site that answers `/healthz` like this."""

    async def healthz(_request: http.Request) -> http.Response:
        return http.Response(status=status, headers=headers)

    app = http.Application()
    app.router.add_get("/healthz", healthz)
    runner = http.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await http.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


KEYS = LinkKeys({1: bytes(KEY_BYTES)}, 1)


async def reached(
    base_url: str, clocks: SeenClocks | None = None, tls: ssl.SSLContext | None = None, *, running: bool = True
) -> list[Finding]:
    return await web.look_from_outside(
        base_url,
        KEYS,
        running=running,
        clocks=clocks or SeenClocks(SystemClock()),
        now=datetime.now(UTC),
        tls=tls or ssl.create_default_context(),
    )


async def test_our_own_site_is_known(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    service = build(settings, clock=SystemClock())
    async with serve(service.web_app(), "127.0.0.1", 0) as listening:
        base_url = f"http://127.0.0.1:{listening.port}"
        keys = read_keys(settings.links.keys_file)
        more = {"running": True, "clocks": SeenClocks(SystemClock()), "now": NOW, "tls": ssl.create_default_context()}
        ours = await web.look_from_outside(base_url, keys, **more)  # type: ignore[arg-type]
        other = await web.look_from_outside(base_url, keys.with_new(bytes(KEY_BYTES)), **more)  # type: ignore[arg-type]
    service.database.close()
    assert [(one.state.value, one.found) for one in ours] == [("ok", f"{base_url} leads to this notifier")]
    assert [(one.state.value, one.found) for one in other] == [("problem", f"{base_url} leads to a notifier with other link keys")]


async def test_a_certificate_of_the_web_is_looked_at(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    trusted = ssl.create_default_context(cafile=certificates.ca_file)
    async with site({"Notifier-Instance": web.instance_of(KEYS)}, certificates.server) as port:
        found = await reached(f"https://localhost:{port}", tls=trusted)
        assert told(found, "Web", "reachable")[0] == "ok"
        assert told(found, "Web", "certificate")[0] == "warning"  # it has a week
        (one,) = await reached(f"https://localhost:{port}")
    assert (one.name, one.state, "it is not trusted" in one.found) == ("certificate", State.PROBLEM, True)


async def test_another_site_and_none() -> None:
    async with site({}) as port:
        (one,) = await reached(f"http://127.0.0.1:{port}")
        assert one.found.endswith("/healthz is answered by something else (200)")
        assert one.state is State.PROBLEM
    async with site({}, status=502) as port:
        assert [one.state for one in await reached(f"http://127.0.0.1:{port}", running=False)] == [State.WARNING]
        assert [one.state for one in await reached(f"http://127.0.0.1:{port}", running=True)] == [State.PROBLEM]
    nobody = f"http://127.0.0.1:{free_port()}"
    (off,) = await reached(nobody, running=False)
    assert (off.state, off.advice) == (State.WARNING, "start `notifier run`, then ask again")
    (on,) = await reached(nobody, running=True)
    assert (on.state, "look at the proxy" in str(on.advice)) == (State.PROBLEM, True)


@pytest.mark.parametrize(
    ("base_url", "listen", "states"),
    [
        ("https://notifier.example.com", "127.0.0.1:8080", ["ok", "ok"]),
        ("http://notifier.example.com", "0.0.0.0:8080", ["warning", "warning"]),
        ("http://127.0.0.1:8080", "[::1]:8080", ["warning", "ok"]),
    ],
)
def test_addresses(tmp_path: Path, base_url: str, listen: str, states: list[str]) -> None:
    found = web.look_at_addresses(settings_in(tmp_path, web={"base_url": base_url, "listen": listen}))
    assert [one.state.value for one in found] == states


@pytest.mark.parametrize(
    ("off", "state", "words"),
    [
        (0, "ok", "agrees"),
        (100, "warning", "is 100 seconds ahead"),
        (-400, "problem", "is 400 seconds behind"),
        (-30, "ok", "agrees"),
    ],
)
async def test_the_clock_is_compared(off: int, state: str, words: str) -> None:
    theirs = format_datetime(NOW - timedelta(seconds=off), usegmt=True)
    clocks = SeenClocks(MovedClock(NOW + timedelta(seconds=1 if off > 0 else 0)))
    async with site({"Date": theirs}) as port:
        await reached(f"http://127.0.0.1:{port}", clocks)
    (one,) = machine.look_at_clock(clocks.ahead)
    assert (one.state.value, words in one.found) == (state, True), one


async def test_a_clock_that_nobody_can_compare() -> None:
    clocks = SeenClocks(MovedClock(NOW))
    for header in ("", "yesterday"):
        with clocks.watching("somebody") as said:
            said(header)
    assert [one.state for one in machine.look_at_clock(clocks.ahead)] == [State.OK]


def test_a_source_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    assert [one.state for one in roster.look_at_file(path)] == [State.PROBLEM]
    path.touch()
    assert [one.found for one in roster.look_at_file(path)] == [f"{path} is empty"]
    path.write_text("id,email\n")
    assert [one.state for one in roster.look_at_file(path)] == [State.OK]


async def test_a_source_that_is_a_directory(tmp_path: Path) -> None:
    person = f"dn: cn=Zoe,{BASE}\nobjectClass: inetOrgPerson\ncn: Zoe\nsn: x\nmail: zoe@example.com\n\n"
    with running_slapd(tmp_path / "slapd", person) as slapd:
        directory = Directory(slapd.url, READER, PASSWORD, BASE, ca_file=slapd.ca_file)
        assert [one.state for one in await roster.look_at_directory(directory)] == [State.OK]
        nobody = replace(directory, people="(mail=nobody@example.com)")
        assert [one.state for one in await roster.look_at_directory(nobody)] == [State.WARNING]
        with pytest.raises(NotifierError, match="does not accept the login"):
            await roster.look_at_directory(replace(directory, password="wrong"))


async def test_a_source_that_is_a_query(tmp_path: Path) -> None:
    staff = Database(f"sqlite:///{tmp_path}/staff.db")
    schema.migrate(staff)
    staff.close()

    async def look(query: str) -> list[Finding]:
        sql = {"url": f"sqlite:///{tmp_path}/staff.db", "query": query}
        return await roster.look_at_query(settings_in(tmp_path, roster={"source": "sql", "sql": sql}))

    assert [one.state for one in await look("SELECT * FROM alembic_version")] == [State.OK]
    assert [one.state for one in await look("SELECT * FROM employees")] == [State.WARNING]
    with pytest.raises(NotifierError, match=r"roster\.sql\.query failed"):
        await look("SELECT * FROM nowhere")


def test_a_store_from_its_first_day_on(tmp_path: Path) -> None:
    database = open_store(settings_in(tmp_path))
    assert [one.found for one in store.look_at_store(database, NOW)] == ["there is no store yet"]
    assert not Path(str(database.path)).exists()  # nothing was made by looking
    schema.migrate(database)
    assert identity.guard(database, NOW)
    found = store.look_at_store(database, NOW)
    assert {one.name: one.state.value for one in found} == {
        **dict.fromkeys(("schema", "hold", "only one", "backup"), "ok"),
        "service": "warning",
    }
    with database.write() as connection:
        processes.register(connection, "one", NOW)
        holds.place(connection, scope=holds.EVERYTHING, reason="a wrong text", actor="zoe@desk", now=NOW)
    backup(database, tmp_path / "notifier-20261124T080000Z.backup.db")
    os.utime(tmp_path / "notifier-20261124T080000Z.backup.db", (NOW.timestamp() - 8 * 86_400,) * 2)
    found = store.look_at_store(database, NOW)
    assert told(found, "Store", "service") == ("ok", "runs", None)
    assert told(found, "Store", "hold")[:2] == ("warning", "all is on hold: a wrong text")
    assert told(found, "Store", "backup")[0] == "warning"
    database.close()

    shutil.copy(tmp_path / "notifier.db", tmp_path / "copy.db")
    copy = Database(f"sqlite:///{tmp_path}/copy.db")
    state, words, advice = told(store.look_at_store(copy, NOW), "Store", "only one")
    copy.close()
    assert (state, "it was made for" in words) == ("problem", True)
    assert advice == "if the other one is gone for good: `notifier resume --i-am-the-only-one`"
