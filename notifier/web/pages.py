"""Pages as HTML: layouts from `templates/layout`, words from the catalogue `pages`, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from notifier.content.catalogue import EXEMPT
from notifier.content.facts import Sender
from notifier.content.words import words
from notifier.domain.campaign import Answer
from notifier.domain.employee import recognise_language
from notifier.web.notices import Notice

LANGUAGE_NAMES = {"en": "English", "fr": "Français", "de": "Deutsch"}
_LONGEST_ACCEPT_LANGUAGE = 200


@dataclass(frozen=True, slots=True)
class AskView:
    """What a person's own page shows.

    Attributes:
        language: the one it is written in.
        chosen_language: the one asked for on the page, to be kept with the answer, or None.
        state: "open", "settled", "help", "provisional" or "exempt".
        asking: True where the form is shown though there is an answer already: the person wants to give another.
        said: a sentence about what was just done, or None.
        missing: True where a form was sent without an answer.
        proof: see `security.FormProofs`.
        dates: of `content.facts.context`, in that language.
        answer: the code of the answer that is recorded, or None.
    """

    language: str
    chosen_language: str | None
    state: str
    asking: bool
    said: str | None
    missing: bool
    proof: str
    name: str
    title: str
    body: str
    button: str
    answers: Mapping[str, str]
    dates: Mapping[str, str | int | bool]
    answer: str | None


class Pages:
    """Renders every page.

    Attributes:
        style_hash: of the one style sheet, as a Content-Security-Policy names it.
    """

    def __init__(self, sender: Sender, layouts: Sequence[Path]) -> None:
        """Read the layouts.

        Args:
            layouts: folders to look into, the user's own before the one that came with the program.
        """
        loader = FileSystemLoader([str(folder) for folder in layouts])
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        style = loader.get_source(self._environment, "page.css")[0]
        digest = hashlib.sha256(style.encode()).digest()
        self.style_hash = f"sha256-{base64.b64encode(digest).decode()}"
        self._sender = sender
        self._always = {"style": Markup(style), "sender": sender}  # noqa: S704 - our own file
        for name in ("page-ask.html", "page-notice.html"):
            self._environment.get_template(name)

    def ask(self, view: AskView) -> str:
        """A person's own page."""
        say = Say(view.language)
        change = {"lang": view.chosen_language, "change": "1"}
        return self._render(
            "page-ask.html",
            view.language,
            _language_links({"change": "1"} if view.asking else {}),
            title=view.title,
            chosen_language=view.chosen_language,
            state=view.state,
            asking=view.asking or view.missing,
            said=None if view.said is None else say(view.said),
            missing=view.missing,
            proof=view.proof,
            name=view.name,
            body=Markup(view.body),  # noqa: S704 - rendered by the catalogue, which escapes
            button=view.button,
            answers=tuple(view.answers.items()),
            exempt=say(EXEMPT),
            help_answer=view.answers[Answer.HELP],
            answer_code=view.answer,
            answer=view.answers.get(view.answer) if view.answer else None,
            answered_at=view.dates["answered_text"],
            days_left=_days_left(view.dates, say),
            last_day=_last_day(view.dates, say),
            change_href="?" + urlencode({key: value for key, value in change.items() if value}),
        )

    def notice(self, notice: Notice, language: str, *, again: str | None = None) -> str:
        """A page of `notices.py`.

        Args:
            again: where the way back leads, for a notice that offers one.
        """
        say = Say(language)
        said = notice.value
        return self._render(
            "page-notice.html",
            language,
            _language_links({}),
            title=say(said.title, organisation=self._sender.organisation),
            paragraphs=[say(one, organisation=self._sender.organisation) for one in said.paragraphs],
            again=again if said.again else None,
        )

    def page(self, template: str, language: str, *, keep: Mapping[str, str] | None = None, **values: object) -> str:
        """Any other page whose layout extends `page.html`, its words translated already.

        Args:
            keep: what of the address the links to the other languages go on with.
        """
        return self._render(template, language, _language_links(keep or {}), **values)

    def _render(self, template: str, language: str, languages: Sequence[Mapping[str, str]], **values: object) -> str:
        context = {**self._always, **values, "language": language, "languages": languages, "_": Say(language)}
        return self._environment.get_template(template).render(context)


class Say:
    """A text of the catalogue with values put in; the values are escaped, the text may hold tags."""

    def __init__(self, language: str, domain: str = "pages") -> None:
        self._translate: Callable[[str], str] = words(language, domain)

    def __call__(self, text: str, **values: object) -> Markup:
        return Markup(self._translate(text)) % values  # noqa: S704 - our own catalogue


@lru_cache(maxsize=256)
def preferred_language(accept: str | None) -> str | None:
    """The language a browser would like best among ours (RFC 9110 §12.5.4); None if it asks for none of them."""
    wishes: list[tuple[float, str]] = []
    for part in (accept or "")[:_LONGEST_ACCEPT_LANGUAGE].split(","):
        tag, _, weight = part.partition(";")
        language = recognise_language(tag)
        quality = _quality(weight)
        if language is not None and quality > 0:
            wishes.append((quality, language))
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else None


def _quality(weight: str) -> float:
    name, equals, value = weight.strip().partition("=")
    if not equals:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if name.strip() == "q" and 0 <= quality <= 1 else 0.0


def _language_links(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"code": code, "name": name, "href": "?" + urlencode({"lang": code, **parameters})} for code, name in LANGUAGE_NAMES.items()
    ]


def _days_left(dates: Mapping[str, str | int | bool], say: Say) -> Markup:
    if dates["is_over"]:
        return say("The day has passed, but you can still do it")
    if dates["today_is_last_day"]:
        return say("Today is the last day")
    return say("%(days)s left", days=dates["days_text"])


def _last_day(dates: Mapping[str, str | int | bool], say: Say) -> Markup:
    if dates["is_over"]:
        return say("The last day was %(day)s", day=dates["last_day_text"])
    return say("Last day to do it: %(day)s", day=dates["last_day_text"])
