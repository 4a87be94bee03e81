"""`notifier demo` as a person uses it: a process of its own, its pages over HTTP, Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import holidays
import pytest

from notifier import settings
from notifier.demo import company
from notifier.web.acknowledge import QUICKEST_PERSON
from tests.pages_rig import Answered, Visitor

PATIENCE = 40.0


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "notifier", "demo", "--people", "40", *options]


def events(closing: dict[str, Any], person: company.Person) -> list[str]:
    """What happened to somebody with a story: "2025-10-03 notice (fr) accepted: …"."""
    told = next(one for one in closing["stories"] if one["email"] == person.email)
    return [f"{event['at'][:10]} {event['what']}" for event in told["events"]]


def reminders(closing: dict[str, Any], person: company.Person) -> list[str]:
    return [event for event in events(closing, person) if re.search(r"(notice|reminder|last-call|overdue) \(..\) accepted", event)]


def moment(closing: dict[str, Any], person: company.Person, what: str) -> datetime:
    told = next(one for one in closing["stories"] if one["email"] == person.email)
    return next(datetime.fromisoformat(event["at"]) for event in told["events"] if event["what"].startswith(what))


@dataclass
class Running:
    """A demonstration under way; it stands where `tests.pages_rig.Visitor` expects a rig."""

    process: subprocess.Popen[str]
    base_url: str
    port: int

    def wait(self, seconds: float) -> None:
        """A person reads. The page measures real time here, so it has to pass."""
        time.sleep(min(seconds, QUICKEST_PERSON.total_seconds() + 0.1))

    def visitor(self) -> Visitor:
        return Visitor(self)  # type: ignore[arg-type]

    def move(self, do: str, back: str = "/") -> Answered:
        return self.visitor().post("/control", {"do": do, "back": back})

    def until(self, path: str, true: Callable[[str], bool]) -> str:
        """The text of a page once it says what is waited for."""
        end = time.monotonic() + PATIENCE
        while not true(text := self.visitor().get(path).text):
            assert time.monotonic() < end, text
            time.sleep(0.1)
        return text

    def interrupt(self) -> dict[str, Any]:
        """Ctrl-C. Returns the closing facts."""
        self.process.send_signal(signal.SIGINT)
        return self.ending()

    def ending(self) -> dict[str, Any]:
        """The closing facts, once it has ended; where nobody reads along it ends by itself."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err
        found: dict[str, Any] = json.loads(out)
        return found


@contextmanager
def running(*options: str) -> Iterator[Running]:
    process = subprocess.Popen(command("--json", *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            pytest.fail("the demonstration did not say where its mailbox is")
        yield Running(process, found[0], int(found[1]))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def play(*options: str) -> subprocess.CompletedProcess[str]:
    """A demonstration from its beginning to its end."""
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 - our own


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that does not exist yet: what was played is kept there."""
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def closing(folder: Path) -> dict[str, Any]:
    """The closing facts of a demonstration that was not waited for."""
    done = play("--to-the-end", "--json", "--keep", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_end_is_after_the_deadline_and_the_figures_agree(closing: dict[str, Any]) -> None:
    assert closing["days_left"] < -14
    assert closing["settled"] + closing["open"] == closing["people"] == 39  # 40, and one has left
    for figure in ("people", "settled", "open"):
        assert sum(country[figure] for country in closing["countries"]) == closing[figure]
    assert len(closing["countries"]) == 9
    to_people, to_others = {"notice", "reminder", "last-call", "overdue", "receipt"}, {"manager", "escalation", "organisation"}
    assert set(closing["messages"]) == to_people | to_others
    assert sum(sum(counts.values()) for counts in closing["messages"].values()) == closing["deliveries"]["accepted"]


def test_whoever_answers_never_hears_of_it_again(closing: dict[str, Any]) -> None:
    assert len(reminders(closing, company.ZOE)) == 1


def test_in_saxony_the_last_call_comes_before_the_holiday(closing: dict[str, Any]) -> None:
    assert "2025-10-31" in holidays.country_holidays("DE", subdiv="SN", years=2025)
    assert [event[:10] for event in reminders(closing, company.JOERG) if "last-call" in event] == ["2025-10-30"]
    assert "2025-10-31" not in holidays.country_holidays("DE", subdiv="BY", years=2025)
    assert [event[:10] for event in reminders(closing, company.MAXIMILIAN) if "last-call" in event] == ["2025-10-31"]


def test_leave_joining_and_leaving_are_respected(closing: dict[str, Any]) -> None:
    assert reminders(closing, company.INES)[0].startswith("2025-10-30")
    assert reminders(closing, company.LUKASZ)[0].startswith("2025-10-15 notice")
    assert max(event[:10] for event in reminders(closing, company.HANNAH)) < "2025-10-17"


def test_what_the_mail_server_said_is_told(closing: dict[str, Any]) -> None:
    assert reminders(closing, company.SIOBHAN) == []
    assert any("refused" in event and "550 5.1.1 No such mailbox here" in event for event in events(closing, company.SIOBHAN))
    assert "after 2 tries" in reminders(closing, company.BENOIT)[0]


def test_a_visitor_answers_by_the_link_in_a_mail_and_hears_no_more_of_it() -> None:
    """Time stands still right after the message arrived: the answer counts all the same, at the demonstration's own present."""
    theirs = f"/people/{company.BOBBY.id}"
    with running("--pace", "40") as demo:
        assert demo.move("pause").status == 303
        while "notice (en) accepted" not in (text := demo.visitor().get(theirs).text):
            assert "last-call (" not in text
            before = demo.visitor().get("/").text
            demo.move("next")
            demo.until("/", lambda now, before=before: now != before)  # type: ignore[misc]
            demo.visitor().get("/healthz")  # the service's own pages are served once time rests
        page = demo.visitor().get(theirs).body
        number = re.findall(r'href="/mail/(\d+)"', page)[0]
        mail = demo.visitor().get(f"/mail/{number}?view=text").body
        link = re.search(rf"{demo.base_url}(/a/[\w/-]+)", unescape(mail))
        assert link
        answered = demo.visitor().submit(link[1], answer="done")
        assert answered.status == 200
        assert "October 2025" in answered.text
        demo.until(theirs, lambda text: "receipt (en) accepted" in text)
        demo.move("end")
        closing = demo.ending()
    assert closing["days_left"] < -14
    assert len(reminders(closing, company.BOBBY)) == 1
    received, answered_at = moment(closing, company.BOBBY, "notice"), moment(closing, company.BOBBY, "answers “done”")
    assert timedelta() < answered_at - received < timedelta(minutes=5)
    assert next(one["state"] for one in closing["stories"] if one["email"] == company.BOBBY.email) == "settled"


def test_ctrl_c_ends_it_early_with_the_table() -> None:
    with running("--pace", "40") as demo:
        closing = demo.interrupt()
    assert closing["days_left"] > 0
    assert closing["people"] == 39


def test_pages_keep_strangers_and_names_in_their_place() -> None:
    with running("--pace", "40") as demo:
        visitor = demo.visitor()
        page = visitor.get(f"/people/{company.BOBBY.id}")
        assert "<script>alert" not in page.body
        assert company.BOBBY.name in page.text.replace("&lt;", "<")
        assert visitor.get("/mail/1").status == 404
        assert visitor.get("/people/nobody").status == 404
        assert visitor.get("/", Host="notifier.example.net").status == 400
        foreign = visitor.post("/control", {"do": "end"}, Sec_Fetch_Site="cross-site", Origin="https://example.net")
        assert foreign.status == 403
        assert visitor.post("/control", {"do": "nonsense"}).status == 400
        for elsewhere in ("//example.net/", "/\\example.net", "https://example.net/"):
            assert demo.move("pause", elsewhere).headers["location"] == "/"
        assert demo.move("next").status == 303
        demo.until("/", lambda text: "Nothing yet" not in text)
        body = visitor.get("/mail/1/body")
        assert body.headers["content-security-policy"].startswith("sandbox allow-popups")
        assert "script-src" not in body.headers["content-security-policy"]
        assert visitor.get("/mail/1?view=source").text.count("Message-ID:") == 1
        demo.interrupt()


@pytest.mark.usefixtures("closing")
def test_the_folder_that_is_kept_holds_a_real_configuration(folder: Path) -> None:
    loaded = settings.load(folder / "config.toml", environment={})
    assert loaded.organisation.name == company.NAME
    assert {"config.toml", "roster.csv", "link-keys", "notifier.db"} <= {path.name for path in folder.iterdir()}


@pytest.mark.usefixtures("closing")
def test_a_folder_in_use_is_left_alone(folder: Path) -> None:
    again = play("--keep", str(folder))
    assert again.returncode == 2
    assert "is not empty" in again.stderr
