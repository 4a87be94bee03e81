"""People are found on Slack by paging its list of members, at Slack's own pace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from notifier.errors import NotPermittedError, TryLaterError
from notifier.roster.slack import Member, keep_members, members_in, pairs, read_members
from notifier.slack import SlackApi
from notifier.store import employees, reach
from notifier.store.database import Database
from notifier.store.tables import employees as table
from notifier.store.tables import reach as reached
from tests.delivery_rig import add_people
from tests.slack_server import TOKEN, Error, Limited, Page, SlackServer, member

NOW = datetime(2025, 10, 3, 5, 0, tzinfo=UTC)


class Clock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    async def wait(self, seconds: float) -> None:
        self.seconds += seconds


async def matched(database: Database, server: SlackServer, clock: Clock) -> reach.Matched:
    api = SlackApi(TOKEN, base_url=server.base_url)
    try:
        return await keep_members(database, await read_members(api, pause=clock.wait), NOW)
    finally:
        await api.close()


def on_slack(database: Database) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Who is on Slack by roster id: (user, team, why not)."""
    columns = reached.c["address", "team", "refused_because"]
    with database.read() as connection:
        rows = connection.execute(select(table.c.id, *columns).join_from(reached, table))
        return {id_: (address, team, because) for id_, address, team, because in rows}


async def test_people_are_matched_by_address_and_those_who_leave_are_noticed(database: Database) -> None:
    add_people(database, 4)
    clock, people = Clock(), [member(n, f"P{n}@Example.COM") for n in range(3)]
    async with SlackServer(members=[*people, member(9, "stranger@example.org"), member(10)], clock=clock) as server:
        first = await matched(database, server, clock)
        assert (first.found, first.new, first.gone) == (3, 3, 0)
        assert on_slack(database) == {f"p{n}": (f"U{n:08}", "T0TEAM", None) for n in range(3)}
        server.members = [people[0], member(11, "p1@example.com")]
        second = await matched(database, server, clock)
    assert (second.found, second.new, second.changed, second.gone) == (2, 0, 1, 1)
    with database.read() as connection:
        assert reach.by_address(connection, "slack", "U00000011", "T0TEAM") is not None
        assert reach.by_address(connection, "slack", "U00000001", "T0TEAM") is None


async def test_somebody_who_left_the_roster_is_not_matched(database: Database) -> None:
    add_people(database, 2)
    with database.write() as connection:
        connection.execute(update(table).where(table.c.id == "p0").values(active=False))
    async with SlackServer(members=[member(n, f"p{n}@example.com") for n in range(2)]) as server:
        await matched(database, server, Clock())
    assert set(on_slack(database)) == {"p1"}


@pytest.mark.parametrize(
    "more",
    [{"deleted": True}, {"is_bot": True}, {"is_invited_user": True}, {"is_stranger": True}, {"is_email_confirmed": False}],
    ids=str,
)
def test_who_cannot_be_written_to_is_no_member(more: dict[str, Any]) -> None:
    assert list(members_in([member(1, "p1@example.com", **more)])) == []
    assert list(members_in([member(1, "p1@example.com", **dict.fromkeys(more, next(iter(more)) == "is_email_confirmed"))])) != []


def test_slackbot_people_without_an_address_and_odd_rows_are_no_members() -> None:
    odd: list[Any] = [member(1), {**member(2, "a@example.com"), "id": "USLACKBOT"}, {**member(3), "profile": None}, "x", {}]
    assert list(members_in(odd)) == []


def test_in_an_organisation_people_keep_one_id_in_each_workspace() -> None:
    """Enterprise Grid: `W…`, and the organisation in place of the workspace."""
    row = {**member(1, "p1@example.com"), "id": "W0000001", "enterprise_user": {"id": "W0000001", "enterprise_id": "E0ORG"}}
    assert list(members_in([row])) == [Member("W0000001", "E0ORG", "p1@example.com", guest=False)]


def test_a_guest_counts_unless_a_member_has_the_same_address() -> None:
    guest = next(iter(members_in([member(1, "p1@example.com", is_restricted=True)])))
    full = next(iter(members_in([member(2, "p1@example.com")])))
    assert pairs([guest], {"p1@example.com": 7}) == [(7, "U00000001", "T0TEAM")]
    assert (
        pairs([guest, full], {"p1@example.com": 7}) == pairs([full, guest], {"p1@example.com": 7}) == [(7, "U00000002", "T0TEAM")]
    )


async def test_twenty_thousand_people_are_a_hundred_requests_and_five_minutes(sqlite_database: Database) -> None:
    """Facts §2.7: 20 requests a minute, 200 rows each; one request for each person would be 50 a minute, 6.7 hours."""
    add_people(sqlite_database, 20_000)
    clock = Clock()
    async with SlackServer(members=[member(n, f"p{n}@example.com") for n in range(20_000)], clock=clock) as server:
        brought = await matched(sqlite_database, server, clock)
        assert {method for method, _ in server.calls} == {"users.list"}
        assert len(server.calls) == 100
        assert server.exceeded == []
    assert brought.found == 20_000
    assert 300 < clock.seconds < 310


async def test_what_fails_for_a_moment_is_asked_again_and_the_time_slack_names_is_waited(sqlite_database: Database) -> None:
    add_people(sqlite_database, 1)
    clock = Clock()
    async with SlackServer(members=[member(0, "p0@example.com")], clock=clock) as server:
        for trouble in (Limited(30), Page(503), Error("internal_error")):
            server.on("users.list", trouble)
        brought = await matched(sqlite_database, server, clock)
        assert clock.seconds == 30 + 60 + 120
    assert brought.found == 1


async def test_a_failed_reading_changes_nothing_and_says_why(sqlite_database: Database) -> None:
    add_people(sqlite_database, 1)
    clock = Clock()
    async with SlackServer(members=[member(0, "p0@example.com")], clock=clock) as server:
        await matched(sqlite_database, server, clock)
        before = on_slack(sqlite_database)
        server.on("users.list", Error("invented_yesterday"), times=None)
        with pytest.raises(TryLaterError, match="invented_yesterday"):
            await matched(sqlite_database, server, clock)
        server.behave()
        server.scopes = frozenset({"users:read"})
        with pytest.raises(NotPermittedError) as lacking:
            await matched(sqlite_database, server, clock)
        assert "users:read.email" in str(lacking.value.hint)
        server.scopes = frozenset()
        with pytest.raises(NotPermittedError, match=r"missing_scope \(users:read\)"):
            await matched(sqlite_database, server, clock)
    assert on_slack(sqlite_database) == before


async def test_the_match_survives_a_change_of_the_roster(sqlite_database: Database) -> None:
    """It belongs to the person, not to the row of the file."""
    add_people(sqlite_database, 1)
    async with SlackServer(members=[member(0, "p0@example.com")]) as server:
        await matched(sqlite_database, server, Clock())
    with sqlite_database.write() as connection:
        person = employees.load(connection)["p0"]
        employees.mark_left(connection, [person.key], NOW)
        assert reach.of_people(connection, [person.key])[0].address == "U00000000"
