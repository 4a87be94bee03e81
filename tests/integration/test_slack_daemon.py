"""The daemon as a process of its own, beside a Slack on loopback: who is who, messages, a press, what stands there afterwards."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.daemon import Daemon
from notifier.settings import load
from notifier.store.database import Database
from notifier.store.tables import deliveries
from tests.daemon_rig import PATIENCE, Home, daemon, get, make_home
from tests.slack_rig import told
from tests.slack_server import APP_TOKEN, TOKEN, Error, Post, SlackServer, buttons, member

SECRETS = {"NOTIFIER_SLACK__BOT_TOKEN": TOKEN, "NOTIFIER_SLACK__APP_TOKEN": APP_TOKEN}
SETTLED = {"undo", "open"}


def home_with(slack: SlackServer, folder: Path, people: int) -> Home:
    """Slack first, then mail into a folder."""
    home = make_home(folder, people=people)
    home.write_configuration('via = "file"', f'[slack]\nanswers = "buttons"\napi_url = "{slack.base_url}"')
    text = home.config.read_text("utf-8").replace("[sending]", '[sending]\nladder = ["slack", "email"]')
    home.config.write_text(text, "utf-8")
    return home


def mails(home: Home) -> list[tuple[str, str]]:
    """To whom went what mail, the oldest first: address and subject."""
    files = sorted((home.folder / "outgoing").glob("*.eml"))
    read = (email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files)
    return [(str(mail["To"]).partition("<")[2].rstrip(">"), str(mail["Subject"])) for mail in read]


def standing(slack: SlackServer, user: str) -> Post:
    """What the one message of this user says now."""
    (post,) = [post for post in slack.standing().values() if post.user == user]
    return post


def offered(slack: SlackServer, user: str) -> set[str]:
    return {button["action_id"] for button in buttons(standing(slack, user))}


def pressed(slack: SlackServer, person: int, action: str) -> dict[str, object]:
    """What Slack tells when somebody presses this button of their own message."""
    (button,) = [one for one in buttons(standing(slack, f"U{person:08}")) if one["action_id"] == action]
    return told(person, action, at=datetime.now(UTC), value=button["value"])


@asynccontextmanager
async def running_here(home: Home, clock: MovedClock) -> AsyncIterator[Daemon]:
    """The daemon on a clock of ours, in this process, and its end in good order."""
    daemon_here = Daemon(lambda: load(home.config, environment=SECRETS), clock)
    task = asyncio.create_task(daemon_here.run())
    try:
        yield daemon_here
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, PATIENCE)


async def until(holds_true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds_true():
            await asyncio.sleep(0.005)


def deliveries_in(home: Home) -> int:
    database = Database(f"sqlite:///{home.folder}/notifier.db")
    with database.read() as connection:
        count = connection.scalar(select(func.count()).select_from(deliveries)) or 0
    database.close()
    return count


async def test_nothing_is_planned_before_it_is_known_who_is_on_slack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time that Slack is asked the token is wrong: nobody gets mail for that. Slack is asked again after a minute."""
    async with SlackServer([member(1, "p1@example.com")]) as slack:
        home, clock = home_with(slack, tmp_path, people=2), MovedClock(datetime.now(UTC))
        slack.on("users.list", Error("invalid_auth"))
        async with running_here(home, clock) as running:
            said = ""
            while "roster applied" not in said:  # the planner is woken right after it
                await asyncio.sleep(0.005)
                said += capsys.readouterr().out
            await until(lambda: not running._plan.is_set() and not running._refresh.is_set())
            status, body = await asyncio.to_thread(get, home, "/readyz")
            assert (status, f"nothing is planned before {clock.now() + timedelta(minutes=15):%H:%M} UTC" in body) == (503, True)
            assert (deliveries_in(home), [method for method, _ in slack.calls].count("users.list")) == (0, 1)
            clock.move_to(clock.now() + timedelta(minutes=1))
            running._plan.set()  # its tick
            await until(lambda: slack.posts and mails(home))
            assert [to for to, _ in mails(home)] == ["p2@example.com"]
            assert "Slack has never said" not in (await asyncio.to_thread(get, home, "/readyz"))[1]
        assert "nothing is planned until Slack has said who is who" in said


async def test_nobody_waits_for_slack_for_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A quarter of an hour is over before Slack refuses: everybody gets mail."""
    async with SlackServer() as slack:
        home, clock = home_with(slack, tmp_path, people=2), MovedClock(datetime.now(UTC))

        def late(method: str, _body: object) -> Error | None:
            if method != "users.list":
                return None
            clock.move_to(clock.now() + timedelta(minutes=15))
            return Error("access_denied")

        slack.plan = late
        async with running_here(home, clock):
            await until(lambda: len(mails(home)) == 2)
            status, body = await asyncio.to_thread(get, home, "/readyz")
        assert (status, "everybody gets mail" in body) == (503, True)
        assert "Slack has never said who is who; everybody gets mail" in capsys.readouterr().out


async def test_a_small_company_on_slack_and_off_it(tmp_path: Path) -> None:
    """Three of four are on Slack. One answers there, for another one an operator answers."""
    async with SlackServer([member(n, f"p{n}@example.com") for n in (1, 2, 3)]) as slack:
        home = home_with(slack, tmp_path, people=4)
        async with daemon(home, SECRETS) as running:
            await running.until(lambda: len(slack.posts) == 3 and len(mails(home)) == 1)
            assert {post.user for post in slack.posts} == {"U00000001", "U00000002", "U00000003"}
            assert [to for to, _ in mails(home)] == ["p4@example.com"]
            await slack.sockets.connections(1, 1)
            assert '"slack":"ok"' in (await asyncio.to_thread(get, home, "/readyz"))[1].replace(" ", "")

            await slack.sockets.tell(pressed(slack, 1, "answer:done"))
            asked = ["acknowledge", "p2@example.com", "already_off", "--config", str(home.config)]
            assert await asyncio.to_thread(run, asked) == 0
            await running.until(
                lambda: offered(slack, "U00000001") == offered(slack, "U00000002") == SETTLED and len(mails(home)) == 2
            )
            assert [to for to, _ in mails(home)] == ["p4@example.com", "p2@example.com"], "a receipt; in Slack the message says it"

            assert (len(slack.posts), len(slack.updates)) == (3, 2), "nobody is written to twice"
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
            assert [line["event"] for line in running.lines() if line["level"] in {"error", "warning"}] == []
        assert (slack.exceeded, slack.sockets.living) == ([], [])
