"""Promise S7: no name, address, token or password comes out of a log, an error or a health check.

Five hundred people whose every trace can be found again are sent through everything that can go wrong; afterwards all that the
program has said about itself is searched.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path

from notifier.domain.links import LinkKeys, Purpose
from notifier.service import read_keys
from tests.attacks.marked_company import (
    CAMPAIGN,
    PASSWORD,
    REFUSALS,
    SPEAKING,
    Said,
    home_rig,
    public_ids,
    write_roster,
)
from tests.daemon_rig import Home, daemon, get, make_home, smtp
from tests.pages_rig import Visitor
from tests.smtp_server import Close, Say, ScriptedServer


def test_the_search_finds_what_is_there() -> None:
    said = Said()
    keys = LinkKeys({1: b"k" * 32}, 1)
    said.know(keys, [SPEAKING.public_id])
    token = keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, SPEAKING.public_id, 1)
    for what in (
        SPEAKING.given_name,
        SPEAKING.family_name.upper(),
        SPEAKING.email,
        PASSWORD,
        token,
        token[10:],
        SPEAKING.public_id,
    ):
        said.texts = {"log": f"x {what} y"}
        assert len(said.hits()) == 1, what
    said.texts = {"log": "an honest line, delivery=20007"}
    assert said.hits() == []


async def test_a_daemon_says_nothing_of_anybody(tmp_path: Path) -> None:
    """The real process, as talkative as it can be, with a mail server, a browser and a configuration that all misbehave."""
    said = Said()
    environment = {"NOTIFIER_EMAIL__SMTP__PASSWORD": PASSWORD, "NOTIFIER_LOGGING__LEVEL": "debug"}
    async with ScriptedServer(users={"mailer": PASSWORD}) as server:
        home = make_home(tmp_path, people=1, smtp_port=server.port)
        home.write_configuration(f'{smtp(server.port)}\nusername = "mailer"')
        write_roster(home.roster, zone=home.zone)
        server.on("AUTH", Say(f"454 4.7.0 the account of {SPEAKING.email} is busy"))
        async with daemon(home, environment) as running:
            await running.until(lambda: "channel paused" in running.log.read_text("utf-8"))
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
        said.add("log", running.log.read_text("utf-8"))
        with closing(sqlite3.connect(tmp_path / "notifier.db")) as connection:
            connection.execute("DELETE FROM holds")
            connection.commit()
        for moment, refusal in product(("RCPT", "DOT"), REFUSALS):
            server.on(moment, refusal, times=1 if refusal.text.startswith("5") else 4)
            server.on(moment, Say("250 2.0.0 ok"), times=40)  # few enough are refused for the brake to stay open
        server.on("DOT", Close(keep=True), times=2)
        async with daemon(home, environment) as running:
            await running.until(lambda: len(server.messages) > 300)
            said.know(read_keys(tmp_path / "link-keys"), public_ids(tmp_path / "notifier.db"))
            await asyncio.to_thread(knock, home, said)
            good = home.config.read_text("utf-8")
            home.config.write_text(f'{good}\n[nonsense]\npassword = "{PASSWORD}"\n{SPEAKING.family_name} = 1\n', "utf-8")
            running.signal(signal.SIGHUP)
            await running.until(lambda: "the new configuration is not good" in running.log.read_text("utf-8"))
            home.config.write_text(good, "utf-8")
            running.signal(signal.SIGUSR1)
            await running.until(lambda: '"event": "state"' in running.log.read_text("utf-8"))
            said.add("readyz", str(await asyncio.to_thread(get, home, "/readyz")))
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
        said.add("log", running.log.read_text("utf-8"))
    assert server.messages, "mail did go out"
    assert len(running.said("not delivered")) > 10
    assert said.hits() == []


def knock(home: Home, said: Said) -> None:
    """Requests that end in every kind of page, with somebody's data in each part of them."""
    keys, ids = read_keys(home.folder / "link-keys"), public_ids(home.folder / "notifier.db")
    token = keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, ids[7], 1)
    bad = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for path in (
        f"/a/{CAMPAIGN}/{bad}",
        f"/a/{CAMPAIGN}/{SPEAKING.email}",
        f"/a/{SPEAKING.family_name}/{token}",
        f"/{SPEAKING.email}",
    ):
        for more in ("", f"?lang={SPEAKING.family_name}&said={token}"):
            get(home, path + more)
    visitor = Visitor(home_rig(home))
    form = {"proof": SPEAKING.family_name, "do": SPEAKING.email, "answer": token}
    visitor.post(f"/a/{CAMPAIGN}/{token}", form, Origin=f"https://{SPEAKING.family_name}.example")
    visitor.post(f"/a/{CAMPAIGN}/{token}", form, Sec_Fetch_Site="cross-site")
    visitor.send("POST", f"/a/{CAMPAIGN}/{token}", SPEAKING.email.encode() * 900, {"Content-Type": "text/plain"})
    visitor.get(f"/a/{CAMPAIGN}/{token}", Cookie=f"notifier_visit={SPEAKING.family_name}", User_Agent=SPEAKING.email, Referer=token)
    visitor.get("/", Host=f"{SPEAKING.family_name}.example\x7f")
    said.add("pages of nobody", visitor.get(f"/a/{CAMPAIGN}/{'A' * 44}").body)
