"""Sessions, links that sign in, and tokens of programs, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from notifier.domain.operators import SESSION_LASTS, SIGN_IN_LINK_LASTS, Operator, Role
from notifier.store import api_clients, sessions
from notifier.store.database import Connection, Database
from notifier.store.oversight import api_clients as api_clients_table
from notifier.store.oversight import sessions as sessions_table
from notifier.store.oversight import sign_in_links
from notifier.store.sessions import SESSION_IDLES

NOW = datetime(2025, 10, 15, 8, 14, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def begin(connection: Connection, token: str, role: Role = Role.OFFICER) -> Operator:
    return sessions.begin(
        connection, token=token, issuer="https://login.example.com", subject="248", name="Olga", role=role, now=NOW
    )


def test_a_session_is_found_by_what_its_browser_holds_and_ends_in_time(database: Database) -> None:
    token = sessions.new_token()
    with database.write() as connection:
        operator = begin(connection, token)
        assert sessions.find(connection, token[:-1], NOW) is None
        found = sessions.find(connection, token, NOW)
        assert found is not None
        assert (found.operator, found.fresh, found.ends_at) == (operator, True, NOW + SESSION_LASTS)

        later = NOW + SESSION_IDLES - SECOND  # never idle for two hours: it goes on, to its end
        for _ in range(6):
            session = sessions.find(connection, token, later)
            assert (session is not None and session.fresh) is False
            assert session is not None
            sessions.seen(connection, operator.session, later)
            later = min(later + SESSION_IDLES - SECOND, NOW + SESSION_LASTS - SECOND)
        assert sessions.find(connection, token, NOW + SESSION_LASTS) is None


def test_a_session_that_is_not_used_ends_after_two_hours(database: Database) -> None:
    token = sessions.new_token()
    with database.write() as connection:
        begin(connection, token)
        assert sessions.find(connection, token, NOW + SESSION_IDLES - SECOND) is not None
        assert sessions.find(connection, token, NOW + SESSION_IDLES) is None


def test_one_or_all_can_be_ended(database: Database) -> None:
    tokens = [sessions.new_token() for _ in range(3)]
    with database.write() as connection:
        who = [begin(connection, token) for token in tokens]
        assert sessions.revoke(connection, NOW, who[1].session) == [who[1]]
        assert sessions.revoke(connection, NOW, who[1].session) == []
        assert [one.operator for one in sessions.every_open(connection, NOW)] == [who[0], who[2]]
        assert sessions.revoke(connection, NOW) == [who[0], who[2]]
        assert [sessions.find(connection, token, NOW) for token in tokens] == [None, None, None]


def test_a_link_works_once_and_for_ten_minutes(database: Database) -> None:
    with database.write() as connection:
        one, other = (sessions.make_link(connection, role=Role.ADMIN, made_by="root@mail", now=NOW) for _ in range(2))
        assert sessions.link(connection, one, NOW) == sessions.link(connection, one, NOW)  # to look costs nothing
        used = sessions.use_link(connection, one, NOW + SIGN_IN_LINK_LASTS - SECOND)
        assert used is not None
        assert (used.role, used.made_by) == (Role.ADMIN, "root@mail")
        assert sessions.use_link(connection, one, NOW) is None
        assert sessions.use_link(connection, other, NOW + SIGN_IN_LINK_LASTS) is None
        assert sessions.use_link(connection, sessions.new_token(), NOW) is None


def test_a_sign_in_is_answered_once(database: Database) -> None:
    until = NOW + timedelta(minutes=10)
    with database.write() as connection:
        assert [sessions.spend(connection, state, now=NOW, until=until) for state in ("a", "a", "b")] == [True, False, True]
        assert not sessions.spend(connection, "a", now=until, until=until)


def test_a_program_keeps_its_token_until_it_is_revoked(database: Database) -> None:
    with database.write() as connection:
        token = api_clients.add(connection, "bi", role=Role.VIEWER, made_by="root@mail", now=NOW)
        assert token is not None
        assert api_clients.add(connection, "bi", role=Role.OFFICER, made_by="root@mail", now=NOW) is None
        found = api_clients.find(connection, token)
        assert found is not None
        assert (found.name, found.role, found.seen_on) == ("bi", Role.VIEWER, None)
        api_clients.seen(connection, "bi", NOW.date())
        assert [one.seen_on for one in api_clients.every(connection)] == [NOW.date()]
        assert [api_clients.revoke(connection, name, NOW) for name in ("bi", "bi", "nobody")] == [True, False, False]
        assert api_clients.find(connection, token) is None
        renewed = api_clients.add(connection, "bi", role=Role.OFFICER, made_by="root@mail", now=NOW)
        assert renewed not in {None, token}
        assert api_clients.find(connection, token) is None


def test_the_store_holds_nothing_that_opens_anything(database: Database) -> None:
    """A stolen backup signs nobody in."""
    token = sessions.new_token()
    with database.write() as connection:
        begin(connection, token)
        link = sessions.make_link(connection, role=Role.ADMIN, made_by="root@mail", now=NOW)
        program = api_clients.add(connection, "bi", role=Role.VIEWER, made_by="root@mail", now=NOW)
        kept = [
            str(row) for table in (sessions_table, sign_in_links, api_clients_table) for row in connection.execute(select(table))
        ]
    assert len(kept) == 3
    assert not any(secret in row for secret in (token, link, str(program)) for row in kept)


def test_who_somebody_is_is_never_cut_short(database: Database) -> None:
    with database.write() as connection, pytest.raises(ValueError, match="longer than 255"):
        sessions.begin(connection, token="t", issuer="i", subject="s" * 256, name="", role=Role.ADMIN, now=NOW)
