"""Promise S5: a text cannot reach the server it is rendered on, and a name is a name."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from notifier import shipped
from notifier.content.catalogue import Catalogue, Facts, Sender, TextError
from notifier.content.plain import one_line
from notifier.domain.campaign import OFFERED, Answer
from notifier.store.tables import employees
from tests.attacks.escapes import ESCAPES, NAMES
from tests.pages_rig import ANN, Rig, Visitor

SECRET = "the-secret-7f3a"
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")
FACTS = Facts("Zoé", "Zoé Exemple", "https://n.example/a/c/1", date(2025, 10, 15), date(2025, 11, 3), first_notice=True)
ANSWERED_AT = datetime(2025, 10, 15, 9, 5, tzinfo=UTC)
# The secret itself, or a look at something that is no text: a class, a function, a module, an environment.
_OUTSIDE = re.compile(
    rf"{SECRET}|root:x:|uid=\d|environ|"
    r"(?:<|&lt;)(?:class|module|function (?!str\.format)|method|built-in|bound|generator|code|Template)"
)
_QUOTES = "'''"


@dataclass
class Trap:
    """What the escapes are after."""

    read: Path
    touch: Path

    def armed(self, escape: str) -> str:
        return escape.replace("READ", str(self.read)).replace("TOUCH", str(self.touch))

    def sprung(self, text: str) -> bool:
        return self.touch.exists() or _OUTSIDE.search(text) is not None


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trap:
    monkeypatch.setenv("CANARY", SECRET)
    (tmp_path / "read").write_text(SECRET, encoding="utf-8")
    return Trap(tmp_path / "read", tmp_path / "touched")


def in_body(escape: str) -> dict[str, str]:
    return {"m.en": f"+++\nsubject = 'S'\npreheader = 'P'\nbutton = 'B'\n+++\n# T\n\n{{{{ button }}}}\n\nX {escape}\n"}


def in_subject(escape: str) -> dict[str, str]:
    front = f"+++\nsubject = {_QUOTES}{escape}{_QUOTES}\npreheader = {_QUOTES}{escape}{_QUOTES}\nbutton = 'B'\n+++\n"
    return {"m.en": f"{front}# T\n\n{{{{ button }}}}\n"}


def in_link(escape: str) -> dict[str, str]:
    return in_body(f"[x]({escape.replace(' ', '')})")


def in_page(escape: str) -> dict[str, str]:
    answers = "".join(f"{answer.value} = {_QUOTES}{escape}{_QUOTES}\n" for answer in OFFERED)
    return {"page.en": f"+++\ntitle = {_QUOTES}{escape}{_QUOTES}\nbutton = 'B'\n[answers]\n{answers}+++\n{escape}\n"}


PLACES: dict[str, Callable[[str], dict[str, str]]] = {
    "body": in_body,
    "subject and preheader": in_subject,
    "link": in_link,
    "page": in_page,
}


def written(folder: Path, texts: dict[str, str]) -> str:
    """Everything that a person would get to see of these texts; "" where they are refused."""
    (folder / "c").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / "c" / f"{name}.md").write_text(text, encoding="utf-8")
    catalogue = Catalogue([folder, shipped.templates()], SENDER)
    with suppress(TextError):
        if "m.en" in texts:
            mail = catalogue.render("c", "m", FACTS, "en")
            return mail.subject + mail.html + mail.text
        page = catalogue.page("c", FACTS, "en")
        return page.title + page.body_html + page.button + "".join(page.answers.values())
    return ""


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_published_escape_gets_out(trap: Trap, tmp_path: Path, place: Callable[[str], dict[str, str]]) -> None:
    out = [name for name, escape in ESCAPES.items() if trap.sprung(written(tmp_path, place(trap.armed(escape))))]
    assert out == []


_UNGUARDED = """
import sys, jinja2
from contextlib import suppress
from tests.attacks.escapes import ESCAPES
from tests.attacks.test_template_escapes import Trap
from pathlib import Path
trap = Trap(*map(Path, sys.argv[1:]))
plain = jinja2.Environment(loader=jinja2.FileSystemLoader("/"), extensions=["jinja2.ext.do", "jinja2.ext.debug"])
for name, escape in ESCAPES.items():
    with suppress(Exception):
        if trap.sprung(plain.from_string(trap.armed(escape)).render(given_name="Zoé")):
            print(name)
    trap.touch.unlink(missing_ok=True)
"""


def test_the_escapes_do_get_out_where_there_is_no_sandbox(trap: Trap) -> None:
    """Else the test above would prove nothing. In a process of its own: an escape does not close what it opens."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "ignore", "-c", _UNGUARDED, str(trap.read), str(trap.touch)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own
    assert len(done.stdout.splitlines()) > 25


def test_the_context_holds_no_object() -> None:
    """Nothing to climb from: every value is a text, a number or a truth value, and there are no globals."""
    from notifier.content.compile import _HTML, _PLAIN
    from notifier.content.facts import context

    assert _HTML.globals == _PLAIN.globals == {}
    assert {type(value) for value in context(SENDER, FACTS, "en", "").values()} == {str, int, bool}


@pytest.mark.parametrize("name", [*NAMES, *ESCAPES.values()])
def test_a_name_is_printed_as_the_text_it_is(trap: Trap, name: str) -> None:
    """Letter for letter in the mail and on its page, executed nowhere. A name with an address in it is not shown at all."""
    catalogue = Catalogue([shipped.templates()], SENDER)
    name = trap.armed(name)
    facts = replace(FACTS, given_name=name, name=f"{name} Exemple")
    plain = replace(FACTS, given_name="ZZ", name="ZZ Exemple")
    for message in ("notice", "receipt"):
        answered: Any = {"answer": Answer.DONE, "answered_at": ANSWERED_AT} if message == "receipt" else {}
        mail = catalogue.render("linkedin-ai-training", message, replace(facts, **answered), "en")
        control = catalogue.render("linkedin-ai-training", message, replace(plain, **answered), "en")
        shown = one_line(name)
        assert mail.text == control.text.replace("ZZ", shown)
        assert unescape(mail.html) == unescape(control.html).replace("ZZ", shown)
        assert mail.html.count("<") == control.html.count("<")
    page, control_page = (catalogue.page("linkedin-ai-training", one, "en") for one in (facts, plain))
    assert unescape(page.body_html) == unescape(control_page.body_html).replace("ZZ", shown)
    assert page.title == control_page.title.replace("ZZ", shown)


def test_a_name_is_text_on_the_page_as_a_browser_gets_it(pages: Rig) -> None:
    for name in NAMES:
        with pages.database.write() as connection:
            connection.execute(update(employees).where(employees.c.key == ANN.key).values(given_name=name))
        page = Visitor(pages).get(pages.path(ANN))
        assert page.status == 200
        assert f"For {name} E." in " ".join(unescape(re.sub(r"</?strong>|</?span>", "", page.body)).split()), name
        assert "49" not in page.text
