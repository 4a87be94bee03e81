"""Bounces out of a Maildir and from an IMAP server on loopback. One that a real Postfix writes is heard in test_postfix.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import RowMapping

from notifier.bounces.hearing import BounceReader, Hearing
from notifier.bounces.imap import ImapMailbox, LoginRefusedError, Server
from notifier.bounces.mailbox import AT_ONCE
from notifier.bounces.maildir import Maildir
from notifier.domain.ladder import Ladders
from notifier.errors import NotPermittedError, TryLaterError
from notifier.store.database import Database
from notifier.store.tables import State
from tests import bounce_rig
from tests.bounce_rig import exchange, postfix
from tests.certificates import make_certificates
from tests.imap_server import ImapServer
from tests.ladder_rig import NOW, claim, end, find_on_slack, rows, send, told
from tests.planning_rig import add_person, planner

MAIL_FIRST = Ladders.of(["email", "slack"], email="smtp")
LATER = NOW + timedelta(minutes=5)
ME = "privacy@example.com"
PASSWORD = "secret"


def plan(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=MAIL_FIRST).tick(NOW)


def sent_mail(database: Database) -> RowMapping:
    """One person has got the notice by mail."""
    plan(database)
    send(database, "smtp", ladders=MAIL_FIRST)
    return rows(database)[0]


def message_id(row: RowMapping) -> str:
    return f"<{row['message_id']}>"


def at(server: ImapServer, secret: str | None = PASSWORD) -> Server:
    return Server("127.0.0.1", server.port, "none", ME, secret)


def make_maildir(folder: Path, mails: Sequence[bytes] = ()) -> Path:
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, raw in enumerate(mails):
        (folder / "new" / f"{number:04}.host").write_bytes(raw)
    return folder


def there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.host*")}


async def test_in_a_maildir_only_what_was_heard_moves(sqlite_database: Database, tmp_path: Path) -> None:
    row = sent_mail(sqlite_database)
    bounce = postfix(message_id(row), "e1@example.com")
    folder = make_maildir(tmp_path / "Maildir", [bounce_rig.ANSWER, bounce, postfix(), b"\xff"])
    (folder / "cur" / "0009.host:2,R").write_bytes(bounce)
    (folder / "new" / "folder.host").mkdir()
    reader = BounceReader(Maildir(folder), sqlite_database, MAIL_FIRST)
    assert await reader.read(LATER) == Hearing(refused=1, known=1, is_all=True)
    assert told(sqlite_database) == [(row["employee_key"], "smtp", "refused"), (row["employee_key"], "slack", "planned")]
    processed = {".processed/cur/0001.host:2,S", ".processed/cur/0009.host:2,RS"}
    assert there(folder) == {"new/0000.host", "new/0002.host", "new/0003.host", "new/folder.host", *processed}
    assert await reader.read(LATER) == Hearing(0, 0, is_all=True)


async def test_a_folder_that_is_no_maildir_is_said(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(NotPermittedError, match=r"email\.bounces\.folder: .*/nowhere cannot be used"):
        await BounceReader(Maildir(tmp_path / "nowhere"), sqlite_database, MAIL_FIRST).read(LATER)


async def test_on_a_server_only_what_was_heard_becomes_read(sqlite_database: Database) -> None:
    """What is none of ours is not even fetched a second time."""
    row = sent_mail(sqlite_database)
    async with ImapServer({ME: PASSWORD}) as server:
        answer, foreign = server.deliver(bounce_rig.ANSWER), server.deliver(postfix())
        bounce = server.deliver(exchange(message_id(row), "e1@example.com"))
        reader = BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST)
        assert await reader.read(LATER) == Hearing(refused=1, known=0, is_all=True)
        assert server.unread == [answer, foreign]
        again = server.deliver(exchange(message_id(row), "e1@example.com"))
        assert await reader.read(LATER) == Hearing(refused=0, known=1, is_all=True)
    assert server.fetched == [answer, foreign, bounce, again]
    assert told(sqlite_database)[0][2] == "refused"


async def test_a_full_mailbox_is_read_in_several_visits(sqlite_database: Database) -> None:
    row = sent_mail(sqlite_database)
    async with ImapServer({ME: PASSWORD}) as server:
        for _ in range(AT_ONCE):
            server.deliver(bounce_rig.ABSENCE)
        server.deliver(exchange(message_id(row), "e1@example.com"))
        reader = BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST)
        assert await reader.read(LATER) == Hearing(0, 0, is_all=False)
        assert await reader.read(LATER) == Hearing(refused=1, known=0, is_all=True)


async def test_what_is_heard_too_early_is_read_again(sqlite_database: Database) -> None:
    plan(sqlite_database)
    (claimed,) = claim(sqlite_database, "smtp")
    async with ImapServer({ME: PASSWORD}) as server:
        server.deliver(postfix(f"<{claimed.message_id}>", "e1@example.com"))
        reader = BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST)
        assert await reader.read(LATER) == Hearing(0, 0, is_all=True)
        end(sqlite_database, claimed, State.ACCEPTED, ladders=MAIL_FIRST)
        assert (await reader.read(LATER)).refused == 1
        assert server.unread == []


async def test_a_token_that_is_refused_is_exchanged_once(sqlite_database: Database) -> None:
    asked: list[str | None] = []

    async def token(refused: str | None) -> str:
        asked.append(refused)
        return "old" if refused is None else "fresh"

    async with ImapServer({ME: "fresh"}) as server:
        mailbox = ImapMailbox(at(server, None))
        assert (await BounceReader(mailbox, sqlite_database, MAIL_FIRST, token).read(LATER)).is_all
        assert asked == [None, "old"]
        server.users[ME] = "another"
        with pytest.raises(LoginRefusedError, match=r"127\.0\.0\.1 refuses the login"):
            await BounceReader(mailbox, sqlite_database, MAIL_FIRST, token).read(LATER)
        assert server.logins == 4


async def test_over_an_encrypted_connection_and_from_a_folder_with_any_name(sqlite_database: Database, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    row = sent_mail(sqlite_database)
    async with ImapServer({ME: PASSWORD}, folder='Zur&APw-ck &- "so"'.replace('"', '\\"'), tls=certificates.server) as server:
        server.deliver(exchange(message_id(row), "e1@example.com"))
        place = replace(at(server), security="tls", folder='Zurück & "so"', ca_file=certificates.ca_file)
        assert (await BounceReader(ImapMailbox(place), sqlite_database, MAIL_FIRST).read(LATER)).refused == 1
        with pytest.raises(NotPermittedError, match="is not trusted"):
            await BounceReader(ImapMailbox(replace(place, ca_file=None)), sqlite_database, MAIL_FIRST).read(LATER)


async def test_after_starttls(sqlite_database: Database, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    async with ImapServer({ME: PASSWORD}, tls=certificates.server, starttls=True) as server:
        place = replace(at(server), security="starttls", ca_file=certificates.ca_file)
        assert (await BounceReader(ImapMailbox(place), sqlite_database, MAIL_FIRST).read(LATER)).is_all
        assert server.logins == 1
    async with ImapServer({ME: PASSWORD}) as server:  # one that knows no STARTTLS gets no password
        with pytest.raises(TryLaterError):
            await BounceReader(ImapMailbox(replace(place, port=server.port)), sqlite_database, MAIL_FIRST).read(LATER)
        assert server.logins == 0


async def test_what_an_admin_can_mend_is_said(sqlite_database: Database) -> None:
    async with ImapServer({ME: PASSWORD}) as server:
        wrong = [
            (replace(at(server), password="no"), LoginRefusedError, "refuses the login"),
            (replace(at(server), folder="Bounces"), NotPermittedError, "there is no folder 'Bounces'"),
        ]
        for place, kind, words in wrong:
            with pytest.raises(kind, match=words):
                await BounceReader(ImapMailbox(place), sqlite_database, MAIL_FIRST).read(LATER)
        server.read_only = True
        with pytest.raises(NotPermittedError, match="'INBOX' can be read, and nothing in it may be changed"):
            await BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST).read(LATER)
        server.drop_after = 2
        with pytest.raises(TryLaterError, match="cannot be read from now"):
            await BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST).read(LATER)
    with pytest.raises(TryLaterError, match="cannot be read from now"):  # nobody is there any more
        await BounceReader(ImapMailbox(at(server)), sqlite_database, MAIL_FIRST).read(LATER)
