"""The texts that come with the program: true on every day, the same in every language, and typeset as a native would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from html.parser import HTMLParser

import pytest
from babel import Locale
from babel.dates import format_date

from notifier import shipped
from notifier.content.catalogue import Catalogue, Facts, Sender
from notifier.content.rendered import Rendered
from notifier.domain.campaign import OFFERED, Answer

CAMPAIGN = "linkedin-ai-training"
REMINDERS = ("notice", "reminder", "last-call", "overdue")
LANGUAGES = ("en", "fr", "de")
DEADLINE = date(2025, 11, 3)
LINK = "https://notifier.example.com/a/Yk3pQ7vT2mXw9LrB0aZc.8fG1hJ4kN6sP"
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com", "+41 22 555 01 23", "https://example.com/privacy")
DAYS = {
    "en": {"one": "day", "other": "days"},
    "fr": {"one": "jour", "other": "jours", "many": "jours"},
    "de": {"one": "Tag", "other": "Tagen"},
}
URL = re.compile(r"https?://\S+")


CATALOGUE = Catalogue([shipped.templates()], SENDER)


def facts(days: int, *, first: bool = False, answer: Answer | None = None) -> Facts:
    answered = None if answer is None else datetime(2025, 10, 14, 9, 5)  # noqa: DTZ001 - the person's own clock
    return Facts("Zoé", "Zoé Exemple", LINK, DEADLINE - timedelta(days=days), DEADLINE, first, answer, answered)


class Page(HTMLParser):
    """What a reader sees of a document, and what it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = 0
        self._pieces: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "head" or dict(attrs).get("class") == "preheader":
            self._hidden += 1
        if tag in {"p", "li", "h1", "h2", "br", "td"}:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag in {"head", "div"}:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@dataclass(frozen=True)
class Shown:
    """A mail, what it was rendered for, and what a reader sees of it: the subject, and the HTML without its markup."""

    name: str
    mail: Rendered
    page: Page

    @property
    def text(self) -> str:
        return f"{self.mail.subject}\n{self.page.text}"


def shown(name: str, mail: Rendered) -> Shown:
    return Shown(name, mail, Page(mail.html))


@cache
def every_mail(language: str) -> list[Shown]:
    mails = [
        shown(f"{message} {days} {first}", CATALOGUE.render(CAMPAIGN, message, facts(days, first=first), language))
        for message in REMINDERS
        for days in range(60, -31, -1)
        for first in (True, False)
    ]
    return mails + [shown(answer, CATALOGUE.render(CAMPAIGN, "receipt", facts(5, answer=answer), language)) for answer in OFFERED]


def test_the_check_of_an_admin_finds_nothing() -> None:
    assert CATALOGUE.check(CAMPAIGN, REMINDERS) == []


def test_every_text_exists_in_every_language() -> None:
    folder = shipped.templates() / CAMPAIGN
    names = {language: {path.name.split(".")[0] for path in folder.glob(f"*.{language}.md")} for language in LANGUAGES}
    assert names == {language: {*REMINDERS, "receipt", "page"} for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_machinery_shows(language: str) -> None:
    for found in every_mail(language):
        name, mail = found.name, found.mail
        seen = found.text + mail.text
        assert not re.search(r"\{\{|\}\}|\{%|\bNone\b|\bTrue\b|q7tag|\*\*|\(mailto:", seen), name
        assert "  " not in mail.subject, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", REMINDERS)
def test_the_number_of_days_is_true_and_has_the_right_plural(message: str, language: str) -> None:
    """Plural categories come from CLDR, as does the date."""
    plural = Locale(language).plural_form
    for days in range(60, -31, -1):
        mail = CATALOGUE.render(CAMPAIGN, message, facts(days), language)
        seen = mail.subject + "\n" + mail.html
        counts = re.findall(r"(?<![\w-])(\d+)[ \u00a0](days?|jours?|Tage?n?)\b", seen)
        assert {(int(number), word) for number, word in counts} <= {(abs(days), DAYS[language][plural(abs(days))])}, days
        assert bool(counts) == (abs(days) > 1), days


WHEN = {
    "en": {1: "tomorrow", 0: "today", -1: "yesterday", 19: "in 19 days", -3: "3 days ago"},
    "fr": {1: "demain", 0: "aujourd’hui", -1: "hier", 19: "dans 19 jours", -3: "il y a 3 jours"},
    "de": {1: "morgen", 0: "heute", -1: "gestern", 19: "in 19 Tagen", -3: "vor 3 Tagen"},
}
BEGINS = {"en": "LinkedIn starts", "fr": "LinkedIn commence ", "de": "LinkedIn beginnt"}
HAS_BEGUN = {"en": "LinkedIn began", "fr": "LinkedIn a commencé", "de": "LinkedIn hat "}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", REMINDERS)
def test_what_is_to_come_and_what_has_begun_are_told_apart(message: str, language: str) -> None:
    for days, when in WHEN[language].items():
        mail = CATALOGUE.render(CAMPAIGN, message, facts(days), language)
        assert when in mail.text, days
        assert (BEGINS[language] in mail.text) == (days > 0), days
        assert (HAS_BEGUN[language] in mail.text) == (days <= 0), days


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", REMINDERS)
def test_the_last_safe_day_is_the_day_before_the_deadline(message: str, language: str) -> None:
    day = format_date(date(2025, 11, 2), "full", locale={"en": "en_GB"}.get(language, language))
    assert day in CATALOGUE.render(CAMPAIGN, message, facts(10), language).text
    last = CATALOGUE.render(CAMPAIGN, message, facts(1), language).text
    assert re.search({"en": "(?i)today", "fr": "aujourd’hui|(?i:dernier jour)", "de": "(?i)heute"}[language], last)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", REMINDERS)
def test_a_joiner_is_not_reminded_of_what_they_never_got(message: str, language: str) -> None:
    reminding = re.compile("Reminder|Rappel|Erinnerung:|no answer from you yet|pas encore votre réponse|steht noch aus")
    for days in (30, 3, 1, 0, -5):
        first = CATALOGUE.render(CAMPAIGN, message, facts(days, first=True), language)
        assert not reminding.search(first.subject + first.text)
        again = CATALOGUE.render(CAMPAIGN, message, facts(days), language)
        assert bool(reminding.search(again.subject + again.text)) == (message != "notice")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_is_small_complete_and_loads_nothing(language: str) -> None:
    for found in every_mail(language):
        name, mail, page = found.name, found.mail, found.page
        assert len(mail.html.encode()) < 30_000, name
        assert not {tag for tag, _ in page.tags} & {"img", "link", "script", "iframe", "object", "form", "input", "svg"}, name
        assert not [attributes for _, attributes in page.tags if {"src", "srcset", "background", "onclick"} & attributes.keys()], (
            name
        )
        assert not re.search(r"url\(|@import|javascript:", mail.html), name
        assert (page.all("html")[0]["lang"], page.all("html")[0]["dir"]) == (language, "ltr"), name
        assert len(page.all("h1")) == 1, name
        assert all(attributes.get("role") == "presentation" for attributes in page.all("table")), name
        assert {"name": "color-scheme", "content": "light dark"} in page.all("meta"), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_link_is_a_button_and_can_be_read(language: str) -> None:
    for found in every_mail(language):
        name, mail, page = found.name, found.mail, found.page
        assert [a["class"] for a in page.all("a") if a["href"] == LINK and "class" in a] == ["button"], name
        assert LINK in page.text, name
        assert f"\n{LINK}\n" in mail.text, name
        targets = {str(a["href"]) for a in page.all("a")}
        assert all(
            re.match(r"https://(?:notifier\.example\.com|www\.linkedin\.com|example\.com)/|mailto:", target) for target in targets
        ), name
        assert {target for target in targets if target.startswith("https:")} == set(URL.findall(mail.text)) - {
            "https://notifier.example.com/"
        }, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plain_text_says_what_the_html_says(language: str) -> None:
    hint = {
        "en": "The button opens this address:",
        "fr": "Le bouton ouvre cette adresse :",
        "de": "Der Knopf öffnet diese Adresse:",
    }[language]

    def words(text: str) -> list[str]:
        return " ".join(URL.sub(" ", text).split()).replace(hint, "").split()

    for found in every_mail(language):
        name, mail, page = found.name, found.mail, found.page
        twin = re.sub(r"^ *(?:- |\d+\. |-{20})", "", mail.text, flags=re.MULTILINE)
        seen = page.text.replace("\u00a0", " ").replace("\u202f", " ")
        assert sorted(words(twin)) == sorted(words(seen)), name
        assert "\u00a0" not in mail.text, name
        assert "\u202f" not in mail.text, name


def test_french_has_its_spaces_and_quotes() -> None:
    """Imprimerie nationale: a narrow no-break space before ; ! ?, a no-break space before : and inside « »."""
    for found in every_mail("fr"):
        name = found.name
        seen = URL.sub("", found.text)
        assert not re.search(r"[^\u202f][;!?]", seen), name
        assert not re.search(r"[^\u00a0]:(?!\d)", re.sub(r"\d:\d\d", "", seen)), name
        assert not re.search(r"«(?!\u00a0)|(?<!\u00a0)»|[\"'“”]", seen), name


def test_german_says_sie_and_has_its_quotes() -> None:
    for found in every_mail("de"):
        name = found.name
        seen = found.text
        assert re.search(r"\bSie\b", seen), name
        assert not re.search(r"\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]ein\w*|[Ee]uch|[Ee]uer)\b", seen), name
        assert not re.search(r"[\"'”«»]", seen), name
        assert seen.count("„") == seen.count("“"), name


FACTS_OF_THE_CASE = {
    "en": [
        "Data for Generative AI Improvement",
        "Use my data for training content creation AI models",
        "How LinkedIn uses your data",
    ],
    "fr": [
        "Données pour l’amélioration de l’IA générative",
        "entraîner des modèles d’IA de création de contenu",
        "Confidentialité des données",
    ],
    "de": ["Daten zur Verbesserung generativer KI", "So verwendet LinkedIn Ihre Daten", "Einstellungen & Datenschutz"],
}
TRUST = {"en": "never ask for a password", "fr": "jamais de mot de passe", "de": "nie nach einem Passwort"}
RECOMMENDED = {"en": "We recommend", "fr": "recommandons", "de": "Wir empfehlen"}
PREFER = {"en": "I prefer not to say", "fr": "Je préfère ne pas le dire", "de": "Das möchte ich nicht sagen"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_facts_and_the_trust_block_are_there(language: str) -> None:
    notice = CATALOGUE.render(CAMPAIGN, "notice", facts(30, first=True), language).text
    for needed in (
        *FACTS_OF_THE_CASE[language],
        "https://www.linkedin.com/mypreferences/d/settings/data-for-ai-improvement",
        "https://www.linkedin.com/help/linkedin/ask/TS-DPRO",
        RECOMMENDED[language],
        PREFER[language],
    ):
        assert needed in notice
    for found in every_mail(language):
        name, mail = found.name, found.mail
        trust = mail.text.rpartition("-" * 20)[2]
        for needed in (SENDER.organisation, SENDER.contact_name, SENDER.contact_email, SENDER.contact_phone, SENDER.privacy_notice):
            assert needed in trust, name
        assert TRUST[language] in trust, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_names_the_answer_as_the_page_worded_it_and_when(language: str) -> None:
    for answer in OFFERED:
        given = facts(20, answer=answer)
        receipt = CATALOGUE.render(CAMPAIGN, "receipt", given, language)
        assert CATALOGUE.page(CAMPAIGN, given, language).answers[answer] in receipt.text
        assert {"en": "14 October 2025 at 09:05", "fr": "14 octobre 2025 à 09:05", "de": "14. Oktober 2025 um 09:05 Uhr"}[
            language
        ] in receipt.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_five_answers_and_at_most_six_steps(language: str) -> None:
    for days in range(60, -31, -1):
        page = CATALOGUE.page(CAMPAIGN, facts(days), language)
        assert len(set(page.answers.values())) == len(OFFERED) == len(page.answers)
        assert PREFER[language] == page.answers[Answer.PREFER_NOT_TO_SAY]
        parsed = Page(page.body_html)
        assert not parsed.all("h1")
        assert len(parsed.all("ol")) == 1
        steps = page.body_html.partition("<ol>")[2].partition("</ol>")[0]
        assert 1 <= steps.count("<li>") <= 6
        assert not re.search(r"\{\{|\{%|None|q7tag", page.title + page.button + page.body_html)


def _contrast(first: str, second: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _rules(css: str) -> dict[str, dict[str, str]]:
    rules: dict[str, dict[str, str]] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        declared = dict(re.findall(r"([\w-]+):\s*([^;]+?)(?: !important)?;", body))
        for selector in selectors.split(","):
            rules.setdefault(selector.strip(), {}).update(declared)
    return rules


def test_every_colour_has_a_dark_twin_and_every_text_enough_contrast() -> None:
    layout = (shipped.templates() / "layout/email.html").read_text(encoding="utf-8")
    light_css, kept = re.findall(r"<style[^>]*>(.*?)</style>", layout, re.DOTALL)
    dark_css = kept.partition("(prefers-color-scheme: dark) {")[2].partition("\n}\n")[0]
    light, dark = _rules(light_css), _rules(dark_css)
    for selector, declared in light.items():
        for key in ("color", "background-color"):
            if key in declared:
                assert key in dark.get(selector.removeprefix(".trust ") if selector == ".trust a" else selector, {}), (
                    selector,
                    key,
                )
    for scheme in (light, dark):
        card = scheme[".card"]["background-color"]
        for selector in (".content", "h1", "h2", ".trust", ".address", "a"):
            assert _contrast(scheme[selector]["color"], card) >= 4.5, selector
        assert _contrast(scheme[".button"]["color"], scheme[".button"]["background-color"]) >= 4.5
        colours = {value for declared in scheme.values() for value in declared.values() if value.startswith("#")}
        assert not colours & {"#ffffff", "#000000"}  # Outlook.com rewrites those
