"""The daemon as a process of its own, beside a Slack on loopback: who is who, messages, a press, what stands there afterwards."""

from __future__ import annotations

import asyncio
import email
import email.policy
import signal
from datetime import UTC, datetime
from pathlib import Path

from notifier.cli.app import run
from tests.daemon_rig import Home, daemon, get, make_home
from tests.slack_rig import told
from tests.slack_server import APP_TOKEN, TOKEN, Post, SlackServer, buttons, member

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
