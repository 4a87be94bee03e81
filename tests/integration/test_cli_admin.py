"""The verbs that let operators and programs in, and put them out again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.domain.operators import Role
from notifier.service import open_store
from notifier.settings import load
from notifier.store import ledger, sessions
from notifier.store.database import Database
from tests.integration.test_cli_verbs import Shell, home, shell

__all__ = ["home", "shell"]


@pytest.fixture
def store(home: Shell) -> Database:
    return open_store(load(home.folder / "config.toml", environment={}))


def test_a_link_lets_one_in_and_sign_out_puts_them_out(home: Shell, store: Database) -> None:
    now = SystemClock().now()
    made = home("admin", "link", "--role", "officer", "--json").data
    path, _, token = made["link"].rpartition("/")
    assert (path, made["role"]) == ("https://notifier.example.com/admin/link", "officer")
    assert 0 < (datetime.fromisoformat(made["ends_at"]) - now).total_seconds() < 660

    assert home("admin", "sessions").out == "Nobody is signed in.\n"
    with store.write() as connection:
        used = sessions.use_link(connection, token, SystemClock().now())
        assert used is not None
        begun = {"issuer": sessions.LINK_ISSUER, "subject": used.made_by, "name": used.made_by, "role": used.role}
        sessions.begin(connection, token="t", now=SystemClock().now(), **begun)
    (one,) = home("admin", "sessions", "--json").data
    assert (one["id"], one["role"], one["issuer"], one["subject"]) == (1, "officer", "notifier", used.made_by)
    assert "officer" in home("admin", "sessions").out

    assert home("admin", "sign-out", "1").out == "1 signed out.\n"
    assert home("admin", "sign-out", "--all").out == "Nobody was signed in.\n"
    again = home("admin", "sign-out", "1")
    assert (again.code, again.err.splitlines()[0]) == (2, "nobody is signed in with session 1")
    assert home("admin", "sign-out").code == 2
    with store.read() as connection:
        noted = [entry.event for entry in ledger.tell(connection)][:2]
    store.close()
    assert noted == ["session ended", "sign-in link made"]
    assert token not in Path("notifier.db").read_bytes().decode("latin-1")


def test_a_program_gets_a_token_and_loses_it(home: Shell, store: Database) -> None:
    token = home("api", "token", "bi").out.strip()
    assert token.startswith("notifier_")
    second = home("api", "token", "bi")
    assert (second.code, second.err.splitlines()) == (
        2,
        ["bi has a token already", "  → `notifier api revoke bi` ends it; then make a new one"],
    )
    assert home("api", "token", "Not a name").code == 2
    (one,) = home("api", "list", "--json").data
    assert (one["name"], one["role"], one["seen_on"], one["revoked_at"]) == ("bi", Role.VIEWER, None, None)
    assert home("api", "revoke", "bi").code == 0
    assert home("api", "revoke", "bi").code == 2
    assert "revoked" in home("api", "list").out
    with store.read() as connection:
        noted = [(entry.event, dict(entry.facts)) for entry in ledger.tell(connection)][:2]
    store.close()
    assert noted == [("api token revoked", {"client": "bi"}), ("api token made", {"client": "bi", "role": "viewer"})]
