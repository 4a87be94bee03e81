"""Forms that arrive together are recorded together, and each of them gets its own reply."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from starlette.applications import Starlette

from notifier.clock import MovedClock
from notifier.domain.links import LinkKeys
from notifier.store.database import Database
from notifier.store.tables import employees
from notifier.web.security import VISIT_COOKIE, FormProofs, new_visit
from tests.pages_rig import ANN, BEN, CAMPAIGN, KAI, LEA, NOW, ZOE, Person, Rig, add_people, pages_app


async def post(app: Starlette, rig: Rig, person: Person, path: str = "", *, read_for: float = 5, **fields: str) -> tuple[int, str]:
    """Send a form that was read for some seconds; returns the status and where the reply leads."""
    visit = new_visit()
    fetched = rig.visitors.now() - timedelta(seconds=read_for)
    proof = FormProofs(rig.keys).issue(visit=visit, campaign=CAMPAIGN.id, public_id=person.public_id, now=fetched)
    path = path or rig.path(person)
    given = {
        "content-type": "application/x-www-form-urlencoded",
        "cookie": f"{VISIT_COOKIE}={visit}",
        "sec-fetch-site": "same-origin",
        "accept-language": "en",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": urlencode({"proof": proof, **fields}).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"location", b"").decode().partition("?")[2]


async def test_each_form_of_a_group_gets_its_own_reply(database: Database) -> None:
    """Two of one person, a filter's, one in another language, one without an answer, a leaver's and a forged one."""
    add_people(database)
    rig = Rig(database, LinkKeys({1: secrets.token_bytes(32)}, 1), MovedClock(NOW), MovedClock(NOW))
    app = pages_app(rig)
    with database.write():  # nothing is written before all of them have come
        replies = [
            asyncio.create_task(coming)
            for coming in (
                post(app, rig, ANN, do="answer", answer="done"),
                post(app, rig, ZOE, do="answer", answer="no_account", lang="de"),
                post(app, rig, LEA, do="answer", answer="done"),
                post(app, rig, ANN, do="answer", answer="help"),
                post(app, rig, BEN, do="answer", answer="done", read_for=1),
                post(app, rig, KAI, do="answer"),
                post(app, rig, KAI, rig.path(KAI, version=2), do="answer", answer="done"),
                post(app, rig, KAI, do="undo", read_for=1),
                post(app, rig, ANN, do="not_me"),
            )
        ]
        for _ in range(100):  # turns of the loop: far more than a form needs to come as far as the store
            await asyncio.sleep(0)
    expected = [(303, "lang=en"), (303, "lang=de"), (410, ""), (303, "lang=en"), (303, "lang=de"), (422, ""), (404, "")]
    assert await asyncio.gather(*replies) == [*expected, (303, "said=again&lang=en"), (303, "said=not-me&lang=en")]
    assert rig.answers(ANN) == [("done", "link", "answered_again"), ("help", "link", "not_me")]
    assert rig.answers(ZOE) == [("no_account", "link", None)]
    assert rig.answers(BEN) == [("done", "provisional", None)]
    assert rig.answers(KAI) == rig.answers(LEA) == []
    with database.read() as connection:
        chosen = connection.execute(select(employees.c.key, employees.c.language_choice)).all()
    assert {key for key, language in chosen if language == "de"} == {ZOE.key}
