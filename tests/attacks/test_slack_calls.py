"""Promise S9: a call that Slack did not make, made too long ago, or made before, gets 401 and changes nothing. Nothing raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from notifier.store.database import Database
from notifier.store.tables import metadata
from tests.delivery_rig import NOW
from tests.slack_rig import Company, company, form, signed, told, value_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENUINE = form(told(0))
HEADERS = signed(GENUINE, NOW)
STAMP, CODE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
DEEP = "[" * 100_000

# What is wrong with each: the headers that differ (None: missing), and the body that comes with them.
FORGED: dict[str, tuple[Mapping[str, str | None], bytes]] = {
    "no headers": ({STAMP: None, CODE: None}, GENUINE),
    "no time": ({STAMP: None}, GENUINE),
    "no code": ({CODE: None}, GENUINE),
    "an empty code": ({CODE: ""}, GENUINE),
    "a code of nothing": ({CODE: "v0="}, GENUINE),
    "a code of another length": ({CODE: HEADERS[CODE][:-1]}, GENUINE),
    "another version of the code": ({CODE: HEADERS[CODE].replace("v0", "v1")}, GENUINE),
    "the code in capitals": ({CODE: "v0=" + HEADERS[CODE][3:].upper()}, GENUINE),
    "the code of another secret": (signed(GENUINE, NOW, "a" * 32), GENUINE),
    "the code of another body": (HEADERS, GENUINE + b"&x=1"),
    "the code of an empty secret": (signed(GENUINE, NOW, ""), GENUINE),
    "the code of another time": ({STAMP: str(int(HEADERS[STAMP]) + 1)}, GENUINE),
    "301 seconds old": (signed(GENUINE, NOW - timedelta(seconds=301)), GENUINE),
    "301 seconds ahead": (signed(GENUINE, NOW + timedelta(seconds=301)), GENUINE),
    "a time of words": ({STAMP: "yesterday"}, GENUINE),
    "a time of a fraction": ({STAMP: HEADERS[STAMP] + ".5"}, GENUINE),
    "a time below zero": ({STAMP: "-1"}, GENUINE),
    "no number": ({STAMP: "NaN"}, GENUINE),
    "a time without end": ({STAMP: "9" * 5000}, GENUINE),
    "the last time there is": ({STAMP: "9999999999"}, GENUINE),
}
UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "no form": json.dumps(told(0)).encode(),
    "no payload": urlencode({"other": "1"}).encode(),
    "no JSON": b"payload=%7Bbroken",
    "null": b"payload=null",
    "no UTF-8": b"payload=\xff\xfe",
    "no UTF-8 behind per cent": b"payload=%ff%fe",
    "too deep": urlencode({"payload": DEEP}).encode(),
    "too long a number": urlencode({"payload": "9" * 5000}).encode(),
    "too many fields": b"&".join(b"f%d=1" % number for number in range(1000)),
    "too large": b"payload=" + b"a" * 513 * 1024,
}
# Slack tells of it, and it concerns nobody here: answered, and nothing is changed.
LEFT_ALONE: dict[str, Any] = {
    "a list": [told(0)],
    "a number": 7,
    "no type": {},
    "a form": told(0) | {"type": "view_submission"},
    "no actions": told(0) | {"actions": []},
    "actions of another shape": told(0) | {"actions": {"action_id": "undo"}},
    "an action of another shape": told(0) | {"actions": ["undo"]},
    "no user": told(0) | {"user": None},
    "a user of another shape": told(0) | {"user": {"id": ["U00000000"]}},
    "a link that was opened": told(0, "open"),
    "an answer that is none": told(0, "answer:maybe"),
    "an action of another app": told(0, "approve"),
    "a value of another app": told(0, value="42"),
    "a value with more behind it": told(0, value=value_of(0) + "x"),
    "somebody else's message": told(0, value=value_of(1)),
    "nobody's message": told(0, value=value_of(99)),
    "another campaign": told(0, value=value_of(0, "another")),
    "nobody of the roster": told(99),
    "a time that is none": told(0) | {"actions": [told(0)["actions"][0] | {"action_ts": "soon"}]},
    "a time of another shape": told(0) | {"actions": [told(0)["actions"][0] | {"action_ts": 1.5}]},
}
OTHER_TEAMS: dict[str, Any] = {
    "another workspace": told(0, team="T0EVIL"),
    "another organisation": told(0, team="T0EVIL") | {"enterprise": {"id": "E0EVIL", "name": "x"}},
    "no workspace": {name: part for name, part in told(0, user={"id": "U00000000"}).items() if name not in {"team", "enterprise"}},
    "a workspace of another shape": told(0) | {"user": {"id": "U00000000", "team_id": 7}},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    """One for all: nearly nothing here changes anything, and what does is about people of its own."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('slack')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    async with company(database, 6) as one:
        yield one
    database.close()


async def unchanged(here: Company, calls: Callable[[], AsyncIterator[tuple[str, int]]], status: int) -> None:
    """Each of the calls gets the status, and all of them together change nothing."""
    before = here.contents()
    found = {name: got async for name, got in calls()}
    assert {name: got for name, got in found.items() if got != status} == {}
    assert here.contents() == before
    assert found


async def test_a_genuine_call_is_believed(here: Company) -> None:
    """Else nothing below means anything."""
    body = form(told(2))
    assert await here.call_raw(body, signed(body, NOW)) == 200
    assert here.answers(2) == [("done", "slack", "slack", None)]


async def test_a_call_that_is_just_fresh_is_believed(here: Company) -> None:
    for person, seconds in ((3, -300), (4, 300)):
        assert await here.call(told(person), at=NOW + timedelta(seconds=seconds)) == 200
        assert len(here.answers(person)) == 1


async def test_what_is_not_proved_changes_nothing(here: Company) -> None:
    async def calls() -> AsyncIterator[tuple[str, int]]:
        for name, (differing, body) in FORGED.items():
            headers = {key: value for key, value in {**HEADERS, **differing}.items() if value is not None}
            yield name, await here.call_raw(body, headers)

    await unchanged(here, calls, 401)


async def test_what_cannot_be_read_changes_nothing(here: Company) -> None:
    """Even with a good code over it."""

    async def calls() -> AsyncIterator[tuple[str, int]]:
        for name, body in UNREADABLE.items():
            yield name, await here.call_raw(body, signed(body, NOW))

    await unchanged(here, calls, 401)


async def test_headers_that_are_no_text_change_nothing(here: Company) -> None:
    async def calls() -> AsyncIterator[tuple[str, int]]:
        for name in (STAMP, CODE):
            for hostile in (b"\xff\xfe", "é".encode(), b"v0=\xc3\xa9", "٣".encode(), "²".encode("latin-1"), b"v0=" + b"\xb2" * 64):
                headers = {key: value.encode() for key, value in HEADERS.items()} | {name: hostile}
                yield f"{name}: {hostile!r}", await raw_call(here.port, headers, GENUINE)

    await unchanged(here, calls, 401)


async def test_a_call_from_another_workspace_changes_nothing(here: Company) -> None:
    async def calls() -> AsyncIterator[tuple[str, int]]:
        for name, payload in OTHER_TEAMS.items():
            yield name, await here.call(payload)

    await unchanged(here, calls, 401)


async def test_what_concerns_nobody_here_is_left_alone(here: Company) -> None:
    async def calls() -> AsyncIterator[tuple[str, int]]:
        for name, payload in LEFT_ALONE.items():
            yield name, await here.call(payload)

    await unchanged(here, calls, 200)


async def test_a_call_that_was_recorded_brings_nothing_back(here: Company) -> None:
    """The answer was taken back; who recorded the calls sends each of them again, while they are fresh."""
    recorded = []
    for seconds, action in enumerate(("answer:done", "undo", "answer:done", "answer:done", "undo")):
        body = form(told(5, action, at=NOW + timedelta(seconds=seconds)))
        recorded.append((body, signed(body, NOW)))
        assert await here.call_raw(*recorded[-1]) == 200

    async def calls() -> AsyncIterator[tuple[str, int]]:
        for number, call in enumerate(recorded):
            yield str(number), await here.call_raw(*call)

    await unchanged(here, calls, 401)
    assert [revoked for *_, revoked in here.answers(5)] == ["undone", "undone"]


async def test_a_campaign_that_is_over_takes_no_answer(here: Company) -> None:
    over = NOW + timedelta(days=121)

    async def calls() -> AsyncIterator[tuple[str, int]]:
        yield "over", await here.call(told(0, at=over))

    here.house.clock.move_to(over)
    try:
        await unchanged(here, calls, 200)
    finally:
        here.house.clock.move_to(NOW)


async def test_no_other_method_is_known(here: Company) -> None:
    assert {await raw_call(here.port, {}, b"", method) for method in ("GET", "PUT", "DELETE")} == {405}


async def raw_call(port: int, headers: Mapping[str, bytes], body: bytes, method: str = "POST") -> int:
    """A call with headers that no client would send. Returns the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} /slack/actions HTTP/1.1".encode(), b"Host: x", b"Connection: close", b"Content-Length: %d" % len(body)]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    writer.write(b"\r\n".join([*lines, b"", body]))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1])
