"""The doctor before the mailbox that mails come back to: it logs in, opens it, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from notifier.bounces.imap import ImapMailbox, Server
from notifier.clock import SystemClock
from notifier.doctor.bounces import AREA, look_at_mailbox
from notifier.doctor.examination import Check, examine
from notifier.doctor.findings import Finding
from notifier.doctor.parts import parts_of
from notifier.microsoft import EXCHANGE_SCOPES
from notifier.settings import Settings
from tests.bounce_rig import ANSWER
from tests.doctor_rig import microsoft_table, settings_in, told
from tests.imap_server import ImapServer
from tests.microsoft_server import MicrosoftServer
from tests.not_root import let_everybody_in, not_root

ME = "privacy@example.com"
PASSWORD = "secret"
SCOPE = EXCHANGE_SCOPES["https://login.microsoftonline.com"]


def settings_with(folder: Path, bounces: dict[str, Any], **tables: Any) -> Settings:
    email = {"via": "file", "from": f"Privacy Office <{ME}>", "file": {"folder": folder / "outgoing"}, "bounces": bounces}
    return settings_in(folder, email=email, **tables)


def by_imap(server: ImapServer, **more: Any) -> dict[str, Any]:
    imap = {"host": "127.0.0.1", "port": server.port, "security": "none", "username": ME, **more}
    return {"via": "imap", "imap": imap}


async def look(settings: Settings) -> Sequence[Finding]:
    parts = parts_of(settings, SystemClock())
    return await examine([Check(AREA, "mailbox", lambda: look_at_mailbox(parts.bounces(), settings))])


async def test_a_mailbox_on_a_server(tmp_path: Path) -> None:
    async with ImapServer({ME: PASSWORD}) as server:
        server.deliver(ANSWER)
        found = await look(settings_with(tmp_path, by_imap(server, password=PASSWORD)))
        assert told(found, "Bounces", "mailbox") == (
            "ok", f"INBOX of {ME} at 127.0.0.1 can be read and kept in order", None
        )  # fmt: skip
        assert (server.logins, server.unread) == (1, [11]), "what is there stays as it is"
        found = await look(settings_with(tmp_path, by_imap(server, password="no")))
        state, words, advice = told(found, "Bounces", "mailbox")
        assert (state, words) == ("problem", "email.bounces.imap: 127.0.0.1 refuses the login")
        assert "check username and password" in (advice or "")
        found = await look(settings_with(tmp_path, by_imap(server, password=PASSWORD, folder="Bounces")))
        assert told(found, "Bounces", "mailbox")[1].startswith("email.bounces.imap.folder: there is no folder 'Bounces'")
        found = await look(settings_with(tmp_path, by_imap(server)))
        assert told(found, "Bounces", "mailbox")[1] == f"email.bounces.imap.username: '{ME}' has no password"


async def test_a_mailbox_that_wants_a_token(tmp_path: Path) -> None:
    async with MicrosoftServer() as microsoft, ImapServer({ME: "token-1"}) as server:
        settings = settings_with(tmp_path, by_imap(server, login="xoauth2"), microsoft=microsoft_table(microsoft))
        tokens = microsoft.tokens()
        mailbox = ImapMailbox(Server("127.0.0.1", server.port, "none", ME))

        async def token(refused: str | None) -> str:
            return await tokens.token(SCOPE, instead_of=refused)

        check = Check(AREA, "mailbox", lambda: look_at_mailbox((mailbox, token), settings))
        assert told(await examine([check]), "Bounces", "mailbox")[0] == "ok"
        server.users[ME] = "another"
        advice = told(await examine([check]), "Bounces", "mailbox")[2]
        assert "IMAP.AccessAsApp" in (advice or "")


async def test_a_folder_on_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "Maildir"
    settings = settings_with(tmp_path, {"via": "maildir", "folder": folder})
    assert told(await look(settings), "Bounces", "mailbox")[:2] == (
        "problem", f"email.bounces.folder: {folder} is no Maildir; it is not there"
    )  # fmt: skip
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    (folder / "new" / "1.host").write_bytes(ANSWER)
    assert told(await look(settings), "Bounces", "mailbox") == ("ok", f"{folder} can be read and kept in order", None)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == {"new", "cur", "tmp", "new/1.host"}


async def test_a_folder_that_others_own(tmp_path: Path) -> None:
    folder = tmp_path / "Maildir"
    settings = settings_with(tmp_path, {"via": "maildir", "folder": folder})
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    let_everybody_in(tmp_path)
    (folder / "new").chmod(0o555)
    with not_root():
        found = await look(settings)
    assert told(found, "Bounces", "mailbox")[1].startswith("email.bounces.folder: this user may not write into")
    folder.chmod(0)
    with not_root():
        found = await look(settings)
    folder.chmod(0o755)
    assert told(found, "Bounces", "mailbox")[1] == f"email.bounces.folder: {folder} cannot be looked at: Permission denied"
