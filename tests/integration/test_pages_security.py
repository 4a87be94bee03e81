"""Promises S1, S2, S11 and part of R18: what links, robots and other sites can not do."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from notifier.store.database import Database
from notifier.web.security import FORM_VALID
from tests.pages_rig import ANN, BEN, CAMPAIGN, Answered, Rig, Visitor, running_pages

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def pages(sqlite_database: Database) -> Iterator[Rig]:
    with running_pages(sqlite_database) as rig:
        yield rig


def ready_form(rig: Rig, visitor: Visitor, answer: str = "done") -> dict[str, str]:
    """A form that would be accepted as it is."""
    page = visitor.get(rig.path(ANN))
    rig.wait(5)
    return {"proof": page.proof, "do": "answer", "answer": answer}


def test_every_response_carries_the_headers(pages: Rig) -> None:
    for path, status in ((pages.path(ANN), 200), ("/", 200), ("/nowhere", 404), ("/healthz", 200), ("/readyz", 503)):
        headers = Visitor(pages).get(path)
        assert headers.status == status
        assert headers.headers["cache-control"] == "no-store"
        assert headers.headers["x-robots-tag"].startswith("noindex")
        assert headers.headers["referrer-policy"] == "same-origin"
        assert headers.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in headers.headers["content-security-policy"]
        assert headers.headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers.headers


def test_the_cookie_is_kept_from_scripts_and_other_sites(pages: Rig) -> None:
    cookie = Visitor(pages).get(pages.path(ANN)).headers["set-cookie"]
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "path=/a", "samesite=lax"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "", "Origin": ""},
    ],
)
def test_a_form_from_elsewhere_does_nothing(pages: Rig, headers: dict[str, str]) -> None:
    """Promise S11. An empty value here means that the header is not sent."""
    visitor = Visitor(pages)
    refused = visitor.post(pages.path(ANN), ready_form(pages, visitor), **headers)
    assert refused.status == 403
    assert pages.answers(ANN) == []


def test_a_browser_that_only_sends_its_origin_is_heard(pages: Rig) -> None:
    visitor = Visitor(pages)
    assert visitor.post(pages.path(ANN), ready_form(pages, visitor), **{"Sec-Fetch-Site": ""}).status == 303


def test_a_form_needs_the_proof_and_the_cookie_of_its_own_page(pages: Rig) -> None:
    visitor = Visitor(pages)
    form = ready_form(pages, visitor)
    someone_else, nobody = Visitor(pages), Visitor(pages)
    someone_else.get(pages.path(ANN))
    other_person = visitor.get(pages.path(BEN)).proof
    flipped = base64.urlsafe_b64decode(form["proof"])
    tries = [
        nobody.post(pages.path(ANN), form),
        someone_else.post(pages.path(ANN), form),
        visitor.post(pages.path(ANN), {**form, "proof": ""}),
        visitor.post(pages.path(ANN), {**form, "proof": "A" * 32}),
        visitor.post(pages.path(ANN), {**form, "proof": "é" * 32}),
        visitor.post(pages.path(ANN), {**form, "proof": other_person}),
        visitor.post(pages.path(ANN), {**form, "proof": base64.urlsafe_b64encode(bytes([flipped[0] ^ 1]) + flipped[1:]).decode()}),
        visitor.post(pages.path(ANN), {"do": "answer", "answer": "done"}),
    ]
    assert [answered.status for answered in tries] == [403] * len(tries)
    assert "Please answer once more" in tries[0].text
    assert pages.answers(ANN) == []
    assert visitor.post(pages.path(ANN), form).status == 303


def test_a_form_is_good_for_some_hours(pages: Rig) -> None:
    visitor = Visitor(pages)
    form = ready_form(pages, visitor)
    pages.visitors.move_to(pages.visitors.now() + FORM_VALID - timedelta(seconds=6))
    assert visitor.post(pages.path(ANN), form).status == 303
    pages.visitors.move_to(pages.visitors.now() + timedelta(seconds=1))
    assert visitor.post(pages.path(ANN), form).status == 403


def test_no_forged_or_foreign_token_opens_a_page(pages: Rig) -> None:
    """Promise S1, through the front door: flipped bits, other campaign, other version, other person's code."""
    good = pages.path(ANN).rpartition("/")[2]
    raw = base64.urlsafe_b64decode(good)
    generator = random.Random(7)
    forged = []
    for _ in range(40):
        flipped = bytearray(raw)
        flipped[generator.randrange(len(raw))] ^= 1 << generator.randrange(8)
        forged.append(base64.urlsafe_b64encode(flipped).decode())
    forged += [pages.path(ANN, campaign="another").rpartition("/")[2], pages.path(ANN, version=2).rpartition("/")[2]]
    forged.append(base64.urlsafe_b64encode(raw[:1] + base64.urlsafe_b64decode(BEN.public_id + "==") + raw[17:]).decode())
    statuses = set()
    for token in forged:
        statuses.add(Visitor(pages).get(f"/a/{CAMPAIGN.id}/{token}").status)
        pages.wait(60)
    assert statuses == {404}


def test_a_voided_link_opens_nothing(pages: Rig) -> None:
    pages.void_links(ANN)
    assert Visitor(pages).get(pages.path(ANN)).status == 404
    assert Visitor(pages).get(pages.path(ANN, version=2)).status == 200


def test_only_bad_links_are_limited(pages: Rig) -> None:
    """Twenty a minute, whatever the address claims to be; a whole company behind the same one goes on answering."""
    visitor = Visitor(pages)
    bad = f"/a/{CAMPAIGN.id}/{'A' * 44}"
    statuses = [visitor.get(bad, **{"X-Forwarded-For": f"198.51.100.{number}"}).status for number in range(25)]
    assert statuses == [404] * 20 + [429] * 5
    assert visitor.get(bad).headers["retry-after"] == "60"
    assert visitor.get(pages.path(ANN)).status == 200
    assert visitor.submit(pages.path(ANN), answer="done").status == 200
    pages.wait(60)
    assert visitor.get(bad).status == 404


def robot_presses_everything(rig: Rig, pause: float) -> Answered:
    """What mail filters do and worse: HEAD, GET, the form as it stands, then every button and answer there is."""
    robot = Visitor(rig)
    path = rig.path(ANN)
    robot.get(path, method="HEAD")
    page = robot.get(path)
    robot.post(path, {"proof": page.proof})
    for fields in (
        {"do": "answer"},
        *({"do": "answer", "answer": answer} for answer in ("done", "already_off", "no_account", "prefer_not_to_say", "help")),
        {"do": "undo"},
        {"do": "not_me"},
        {"do": "answer", "answer": "done"},
    ):
        page = robot.get(path)
        rig.wait(pause)
        robot.post(path, {"proof": page.proof, **fields})
    return robot.get(path)


@pytest.mark.parametrize("pause", [0, 0.5, 1.9])
def test_a_robot_without_patience_settles_nothing(pages: Rig, pause: float) -> None:
    """Promise S2: it presses every button within two seconds of each page, long after the mail came."""
    seen = robot_presses_everything(pages, pause)
    assert pages.settled() == 0
    assert "Please confirm your answer" in seen.text


@pytest.mark.parametrize("pause", [0, 3, 5])
def test_a_robot_that_waits_is_caught_by_the_first_minute(pages: Rig, pause: float) -> None:
    """Promise S2: nine forms, within a minute of the mail."""
    pages.hand_over(ANN)
    robot_presses_everything(pages, pause)
    assert pages.settled() == 0


def test_a_robot_disturbs_no_real_answer(pages: Rig) -> None:
    """The receipt holds the link too, and is scanned like any mail."""
    Visitor(pages).submit(pages.path(ANN), answer="done")
    robot_presses_everything(pages, 0.5)
    assert pages.answers(ANN) == [("done", "link", None)]


def test_a_person_confirms_a_provisional_answer_in_one_press(pages: Rig) -> None:
    pages.hand_over(ANN)
    pages.wait(20)
    person = Visitor(pages)
    asked_again = person.submit(pages.path(ANN), answer="no_account")
    assert "Please confirm your answer" in asked_again.text
    assert "I have no LinkedIn account" in asked_again.text
    pages.wait(60)
    assert "Recorded" in person.submit(pages.path(ANN), answer="no_account").text
    assert pages.answers(ANN) == [("no_account", "provisional", "answered_again"), ("no_account", "link", None)]


def status(visitor: Visitor, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
    """What is answered; who is turned away before the body is read may find the connection reset in place of the 400."""
    try:
        return visitor.send(method, path, body, headers).status
    except ConnectionResetError:
        return 400


def test_no_hostile_request_is_a_failure_of_ours(pages: Rig) -> None:
    """Part of promise R18."""
    visitor = Visitor(pages)
    form = ready_form(pages, visitor)
    path = pages.path(ANN)
    bodies = [
        b"",
        b"\xff\xfe",
        b"%ff%fe=%00",
        b"&" * 5000,
        b"a=1&" * 100,
        b"=" * 8000,
        b"proof=" + b"\x00" * 50,
        b"{}",
        b"answer=done;proof=x",
    ]
    statuses = {visitor.send("POST", path, body, FORM).status for body in bodies}
    for headers in (
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "\x00"},
    ):
        statuses.add(status(visitor, "POST", path, b"answer=done", FORM | headers))
    for headers in (
        {"Cookie": "notifier_visit=" + "A" * 5000},
        {"Cookie": "\xff=\xfe; ;;=;\x01"},
        {"Accept-Language": ",;q=;;q=nan,en;q=inf,-;q=1e999," * 50},
        {"Accept-Language": "\xff\xfe"},
        {"Host": "evil.example\x7f"},
        {"Sec-Fetch-Site": "\xff"},
    ):
        statuses.add(status(Visitor(pages), "GET", path + "?lang=%ff&said=%00&change", None, headers))
        statuses.add(status(Visitor(pages), "POST", path, b"a=b", FORM | headers))
    assert max(statuses) < 500
    assert visitor.send("POST", path, b"x" * 8193, FORM).status == 413
    assert pages.answers(ANN) == []
    assert visitor.post(path, form).status == 303


def test_the_name_of_the_host_comes_from_the_configuration_alone(pages: Rig) -> None:
    page = Visitor(pages).get(pages.path(ANN), Host="evil.example")
    assert "evil.example" not in page.body + str(page.headers)
