"""Operators sign in, in a real browser, at a real and certified OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from notifier.clock import SystemClock
from notifier.domain.operators import Role
from notifier.store import ledger, sessions
from notifier.store.database import Database
from tests.browser_rig import axe, looking, small_targets, too_wide
from tests.oidc_rig import openid_provider
from tests.pages_rig import Rig, running_pages


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Rig]:
    with openid_provider(tmp_path) as provider, running_pages(sqlite_database, provider=provider.start) as rig:
        # The provider's clock is the real one. Ours stands still, ahead of it: a token lasts an hour, and none is from the future.
        rig.visitors.move_to(SystemClock().now() + timedelta(minutes=10))
        yield rig


def sign_in(page: Page, site: Rig, who: str, path: str = "/admin/sign-in?to=/admin/people%3Fstate%3Dopen") -> None:
    page.goto(site.base_url + path)
    page.click("a.choice")
    page.click(f"button[value={who}]")
    page.wait_for_url(f"{site.base_url}/**")


def who_is_in(site: Rig) -> list[tuple[str, str, Role]]:
    with site.database.read() as connection:
        found = sessions.every_open(connection, site.visitors.now())
    return [(one.operator.subject, one.operator.name, one.operator.role) for one in found]


def test_who_has_a_role_comes_in_and_nobody_else_does(chromium: Browser, site: Rig) -> None:
    with looking(chromium, 320, ignore_https_errors=True) as page:
        page.goto(f"{site.base_url}/admin/sign-in")
        assert [*axe(page), *too_wide(page), *small_targets(page)] == []

        sign_in(page, site, "nobody")
        assert page.title() == "You were not signed in"
        assert page.context.cookies(site.base_url) == []
        assert who_is_in(site) == []

        sign_in(page, site, "olga")
        assert page.url == f"{site.base_url}/admin/people?state=open"  # where they had been going
        assert who_is_in(site) == [("olga", "Olga Officer", Role.OFFICER)]
        (cookie,) = page.context.cookies(site.base_url)
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"], cookie["expires"]) == (True, "Lax", "/", -1)

    with looking(chromium, ignore_https_errors=True) as page:
        sign_in(page, site, "nemo")
        assert page.title() == "You have no role here"
        assert len(who_is_in(site)) == 1

    with site.database.read() as connection:
        noted = [(entry.event, entry.facts) for entry in ledger.tell(connection)]
    assert noted == [
        ("sign-in refused", {"why": "no role"}),
        ("signed in", {"role": "officer", "session": 1, "through": "provider"}),
    ]
