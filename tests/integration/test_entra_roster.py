"""People out of Microsoft Entra ID, against a strict Graph on loopback."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.employee import Employee
from notifier.errors import BadDataError, NotifierError, NotPermittedError, TryLaterError
from notifier.microsoft import GraphClient
from notifier.roster.entra import Tenant, read_entra_roster
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.report import reading_as_lines
from tests.microsoft_directory import DIRECTORY_ROUTES, READ_PEOPLE, Directory, directory_of, id_of
from tests.microsoft_server import NOW, Action, Drop, Fail, GraphError, MicrosoftServer

TODAY = date(2025, 10, 1)


@dataclass
class Rig:
    """The directory, a clock that only waiting moves, and a way to read.

    Attributes:
        waited: every pause, in seconds.
        made: requests of the last reading.
    """

    server: MicrosoftServer
    directory: Directory
    graph: GraphClient
    tenant: Tenant
    now: datetime
    waited: list[float]
    made: int = 0

    async def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.waited.append(seconds)

    async def read(self, before: RosterReading | None = None, *, today: date = TODAY, **columns: str) -> RosterReading:
        asked, self.waited = len(self.directory.asked), []
        self.now += timedelta(minutes=1)
        try:
            return await read_entra_roster(
                self.graph,
                self.tenant,
                kept=before.snapshot if before else None,
                columns=columns,
                defaults=Defaults("Europe/Zurich"),
                today=today,
                progress=lambda _: None,
                pause=self.pause,
            )
        finally:
            self.made = len(self.directory.asked) - asked


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    server = MicrosoftServer(routes=DIRECTORY_ROUTES, roles=READ_PEOPLE, at_once=1)
    directory = directory_of(server)
    server.trouble = directory.trouble
    async with server:
        graph = server.client()
        rig = Rig(server, directory, graph, Tenant(server.authority.tenant, graph_url=server.url), NOW, [])
        server.now = lambda: rig.now
        people = {"zoe": "Zoé Exemple", "ben": "Jürgen Müller", "ana": "Ana O'Brien"}
        for name, full in people.items():
            given, _, family = full.partition(" ")
            directory.put(name, mail=f"{name}@example.com", givenName=given, surname=family, displayName=full)
        directory.put("zoe", preferredLanguage="fr-CH", country="Switzerland", state="Genève", department="Legal")
        directory.put("ben", country="DE", manager="zoe")
        directory.put("ana", usageLocation="IE", manager="ben")
        yield rig
        await graph.close()


def people(reading: RosterReading) -> dict[str, Employee]:
    return {person.email.partition("@")[0]: person for person in reading.accepted}


def manager_of(reading: RosterReading, name: str) -> str | None:
    ids = {person.id: key for key, person in people(reading).items()}
    manager = people(reading)[name].manager_id
    return None if manager is None else ids[manager]


async def test_people_come_with_all_that_the_directory_knows(rig: Rig) -> None:
    reading = await rig.read()
    zoe, ben, ana = (people(reading)[name] for name in ("zoe", "ben", "ana"))
    assert (zoe.id, zoe.email, zoe.name, zoe.language) == (id_of("zoe"), "zoe@example.com", "Zoé Exemple", "fr")
    assert (zoe.country, zoe.region, zoe.time_zone, zoe.department) == ("CH", "GE", "Europe/Zurich", "Legal")
    assert (ben.country, ben.manager_id) == ("DE", zoe.id)
    assert (ana.country, ana.manager_id) == ("IE", ben.id)
    assert reading.set_aside == ()
    assert reading.notes == ()


async def test_guests_and_disabled_accounts_are_left_out_and_counted(rig: Rig) -> None:
    rig.directory.put("guest", mail="guest@partner.example", userType="Guest")
    rig.directory.put("invited_partner.example#EXT#", mail="invited@partner.example")
    rig.directory.put("room", mail="room@example.com", accountEnabled=False)
    rig.directory.put("service")
    reading = await rig.read()
    assert people(reading).keys() == {"zoe", "ben", "ana"}
    assert reading.left_out_by_reason == {"guest": 2, "disabled": 1}
    (service,) = reading.set_aside
    assert service.employee_id == id_of("service")
    said = reading_as_lines(reading)
    assert said[0] == f"Microsoft Entra ID, tenant {rig.tenant.id}: 7 entries in 1 request"
    assert said[1] == "3 accepted of 7 entries"
    assert any(line.startswith("  entry ") and f"({id_of('service')}): " in line for line in said)


@pytest.mark.parametrize(
    ("properties", "country"),
    [
        ({"country": "Deutschland", "usageLocation": "CH"}, "DE"),
        ({"country": "Example GmbH", "usageLocation": "CH"}, "CH"),
        ({"country": None, "usageLocation": "CH"}, "CH"),
        ({"country": "Example GmbH"}, None),
    ],
)
async def test_country_wins_where_it_names_one(rig: Rig, properties: dict[str, str], country: str | None) -> None:
    """An organisation often writes its own country into the other one for everybody."""
    rig.directory.put("eva", mail="eva@example.com", **properties)
    assert people(await rig.read())["eva"].country == country


async def test_a_number_from_hr_can_be_the_id(rig: Rig) -> None:
    rig.tenant = replace(rig.tenant, id_from="employeeId")
    for number, name in enumerate(("zoe", "ben", "ana")):
        rig.directory.put(name, employeeId=f"00{number}")
    reading = await rig.read()
    assert {name: (person.id, person.manager_id) for name, person in people(reading).items()} == {
        "zoe": ("000", None),
        "ben": ("001", "000"),
        "ana": ("002", "001"),
    }


async def test_properties_of_their_own_can_be_named(rig: Rig) -> None:
    rig.directory.put("zoe", officeLocation="Lausanne", onPremisesExtensionAttributes={"extensionAttribute7": "de"})
    columns: dict[str, Any] = {"department": "officeLocation", "id": "mail"}
    columns["language"] = "onPremisesExtensionAttributes/extensionAttribute7"
    before = await rig.read(**columns)
    after = await rig.read(before, **columns)
    assert rig.made == 1
    for reading in (before, after):
        zoe, ben = people(reading)["zoe"], people(reading)["ben"]
        assert (zoe.id, zoe.department, zoe.language, ben.manager_id) == ("zoe@example.com", "Lausanne", "de", zoe.id)


@pytest.mark.parametrize("seed", range(4))
async def test_order_pages_halves_and_repeats_do_not_matter(rig: Rig, seed: int) -> None:
    """Whatever is told, and however: what is known in the end is how the directory stands."""
    rig.directory.seed, rig.directory.page, rig.directory.sparse = seed, 3, seed % 2 == 1
    crowd = [f"p{number}" for number in range(30)]
    for name, boss in zip(crowd, ["zoe", *crowd], strict=False):
        rig.directory.put(name, mail=f"{name}@example.com", manager=boss)
    first = await rig.read()
    assert rig.made > 10
    assert people(first).keys() == {"zoe", "ben", "ana", *crowd}
    assert [manager_of(first, name) for name in crowd] == ["zoe", *crowd[:-1]]
    for name in crowd[::3]:
        rig.directory.put(name, department="Sales", manager="ana")
    for name in crowd[1::3]:
        rig.directory.put(name, manager=None)
    rig.directory.remove("p29")
    second = await rig.read(first)
    anew = await rig.read()
    assert list(second.accepted) == list(anew.accepted)
    assert [manager_of(second, name) for name in crowd[:6]] == ["ana", None, "p1", "ana", None, "p4"]


async def test_the_next_reading_asks_only_what_changed(rig: Rig) -> None:
    first = await rig.read()
    rig.directory.put("zoe", surname="Muster", department=None, mail="zoe.muster@example.com")
    rig.directory.put("new", mail="new@example.com", manager="zoe")
    second = await rig.read(first)
    assert rig.directory.asked == ["", "$deltatoken"]
    zoe = people(second)["zoe.muster"]
    assert (zoe.id, zoe.family_name, zoe.department, zoe.language) == (id_of("zoe"), "Muster", None, "fr")
    assert manager_of(second, "new") == "zoe.muster"
    assert people(second)["ben"] == people(first)["ben"]
    assert reading_as_lines(second)[0].endswith(": 2 changes in 1 request, the others as they were")
    assert list((await rig.read(second)).accepted) == list(second.accepted)


@pytest.mark.parametrize("for_good", [False, True])
async def test_who_is_deleted_is_gone_and_who_comes_back_is_there(rig: Rig, for_good: bool) -> None:
    first = await rig.read()
    known = rig.directory.remove("ben", for_good=for_good)
    second = await rig.read(first)
    assert people(second).keys() == {"zoe", "ana"}
    assert people(second)["ana"].manager_id is None
    rig.directory.users[id_of("ben")] = known
    third = await rig.read(second)
    assert rig.directory.asked == ["", "$deltatoken", "$deltatoken"]
    assert list(third.accepted) == list(first.accepted)


async def test_who_comes_back_with_half_of_what_is_known_is_read_whole(rig: Rig) -> None:
    """Graph owes only what changed; if that is all, everybody is read anew."""
    first = await rig.read()
    known = rig.directory.remove("ben")
    second = await rig.read(first)
    rig.directory.users[id_of("ben")] = known
    rig.directory.terse = True
    assert list((await rig.read(second)).accepted) == list(first.accepted)
    assert rig.directory.asked == ["", "$deltatoken", "$deltatoken", ""]


@pytest.mark.parametrize(
    "outdated",
    [
        GraphError(410, "syncStateNotFound"),
        GraphError(400, "syncStateNotFound"),
        GraphError(410, ""),
        GraphError(400, "BadRequest"),
    ],
    ids=lambda error: f"{error.status}-{error.code}",
)
async def test_where_graph_forgot_everybody_is_read_anew(rig: Rig, outdated: GraphError) -> None:
    first = await rig.read()
    rig.directory.outdated = outdated
    rig.directory.forget()
    rig.directory.remove("ben")
    second = await rig.read(first)
    assert rig.directory.asked == ["", "$deltatoken", ""]
    assert people(second).keys() == {"zoe", "ana"}
    await rig.read(second)
    assert rig.directory.asked[3:] == ["$deltatoken"]


async def test_graph_may_lose_its_place_once_while_it_lists(rig: Rig) -> None:
    rig.directory.page = 1
    rig.server.on("usersDelta", Fail(410, "resyncRequired"))
    assert len((await rig.read()).accepted) == 3
    rig.server.on("usersDelta", Fail(410, "resyncRequired"), times=2)
    with pytest.raises(TryLaterError, match="loses its place"):
        await rig.read()


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _: None,
        lambda _: b"",
        lambda kept: kept[:-9],
        lambda kept: kept[:40] + bytes(3) + kept[43:],
        lambda _: zlib.compress(b"[]"),
        lambda _: zlib.compress(b"{}"),
    ],
    ids=["none", "empty", "cut", "damaged", "list", "nothing"],
)
async def test_what_was_kept_and_cannot_be_used_is_left_alone(rig: Rig, spoilt: Callable[[bytes], bytes | None]) -> None:
    first = await rig.read()
    assert first.snapshot is not None
    again = await rig.read(replace(first, snapshot=spoilt(first.snapshot)))
    assert rig.directory.asked == ["", ""]
    assert list(again.accepted) == list(first.accepted)


@pytest.mark.parametrize("other", [{"id": "other.example.com"}, {"id_from": "employeeId"}, {"graph_url": "{}/"}], ids=str)
async def test_what_was_kept_of_another_tenant_is_left_alone(rig: Rig, other: dict[str, Any]) -> None:
    kept = await rig.read()
    rig.tenant = replace(rig.tenant, **{key: value.format(rig.server.url) for key, value in other.items()})
    await rig.read(kept)
    assert rig.directory.asked == ["", "$deltatoken" if "graph_url" in other else ""]


@pytest.mark.parametrize(("days", "asked"), [(0, "$deltatoken"), (6, "$deltatoken"), (7, ""), (-1, "")])
async def test_once_a_week_everybody_is_read_anew(rig: Rig, days: int, asked: str) -> None:
    """Counted from when everybody was read, however often changes were asked since."""
    kept = await rig.read(await rig.read())
    await rig.read(kept, today=TODAY + timedelta(days=days))
    assert rig.directory.asked == ["", "$deltatoken", asked]


async def test_other_columns_ask_another_question(rig: Rig) -> None:
    kept = await rig.read()
    await rig.read(kept, family_name="displayName")
    await rig.read(kept, department="officeLocation")
    assert rig.directory.asked == ["", "$deltatoken", ""]


async def test_graph_is_left_alone_for_as_long_as_it_says(rig: Rig) -> None:
    """Not a moment shorter, which the server watches, and at our own pace otherwise."""
    rig.directory.page = 1
    rig.directory.busy.extend([30, None, 7, 120])
    assert len((await rig.read()).accepted) == 3
    assert [seconds for seconds in rig.waited if seconds >= 1] == [30, 7, 120]
    assert set(rig.waited) == {30, 7, 120, 0.1}


@pytest.mark.parametrize("trouble", [Fail(503), Fail(502), Fail(504, "UnknownError"), Fail(200)], ids=str)
async def test_what_fails_for_a_moment_is_asked_again(rig: Rig, trouble: Action) -> None:
    rig.server.on("usersDelta", trouble, times=3)
    assert len((await rig.read()).accepted) == 3
    assert [seconds for seconds in rig.waited if seconds >= 1] == [2, 10, 30]


async def test_a_connection_that_is_cut_is_opened_again(rig: Rig) -> None:
    """aiohttp repeats a question once by itself."""
    rig.server.on("usersDelta", Drop(), times=2)
    assert len((await rig.read()).accepted) == 3
    assert 2 in rig.waited


@pytest.mark.parametrize(
    ("trouble", "says", "longest"),
    [
        (Fail(429, "TooManyRequests", retry_after=3600), r"429 TooManyRequests.*; it asks for a pause of 3600 s, after 0 s", 0),
        (Fail(429, "TooManyRequests", retry_after=300), r"it asks for a pause of 300 s, after 900 s", 900),
        (Fail(429, "TooManyRequests"), r"429 TooManyRequests", 222),
        (Fail(503), r"lists? the people: 503", 222),
        (Drop(), r"the connection was lost", 222),
    ],
    ids=str,
)
async def test_patience_ends(rig: Rig, trouble: Action, says: str, longest: float) -> None:
    rig.server.on("usersDelta", trouble, times=None)
    with pytest.raises(TryLaterError, match=says) as caught:
        await rig.read()
    assert "nothing was changed" in str(caught.value.hint)
    assert sum(seconds for seconds in rig.waited if seconds >= 1) == longest


@pytest.mark.parametrize(
    ("trouble", "error", "says", "hint"),
    [
        (Fail(403, "Authorization_RequestDenied"), NotPermittedError, "let the app read people: 403", "User.Read.All"),
        (Fail(401, "InvalidAuthenticationToken"), NotPermittedError, "does not accept the app's token", "microsoft.graph_url"),
        (Fail(400, "Request_BadRequest"), BadDataError, "400 Request_BadRequest", "roster.columns"),
        (Fail(501, "NotImplemented"), BadDataError, "501 NotImplemented", "roster.columns"),
    ],
    ids=str,
)
async def test_what_waiting_does_not_mend_is_said_at_once(
    rig: Rig, trouble: Action, error: type[NotifierError], says: str, hint: str
) -> None:
    rig.server.on("usersDelta", trouble, times=None)
    with pytest.raises(error, match=says) as caught:
        await rig.read()
    assert hint in str(caught.value.hint)
    assert "person1" not in f"{caught.value}{caught.value.hint}"
    assert rig.waited == []


async def test_without_the_permission_it_is_named(rig: Rig) -> None:
    rig.server.roles = frozenset({"Mail.Send", "User.ReadBasic.All"})
    with pytest.raises(NotPermittedError, match="does not let the app read people") as caught:
        await rig.read()
    assert "User.Read.All" in str(caught.value.hint)


async def test_a_property_that_is_none_is_named(rig: Rig) -> None:
    with pytest.raises(BadDataError, match="does not take the question") as caught:
        await rig.read(department="costCentre")
    assert "'costCentre'" in str(caught.value.quoted)
    with pytest.raises(BadDataError, match="has no such column"):
        await rig.read(department="Cost centre")


async def test_a_tenant_that_is_none_is_named(rig: Rig) -> None:
    rig.graph = rig.server.client(rig.server.tokens(tenant="elsewhere.example.com"))
    with pytest.raises(NotPermittedError, match=r"knows no tenant elsewhere.example.com"):
        await rig.read()


async def test_no_way_to_graph_is_said_at_once(rig: Rig) -> None:
    await rig.read()
    await rig.graph.close()
    await rig.server.stop()
    with pytest.raises(TryLaterError, match="cannot be reached"):
        await rig.read()
    assert rig.waited == []


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("https://graph.example.org/v1.0/users/delta?$skiptoken=1", "leads elsewhere"),
        ("", "no link to go on with"),
        ("itself", "leads in a circle"),
    ],
)
async def test_links_are_followed_only_within_graph_and_not_for_ever(rig: Rig, link: str, says: str) -> None:
    page: dict[str, Any] = {"value": []}
    if link:
        page["@odata.nextLink"] = link.replace("itself", f"{rig.server.url}/v1.0/users/delta?$skiptoken=1")

    async def handler(_: object) -> tuple[int, dict[str, Any]]:
        return 200, page

    rig.server.routes = [replace(route, handler=handler) for route in rig.server.routes]
    with pytest.raises(TryLaterError, match=says):
        await rig.read()


async def test_a_directory_without_people_is_no_roster(rig: Rig) -> None:
    rig.directory.users.clear()
    with pytest.raises(BadDataError, match="gives nobody"):
        await rig.read()


async def test_twenty_thousand_at_the_pace_of_graph(rig: Rig) -> None:
    """With a fifth in two halves 252 requests and 25 seconds at 10 a second, and 1.1 MB kept. Then a day's changes are one."""
    crowd = [f"n{number}" for number in range(20_000 - len(rig.directory.users))]
    rig.tenant = replace(rig.tenant, id_from="employeeId")
    for number, name in enumerate((*people(await rig.read()), *crowd)):
        manager = crowd[number // 10] if number >= 10 else "zoe"
        whole = {"mail": f"{name}@example.com", "givenName": "Zoé", "surname": name, "country": "CH", "employeeId": f"{number:06}"}
        rig.directory.put(name, manager=manager, **whole)
    first = await rig.read()
    assert len(first.accepted) == 20_000
    assert 200 <= rig.made <= 260  # a fifth come in two halves, and one page is empty
    assert sum(rig.waited) == pytest.approx((rig.made - 1) / 10)
    assert len(first.snapshot or b"") < 2_000_000
    for name in crowd[:50]:
        rig.directory.put(name, department="Sales")
    rig.directory.remove(crowd[-1])
    second = await rig.read(first)
    assert rig.made == 1
    assert len(second.accepted) == 19_999
    assert sum(person.department == "Sales" for person in second.accepted) == 50
