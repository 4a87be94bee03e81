"""The API: what it says is what it describes, whom it tells what, and what it answers to whoever has no token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from starlette.routing import Route

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.operators import Role
from notifier.store import acknowledgements, api_clients, ledger
from notifier.store.database import Database
from notifier.store.tables import acknowledgements as answers
from notifier.store.tables import deliveries, employees, metadata
from notifier.summary.board import Board
from notifier.web import api
from notifier.web.site import Site
from tests.json_schema import Checker
from tests.pages_rig import ANN, BEN, CAMPAIGN, NOW, PEOPLE, ZOE, Answered, Rig, Visitor, running_pages

PROGRESS = f"/api/v1/campaigns/{CAMPAIGN.id}/progress"
DELIVERIES = f"/api/v1/campaigns/{CAMPAIGN.id}/deliveries"


def _routes(site: Site) -> list[Route]:
    zone = ZoneInfo("Europe/Zurich")
    return api.routes(site, board=Board(site.database, zone=zone, minimum_group=10, schedule_of=lambda *_: ()))


@dataclass
class Program:
    """A program with a token, or without."""

    site: Rig
    token: str | None

    def get(self, path: str, method: str = "GET", **headers: str) -> Answered:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Visitor(self.site).send(method, path, None, {**authorization, **named})

    def data(self, path: str) -> Any:
        """What it says, checked against what the document says that it says."""
        answered = self.get(path)
        assert (answered.status, answered.headers["content-type"]) == (200, "application/json"), answered.body
        assert answered.headers["cache-control"] == "no-store"
        data = json.loads(answered.body)
        assert list(Checker(document(self.site)).wrong(data, schema_of(self.site, path, "200"))) == []
        return data


def document(site: Rig) -> Any:
    return json.loads(Visitor(site).get("/api/v1/openapi.json").body)


def schema_of(site: Rig, path: str, status: str) -> Any:
    described = path.partition("?")[0].removeprefix("/api/v1").replace(CAMPAIGN.id, "{id}").replace("nothing", "{id}")
    (content,) = document(site)["paths"][described]["get"]["responses"][status]["content"].values()
    return content["schema"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('api')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with running_pages(database, parts=[_routes]) as rig:
        for person in (ZOE, BEN, ANN):
            rig.hand_over(person)
        with database.write() as connection:
            told = {"reply": "250 2.1.5 <ann@example.com> ok", "reason": "as <ann@example.com> wished"}
            connection.execute(update(deliveries).where(deliveries.c.employee_key == ANN.key).values(told))
            for person, answer in ((ZOE, Answer.DONE), (BEN, Answer.HELP)):
                given = {"campaign": CAMPAIGN.id, "employee_key": person.key, "answer": answer, "assurance": Assurance.LINK}
                acknowledgements.record(connection, **given, channel="page", receipt_channel="smtp", now=NOW)
        yield rig
    database.close()


def program(site: Rig, role: Role) -> Program:
    name = f"{role}-{len(_named)}"
    _named.append(name)
    with site.database.write() as connection:
        return Program(site, api_clients.add(connection, name, role=role, made_by="root@mail", now=NOW))


_named: list[str] = []


def test_the_figures_are_those_of_the_store(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    (campaign,) = viewer.data("/api/v1/campaigns")["campaigns"]
    assert (campaign["id"], campaign["deadline"], campaign["closes_on"]) == (CAMPAIGN.id, "2025-11-03", "2026-02-01")
    said = viewer.data(PROGRESS)
    with site.database.read() as connection:
        active = connection.scalar(select(func.count()).where(employees.c.active))
        settled = connection.scalar(select(func.count()).where(answers.c.settles, answers.c.revoked_at.is_(None)))
    assert (said["people"], said["settled"], said["open"]) == (active, settled, 3)
    assert (said["by_answer"]["done"], said["by_answer"]["help"], said["by_assurance"]["link"]) == (1, 1, 2)
    assert said["by_country"] == []  # four people are no figure of their own
    assert (said["days_left"], said["reminders"]["accepted"]) == (19, 3)


def test_a_viewer_sees_no_person(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    said = [viewer.get(path).body for path in ("/api/v1/campaigns", PROGRESS, DELIVERIES)]
    for person in PEOPLE:
        assert not any(word in body for body in said for word in (person.given_name, person.family_name, f'"e{person.key}"'))
    assert "@example.com" not in said[2]
    assert {one["person"] for one in viewer.data(DELIVERIES)["deliveries"]} == {None}


def test_an_officer_sees_persons_and_it_is_in_the_ledger(site: Rig) -> None:
    officer = program(site, Role.OFFICER)
    said = officer.data(f"{DELIVERIES}?state=accepted")["deliveries"]
    assert sorted(one["person"]["email"] for one in said) == ["ann@example.com", "benjamin@example.com", "zoé@example.com"]
    assert any("ann@example.com" in (one["reply"] or "") for one in said)
    with site.database.read() as connection:
        newest = next(iter(ledger.tell(connection)))
    assert (newest.event, dict(newest.facts)) == (
        "api read persons",
        {"client": _named[-1], "state": "accepted", "deliveries": 3},
    )


def test_pages_follow_one_another_without_gap_or_repeat(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    whole = [one["id"] for one in viewer.data(DELIVERIES)["deliveries"]]
    found, cursor = [], ""
    while True:
        said = viewer.data(f"{DELIVERIES}?limit=2{cursor}")
        found += [one["id"] for one in said["deliveries"]]
        if said["next"] is None:
            break
        cursor = f"&cursor={said['next']}"
    assert found == whole == sorted(whole, reverse=True)
    assert len(found) == 4  # three reminders and a receipt; "help" has none


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=many", "cursor=-1", "cursor=", "state=gone", "limit=²"])
def test_a_parameter_that_cannot_be_used_is_named(site: Rig, query: str) -> None:
    told = program(site, Role.VIEWER).get(f"{DELIVERIES}?{query}".replace("²", "%C2%B2"))
    problem(site, told, 400, DELIVERIES)
    assert query.partition("=")[0] in told.body


def problem(site: Rig, told: Answered, status: int, path: str) -> None:
    """RFC 9457."""
    assert (told.status, told.headers["content-type"]) == (status, "application/problem+json")
    data = json.loads(told.body)
    assert data["status"] == status
    assert list(Checker(document(site)).wrong(data, schema_of(site, path, str(status)))) == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer notifier_guess", "Basic bm90aWZpZXI6", "Token"])
def test_without_a_token_nothing_is_told(site: Rig, header: str) -> None:
    told = Program(site, None).get(PROGRESS, Authorization=header)
    problem(site, told, 401, PROGRESS)
    assert told.headers["www-authenticate"].startswith('Bearer realm="notifier"')


def test_a_revoked_token_tells_nothing(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    assert viewer.get(PROGRESS).status == 200
    with site.database.write() as connection:
        assert [one.seen_on for one in api_clients.every(connection) if one.name == _named[-1]] == [NOW.date()]
        api_clients.revoke(connection, _named[-1], NOW)
    assert viewer.get(PROGRESS).status == 401


def test_guessing_is_slowed_down_and_a_good_token_is_not(site: Rig) -> None:
    site.wait(120)
    viewer, guesser = program(site, Role.VIEWER), Program(site, "notifier_" + "A" * 43)
    statuses = [guesser.get(PROGRESS).status for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    assert viewer.get(PROGRESS).status == 200
    problem(site, guesser.get(PROGRESS), 429, PROGRESS)
    site.wait(120)


def test_what_is_known_already_is_not_sent_again(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    first = viewer.get("/api/v1/campaigns")
    again = viewer.get("/api/v1/campaigns", If_None_Match=f'"other", W/{first.headers["etag"]}')
    assert (again.status, again.body, again.headers["etag"]) == (304, "", first.headers["etag"])


def test_what_is_not_there_is_said_as_a_problem(site: Rig) -> None:
    viewer = program(site, Role.VIEWER)
    problem(site, viewer.get("/api/v1/campaigns/nothing/progress"), 404, "/api/v1/campaigns/nothing/progress")
    assert [viewer.get(path).status for path in ("/api/v2/campaigns", "/api/v1/people")] == [404, 404]
    refused = viewer.get("/api/v1/campaigns", "DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert viewer.get("/api/v1/campaigns", "HEAD").status == 200


def test_the_document_describes_every_address(site: Rig) -> None:
    said = document(site)
    assert said["openapi"].startswith("3.1.")
    ours = {one.path for one in site.routes if isinstance(one, Route) and one.path.startswith("/api/v1/")}
    described = {"/api/v1" + path.replace("{id}", "{campaign}") for path in said["paths"]}
    assert ours - described == {"/api/v1/openapi.json"}
    assert all(path["get"]["security"] if "security" in path["get"] else said["security"] for path in said["paths"].values())
