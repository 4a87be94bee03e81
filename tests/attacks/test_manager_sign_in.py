"""A manager signs in to the page of their own team, and to nothing else; and only as whom the provider says they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import update

from notifier.delivery.nudging import Nudger
from notifier.domain.countdown import WorkingDays
from notifier.domain.operators import OPERATORS, Role
from notifier.domain.window import Window
from notifier.store import ledger, sessions
from notifier.store.database import Database
from notifier.store.tables import employees, metadata
from notifier.web import operators, team
from tests.oidc_authority import Authority, authority
from tests.pages_rig import ANN, BEN, LEA, NOW, ZOE, Answered, Rig, Visitor, running_pages
from tests.planning_rig import BY_SMTP, CAMPAIGN, planner


@pytest.fixture(scope="module", name="open_desk")
def _open_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Authority]]:
    """Zoé, whom the roster knows as e1, is the manager of Ben and Ann."""
    folder = tmp_path_factory.mktemp("managers")
    database = Database(f"sqlite:///{folder}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    nudger = Nudger(
        planner=planner(database, CAMPAIGN), window=Window.parse("09:00-17:00"), working_days=WorkingDays(), ladders=BY_SMTP
    )
    parts = (partial(team.routes, nudger=nudger),)
    with authority(folder) as one, running_pages(database, provider=one.provider, parts=parts) as rig:
        with database.write() as connection:
            reports = employees.c.key.in_([BEN.key, ANN.key])
            connection.execute(update(employees).where(reports).values(manager_id=f"e{ZOE.key}"))
        yield rig, one
    database.close()


@pytest.fixture(name="desk")
def _desk(open_desk: tuple[Rig, Authority]) -> tuple[Rig, Authority]:
    open_desk[1].be_honest()
    with open_desk[0].database.write() as connection:
        sessions.revoke(connection, NOW)
    return open_desk


def sign_in(desk: tuple[Rig, Authority], visitor: Visitor, to: str = "", **claims: object) -> Answered:
    rig, provider = desk
    provider.claims = {"roles": [], "sub": "77", "name": "Zoé Exemple", **claims}
    provider.visit(visitor, rig.visitors.now(), to)
    return provider.come_back(visitor)


def token_of(page: Answered) -> str:
    """What the page's forms prove that they are of this session with."""
    return page.body.partition(f'name="{operators.FORM_FIELD}" value="')[2].partition('"')[0]


def test_a_manager_comes_to_their_own_team_and_no_further(desk: tuple[Rig, Authority]) -> None:
    visitor = Visitor(desk[0])
    entered = sign_in(desk, visitor, to="/admin", oid="e1")
    assert (entered.status, entered.headers["location"]) == (303, "/team")
    page = visitor.get("/team?lang=en")
    assert (page.status, page.title) == (200, "Your team")
    assert "Ann Example" in page.text
    with desk[0].database.read() as connection:
        (session,) = sessions.every_open(connection, NOW)
    assert session.operator.role is Role.MANAGER
    assert not any(Role.MANAGER.includes(role) for role in OPERATORS)


def test_a_manager_signs_out(desk: tuple[Rig, Authority]) -> None:
    visitor = Visitor(desk[0])
    sign_in(desk, visitor, oid="e1")
    token = token_of(visitor.get("/team"))
    assert visitor.post("/admin/sign-out", {operators.FORM_FIELD: token}).status == 303
    assert visitor.get("/team").status == 303


@pytest.mark.parametrize("oid", [None, "", "e99", f"e{LEA.key}", ["e1"], 1, "zoé@example.com", "E1"])
def test_whoever_is_not_in_the_roster_by_their_id_is_not_let_in(desk: tuple[Rig, Authority], oid: object) -> None:
    """Somebody unknown, somebody who has left, an address in place of an id, another case, other types."""
    visitor = Visitor(desk[0])
    assert sign_in(desk, visitor, oid=oid, email="zoé@example.com").status == 403
    assert visitor.get("/team").status == 303  # to the sign-in


def test_an_officer_who_is_in_the_roster_finds_their_team_too(desk: tuple[Rig, Authority]) -> None:
    visitor = Visitor(desk[0])
    assert sign_in(desk, visitor, to="/team", oid="e1", roles=["chiefs"]).headers["location"] == "/team"
    assert "Ann Example" in visitor.get("/team").text


def test_an_officer_who_is_not_is_told_so(desk: tuple[Rig, Authority]) -> None:
    visitor = Visitor(desk[0])
    sign_in(desk, visitor, to="/team", roles=["chiefs"])
    page = visitor.get("/team?lang=en")
    assert (page.status, page.title) == (404, "We do not know which team is yours")


def test_a_form_needs_the_token_of_this_session_and_our_own_page(desk: tuple[Rig, Authority]) -> None:
    rig, _ = desk
    visitor, other = Visitor(rig), Visitor(rig)
    sign_in(desk, other, oid="e1")
    foreign = token_of(other.get("/team"))
    sign_in(desk, visitor, oid="e1")
    own = token_of(visitor.get("/team"))
    form = {"do": "not-mine", "person": BEN.public_id}
    for fields, headers in (
        ({}, {}),
        ({operators.FORM_FIELD: foreign}, {}),
        ({operators.FORM_FIELD: own}, {"Sec_Fetch_Site": "cross-site"}),
    ):
        assert visitor.post("/team", form | fields, **headers).status == 403

    assert visitor.post("/team", form | {operators.FORM_FIELD: own}).headers["location"] == "team?said=not-mine"
    with rig.database.read() as connection:
        entry = next(ledger.tell(connection))
    assert (entry.event, entry.actor, entry.employee_key) == ("not in the team", "manager e1", BEN.key)


def test_who_leaves_the_roster_is_out(desk: tuple[Rig, Authority]) -> None:
    rig, _ = desk
    visitor = Visitor(rig)
    sign_in(desk, visitor, oid="e1")
    with rig.database.write() as connection:
        connection.execute(update(employees).where(employees.c.key == ZOE.key).values(active=False))
    try:
        assert visitor.get("/team").status == 410
    finally:
        with rig.database.write() as connection:
            connection.execute(update(employees).where(employees.c.key == ZOE.key).values(active=True))
