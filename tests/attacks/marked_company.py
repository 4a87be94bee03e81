"""A company in which every trace of anybody can be found again, and the search through what a program has said about itself."""

from __future__ import annotations

import base64
import csv
import re
import sqlite3
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifier.domain.links import LinkKeys, Purpose
from notifier.errors import NotifierError
from tests.attacks.marked import Marked, people_in
from tests.daemon_rig import Home
from tests.smtp_server import Say

PEOPLE = [Marked(number) for number in range(20_000, 20_500)]
PASSWORD = "zqpw-Geheim-7f3a91c4"
CAMPAIGN = "linkedin-ai-training"
SPEAKING = PEOPLE[7]
HEADER = ("id", "email", "given name", "family name", "language", "time zone", "manager")
# Refusals as servers word them; some say more about the person than the address.
REFUSALS = (
    Say(f"451 4.7.1 {SPEAKING.email.upper()} greylisted"),
    Say(f"452 4.2.2 mailbox of {SPEAKING.email.replace('@', ' @ ')} is full"),
    Say(f"550 5.1.1 <{SPEAKING.email}>: Recipient address rejected: User unknown in virtual mailbox table"),
    Say(f"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {SPEAKING.email} not found by SMTP address lookup"),
)


def write_roster(path: Path, people: Sequence[Marked] = tuple(PEOPLE), zone: str = "Europe/Zurich", **change: str) -> None:
    """The roster; `change` writes the same into one column of everybody."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for one in people:
            row = dict(zip(HEADER, (one.id, one.email, one.given_name, one.family_name, one.language, zone, ""), strict=True))
            rows.writerow({**row, **change}.values())


def broken_rosters(path: Path) -> Iterator[str]:
    """The roster with one fault after the other, each as it happens."""
    write_roster(path)
    good = path.read_text("utf-8")
    lines = good.splitlines()
    faults: dict[str, bytes] = {
        "the header is lost": "\n".join(lines[1:]).encode(),
        "half of it is gone": "\n".join(lines[: len(lines) // 2]).encode(),
        "nobody is left": lines[0].encode(),
        "addresses without an at": good.replace("@example.com", " at example.com").encode(),
        "addresses with a blank": good.replace("@example.com", "@exam ple.com").encode(),
        "the same address for all": re.sub(r"zq\d{5}a@", f"{SPEAKING.email.partition('@')[0]}@", good).encode(),
        "cut in the middle of a character": good.encode()[: good.encode().index("é".encode()) + 1],
        "another alphabet": good.encode("utf-16-le"),
        "quotes that never end": good.replace(",", ',"', 3000).encode(),
        "columns swapped": good.replace("given name,family name", "family name,given name").encode(),
        "time zones that are names": good.replace("Europe/Zurich", SPEAKING.given_name.replace('"', "")).encode(),
        "languages that are names": re.sub(r",(en|fr|de),", f",{SPEAKING.family_name},", good).encode(),
        "ids that are addresses": re.sub(r"(?m)^e\d{5},", f"{SPEAKING.email},", good).encode(),
        "a manager who is a name": good.replace("Europe/Zurich,", f"Europe/Zurich,{SPEAKING.family_name}").encode(),
        "cells too many": good.replace(",Europe", f",{SPEAKING.family_name},Europe").encode(),
        "no text at all": b"\0" * 5000 + good.encode(),
    }
    for name, content in faults.items():
        path.write_bytes(content)
        yield name


@dataclass
class Said:
    """All that the program has said about itself."""

    secrets: list[str] = field(default_factory=lambda: [PASSWORD, base64.b64encode(PASSWORD.encode()).decode()])
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, what: str) -> None:
        self.texts[where] = self.texts.get(where, "") + what + "\n"

    def know(self, keys: LinkKeys, public_ids: Sequence[str]) -> None:
        """Tokens and keys count too, as a whole and by their telling half."""
        tokens = [keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, one, 1) for one in public_ids]
        self.secrets += [part for token in tokens for part in (token, token[:23], token[-21:])] + list(public_ids)
        self.secrets += [line.split()[1] for line in keys.dump().splitlines() if not line.startswith("#")]

    def hits(self) -> list[str]:
        """Where anything marked was said, with what stands around it."""
        found = []
        secrets = re.compile("|".join(sorted(map(re.escape, self.secrets), key=len, reverse=True)))
        for where, said in self.texts.items():
            for line in said.splitlines():
                found += [f"{where}: {line[:400]}"] if people_in(line) or secrets.search(line) else []
        return found

    @contextmanager
    def failing(self, where: str) -> Iterator[None]:
        """What an exception says, with its hint and everything that led to it."""
        try:
            yield
        except NotifierError as error:
            self.add(where, f"{error} {error!r} {error.hint} {error.args}")
            self.add(where, "".join(traceback.format_exception(error)))


def public_ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [one for (one,) in connection.execute("SELECT public_id FROM employees")]


def home_rig(home: Home) -> Any:
    """What `Visitor` needs to know of a server."""

    @dataclass
    class Where:
        base_url: str
        port: int

    return Where(f"http://127.0.0.1:{home.port}", home.port)
