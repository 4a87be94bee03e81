"""Texts that are rendered once for many people: nobody who reads a mail can tell whether it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.content import body
from notifier.content.catalogue import Catalogue, Facts, Sender
from notifier.content.mail import Mail, UnsendableMailError, guard, to_bytes
from notifier.content.rendered import Rendered
from notifier.content.woven import Woven
from notifier.domain.employee import LANGUAGES

TEMPLATES = Path(__file__).parents[2] / "templates"
SENDER = Sender("Example & Söhne SA", "Privacy Office", "privacy@example.com", "+41 22 000 00 00")
CAMPAIGN = "linkedin-ai-training"
MESSAGES = ("notice", "reminder", "last-call", "overdue")
TRAPS = ("", " ", "50 % <b>", "%(link)s", "{{ link }}", "\ue000link\ue001", ".", "a\u00a0b", "x@y.z")
HOSTILE = st.text(max_size=40) | st.sampled_from(TRAPS)

SHARED = Catalogue([TEMPLATES], SENDER)


def facts(given_name: str = "Zoé", *, today: date = date(2025, 10, 3), link: str = "https://n.example.com/a/x/1.4f1c") -> Facts:
    return Facts(given_name, f"{given_name} Exemple", link, today, date(2025, 11, 3), first_notice=True)


def rendered_alone(message: str, about: Facts, language: str) -> Rendered:
    """As a mail of which nothing is shared with others."""
    compiled = SHARED._message(CAMPAIGN, message, language)
    alone = Catalogue([TEMPLATES], SENDER)
    alone._messages[(CAMPAIGN, message, language)] = replace(compiled, weavable=False)
    return alone.render(CAMPAIGN, message, about, language)


def mail(rendered: Rendered, name: str = "Zoé Exemple") -> Mail:
    return Mail(
        sender="Privacy Office <privacy@example.com>",
        reply_to="help@example.com",
        recipient_name=name,
        recipient_address="zoe@example.com",
        message_id="4f2a.7@notifier.example.com",
        dated=datetime(2025, 10, 3, 8, 30, tzinfo=UTC),
        campaign=CAMPAIGN,
        rendered=rendered,
    )


def unwoven(rendered: Rendered) -> Rendered:
    """The same, as it would be rendered alone."""
    return Rendered(rendered.subject, rendered.html, rendered.text, rendered.language, rendered.addresses)


def read(raw: bytes) -> list[bytes]:
    """The two texts, as the standard library's parser reads them."""
    return [bytes(part.get_payload(decode=True)) for part in message_from_bytes(raw).walk() if not part.is_multipart()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("today", [date(2025, 10, 3), date(2025, 11, 2), date(2025, 11, 4)])
@pytest.mark.parametrize("given_name", ["Zoé", ""])
def test_every_shipped_text_is_woven_and_says_the_same(language: str, message: str, today: date, given_name: str) -> None:
    about = facts(given_name, today=today)
    woven = SHARED.render(CAMPAIGN, message, about, language)
    assert isinstance(woven, Woven)
    assert unwoven(woven) == rendered_alone(message, about, language)


@settings(max_examples=150, deadline=None)
@given(given_name=HOSTILE, token=st.text("abcXYZ019-_", min_size=1, max_size=60))
def test_hostile_words_stand_where_they_would_alone(given_name: str, token: str) -> None:
    """S2: markup, marks and formats in a name stay what they are, in the text and on the wire."""
    about = facts(given_name, link=f"https://n.example.com/a/x/{token}")
    woven = SHARED.render(CAMPAIGN, "notice", about, "fr")
    assert unwoven(woven) == rendered_alone("notice", about, "fr")
    raw = to_bytes(mail(woven, given_name))
    assert read(raw) == read(to_bytes(mail(unwoven(woven), given_name)))
    assert [line for line in raw.split(b"\r\n") if line.startswith(b".") or len(line) > 76] == []
    guard(raw, mail(woven, given_name))
    guard(raw, mail(unwoven(woven), given_name))


def test_the_next_person_gets_their_own_words() -> None:
    first = SHARED.render(CAMPAIGN, "notice", facts("Zoé", link="https://n.example.com/a/x/first"), "de")
    second = SHARED.render(CAMPAIGN, "notice", facts("Max", link="https://n.example.com/a/x/second"), "de")
    assert isinstance(first, Woven)
    assert isinstance(second, Woven)
    assert first.letter is second.letter
    for text in (second.html, second.text):
        assert "first" not in text
        assert "Zoé" not in text


def _tampered(old: bytes, new: bytes) -> tuple[bytes, Mail]:
    whole = mail(SHARED.render(CAMPAIGN, "notice", facts("Max"), "en"))
    raw = to_bytes(whole)
    assert old in raw
    return raw.replace(old, new, 1), whole


_HELLO = b"Hello =\r\nMax=\r\n,\r\n"  # a person's word has a line to itself, which ends in a soft line break


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_HELLO, b"Hello =\r\nEva=\r\n,\r\n"),
        (_HELLO, b"Hello =\r\nMax=\r\n, you,\r\n"),
        (_HELLO, b"Hello =\r\nMax and=\r\n Eva=\r\n,\r\n"),
        (b"Good to know", b"Good to show"),
        (_HELLO, _HELLO + b"\r\n"),
        (_HELLO, b"Hello =\r\nMax=\n,\r\n"),
        (_HELLO, b"Hello =\r\nMax=\r\n=\r\n,\r\n"),
        (_HELLO, b""),
        (b"--\r\n", b"x--\r\n"),
    ],
)
def test_the_guard_looks_at_what_is_shared_and_at_what_is_not(old: bytes, new: bytes) -> None:
    """S3"""
    raw, whole = _tampered(old, new)
    with pytest.raises(UnsendableMailError, match="it was not sent"):
        guard(raw, whole)


OTHERS = {
    "link": facts("Max", link="https://n.example.com/a/x/1.4f1d"),
    "given name": facts("Eva"),
    "date": facts("Max", today=date(2025, 10, 4)),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_the_guard_stops_the_mail_of_somebody_else(other: Facts) -> None:
    """S3: to the same address, of the same length, and of the same letter."""
    mine, theirs = (mail(SHARED.render(CAMPAIGN, "notice", about, "en")) for about in (facts("Max"), other))
    guard(to_bytes(mine), mine)
    for raw, meant in ((to_bytes(theirs), mine), (to_bytes(mine), theirs)):
        with pytest.raises(UnsendableMailError, match="other words than were rendered"):
            guard(raw, meant)


def test_the_guard_stops_what_stands_behind_the_end_and_the_number_of_another_mail() -> None:
    whole = mail(SHARED.render(CAMPAIGN, "notice", facts("Max"), "en"))
    raw = to_bytes(whole)
    for wrong in (raw + b"x", raw + raw, raw.replace(whole.message_id.encode(), b"4f2b.8@notifier.example.com")):
        with pytest.raises(UnsendableMailError, match="it was not sent"):
            guard(wrong, whole)


def test_the_guard_stops_the_name_of_somebody_else_beside_the_address() -> None:
    rendered = SHARED.render(CAMPAIGN, "notice", facts("Max"), "en")
    with pytest.raises(UnsendableMailError, match="another recipient"):
        guard(to_bytes(mail(rendered, "Max Muster")), mail(rendered, "Eva Muster"))


def test_the_guard_asks_the_words_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3: were what is kept of words ever mixed up, both the one who writes and the one who looks would be told the same."""
    whole = mail(SHARED.render(CAMPAIGN, "notice", facts("Max"), "en"))
    kept = body._written("Eva"), body._written(facts().link)
    monkeypatch.setattr(body, "_written", lambda word: kept[word.startswith("https")])
    with pytest.raises(UnsendableMailError, match="other words than were rendered"):
        guard(to_bytes(whole), whole)


def _catalogue(folder: Path, words: str) -> Catalogue:
    own = folder / CAMPAIGN
    own.mkdir()
    (own / "notice.en.md").write_text(
        f'+++\nsubject = "S"\npreheader = "P"\nbutton = "B"\n+++\n# T\n\n{words}\n\n{{{{ button }}}}\n'
    )
    return Catalogue([folder, TEMPLATES], SENDER)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ given_name|upper }}", "ZOÉ"),
        ("{{ given_name[:1] }}", "Z"),
        ("{% if given_name == 'Zoé' %}it is you{% endif %}", "it is you"),
        ("{% set who = given_name %}{{ who }}", "Zoé"),
        ("{{ given_name if given_name else 'you' }}", "Zoé"),
    ],
)
def test_a_text_that_does_more_with_a_word_is_rendered_for_each_person(tmp_path: Path, body: str, expected: str) -> None:
    rendered = _catalogue(tmp_path, body).render(CAMPAIGN, "notice", facts("Zoé"), "en")
    assert not isinstance(rendered, Woven)
    assert expected in rendered.text


@pytest.mark.parametrize("body", ["{{ given_name }}@example.org", "eve@{{ given_name }}"])
def test_an_address_made_of_a_word_and_the_text_is_refused(tmp_path: Path, body: str) -> None:
    """S3: an address that is nobody's, however it comes about."""
    rendered = _catalogue(tmp_path, body).render(CAMPAIGN, "notice", facts("evil.example"), "en")
    assert isinstance(rendered, Woven)
    with pytest.raises(UnsendableMailError, match="the address of somebody else"):
        guard(to_bytes(mail(rendered)), mail(rendered))
