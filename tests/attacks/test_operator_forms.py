"""Forms of operators: nothing is done that another site asked for, or that is sent without a session (promise S11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from notifier.delivery.nudging import Nudger
from notifier.delivery.outlook import Outlook
from notifier.domain.countdown import WorkingDays
from notifier.domain.operators import Role
from notifier.domain.window import Window
from notifier.store import ledger, sessions
from notifier.store.database import Database
from notifier.store.tables import metadata
from notifier.summary.board import Board
from notifier.web import dashboard, operators, team
from notifier.web.dashboard import Desk
from notifier.web.site import Site
from tests.operators_rig import sign_in
from tests.pages_rig import CAMPAIGN, NOW, TEMPLATES, Answered, Rig, Visitor, running_pages
from tests.planning_rig import BY_SMTP, planner

OFFICERS = "/admin/for-officers"
ELSEWHERE = {
    "another site": {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
    "a neighbour": {"Sec_Fetch_Site": "same-site", "Origin": "https://mail.example.com"},
    "nobody": {"Sec_Fetch_Site": "", "Origin": "null"},
    "another site, an old browser": {"Sec_Fetch_Site": "", "Origin": "https://evil.example"},
    "no word of it": {"Sec_Fetch_Site": "", "Origin": ""},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('forms')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with running_pages(database, parts=_every_part(database)) as rig:
        rig.routes.append(_for_officers(rig))
        yield rig
    database.close()


def _every_part(database: Database) -> tuple[Callable[[Site], Sequence[Route]], ...]:
    """All that operators and managers have forms on."""
    ladders, window, days = BY_SMTP, Window.parse("09:00-17:00"), WorkingDays()
    plans = planner(database, CAMPAIGN)
    nudger = Nudger(planner=plans, window=window, working_days=days, ladders=ladders)
    outlook = Outlook((CAMPAIGN,), plans.schedule_of, ladders, {}, window, days, "en")
    zone = ZoneInfo("Europe/Zurich")
    board = Board(database, zone=zone, minimum_group=10, schedule_of=plans.schedule_of)
    desk = Desk(zone, (TEMPLATES,), outlook, board, 10, "roster.csv", "every day 05:00")
    return partial(dashboard.routes, desk=desk), partial(team.routes, nudger=nudger)


def _for_officers(rig: Rig) -> Route:
    """A page that takes a role, whatever pages there are."""
    ours = next(one for one in rig.routes if isinstance(one, Route) and one.path == "/admin/sign-out")
    (parts,) = ours.endpoint.args

    async def show(request: Request) -> Response:
        await operators.require(parts, request, Role.OFFICER)
        return Response("in")

    return Route(OFFICERS, show)


def admin(site: Rig, role: Role = Role.ADMIN) -> Visitor:
    visitor = Visitor(site)
    visitor.cookies |= sign_in(site.database, site.base_url, site.visitors.now(), role)
    return visitor


def forms(site: Rig) -> list[str]:
    """The address of every form of operators, with something in each gap."""
    found = [one.path for one in site.routes if isinstance(one, Route) and "POST" in (one.methods or ())]
    return [re.sub(r"\{[^}]*\}", "1", path) for path in found if path.startswith(("/admin", "/team"))]


def acts(site: Rig) -> int:
    with site.database.read() as connection:
        return sum(1 for _ in ledger.tell(connection))


@pytest.mark.parametrize("where", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_nothing_is_done_for_another_site(site: Rig, where: dict[str, str]) -> None:
    """Not with a session that the browser would send along, and not without."""
    before, signed_in, stranger = acts(site), admin(site), Visitor(site)
    assert {"/admin/sign-out", "/admin/stop", "/admin/people/1/1", "/team"} < set(forms(site))
    refused = [visitor.post(path, {}, **where).status for path in forms(site) for visitor in (signed_in, stranger)]
    assert set(refused) == {403}
    assert acts(site) == before


def test_nothing_is_done_without_the_token_of_the_session(site: Rig) -> None:
    """A link of `admin link` needs none: there is no session yet, and what it proves stands in its address."""
    before, visitor = acts(site), admin(site)
    mine = [path for path in forms(site) if not path.startswith("/admin/link/")]
    for given in ({}, {operators.FORM_FIELD: ""}, {operators.FORM_FIELD: "A" * 43}, {operators.FORM_FIELD: "é"}):
        assert {path: visitor.post(path, given).status for path in mine} == dict.fromkeys(mine, 403)
    assert {visitor.post(path, {}).status for path in mine} == {403}
    assert {Visitor(site).post(path, {}).status for path in mine} == {403}
    assert acts(site) == before


def form_of(page: Answered) -> dict[str, str]:
    return dict(re.findall(r'name="(form_token)" value="([^"]+)"', page.body))


def test_a_form_of_ones_own_page_works_and_only_in_ones_own_session(site: Rig) -> None:
    """`Door.ROLE`, the page for somebody with too low a role, has a form to sign out with."""
    viewer, other = admin(site, Role.VIEWER), admin(site, Role.VIEWER)
    page = viewer.get(OFFICERS)
    assert (page.status, page.title) == (403, "This is not open to you")
    assert other.post("/admin/sign-out", form_of(page)).status == 403
    for where in ELSEWHERE.values():
        assert viewer.post("/admin/sign-out", form_of(page), **where).status == 403
    assert viewer.post("/admin/sign-out", form_of(page)).status == 303
    assert viewer.get(OFFICERS).headers["location"] == "/admin/sign-in?to=%2Fadmin%2Ffor-officers"
    assert other.get(OFFICERS).status == 403


def test_looking_at_a_link_uses_nothing_up(site: Rig) -> None:
    with site.database.write() as connection:
        path = "/admin/link/" + sessions.make_link(connection, role=Role.OFFICER, made_by="root@mail", now=site.visitors.now())
    filter_of_links, visitor = Visitor(site), Visitor(site)
    assert [filter_of_links.get(path, method).status for method in ("HEAD", "GET", "GET")] == [200, 200, 200]
    assert visitor.post(path, {}).headers["location"] == "/admin"
    assert [one.post(path, {}).status for one in (visitor, filter_of_links)] == [410, 410]
    with site.database.read() as connection:
        held = visitor.cookies[operators.cookie_name(site.base_url)]
        session = sessions.find(connection, held, site.visitors.now())
    assert session is not None
    assert (session.operator.issuer, session.operator.subject, session.operator.role) == ("notifier", "root@mail", Role.OFFICER)


def test_behind_https_the_cookie_is_bound_to_the_host() -> None:
    assert operators.cookie_name("https://notifier.example.com") == "__Host-notifier"
    assert operators.cookie_name("http://127.0.0.1:8080") == "notifier_operator"


def test_a_session_that_is_too_old_leads_to_the_sign_in(site: Rig) -> None:
    visitor = admin(site)
    site.visitors.move_to(NOW + timedelta(hours=3))
    try:
        assert visitor.get(OFFICERS).status == 303
    finally:
        site.visitors.move_to(NOW)
