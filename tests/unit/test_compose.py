"""From a claimed row to a Slack message: which form it has, whether it asks, and what it says of an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from notifier.channels.base import Outgoing
from notifier.delivery.compose import Composer
from notifier.domain import links
from notifier.domain.campaign import Answer
from notifier.domain.links import LinkKeys, Purpose
from notifier.domain.slack_buttons import OPEN, UNDO, Subject, answer_in
from notifier.store.claims import Claimed
from notifier.store.tables import Kind
from tests.delivery_rig import CAMPAIGN, NOW, shipped_texts

# What employees are asked for, in the order in which it is offered.
OFFERED = (Answer.DONE, Answer.ALREADY_OFF, Answer.NO_ACCOUNT, Answer.PREFER_NOT_TO_SAY, Answer.HELP)
KEYS = LinkKeys({1: b"k" * 32}, 1)
SITE = "https://notifier.example.com"
ANSWERED = datetime(2025, 10, 12, 22, 14, tzinfo=UTC)  # 14 minutes past midnight in Zurich, and another day
ROW = Claimed(
    id=7,
    epoch=1,
    campaign=CAMPAIGN.id,
    kind=Kind.REMINDER,
    occasion=30,
    message="notice",
    attempts=1,
    message_id="0f.7@example.com",
    dated=NOW,
    expires_at=NOW,
    today=date(2025, 10, 3),
    first_notice=True,
    employee_key=3,
    address="U3",
    email="zoe@example.com",
    given_name="Zoé",
    family_name="Eymond",
    roster_language="en",
    language_choice=None,
    country="CH",
    time_zone="Europe/Zurich",
    public_id="A" * 22,
    link_version=2,
    answer=None,
    answered_at=None,
    outlet="",
    reference="D3:1759480000.000100",
)
LINK = links.url(SITE, CAMPAIGN.id, KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, ROW.public_id, ROW.link_version))
BUTTON = Subject(CAMPAIGN.id, ROW.public_id).value


def compose(row: Claimed, channel: str = "slack", *, buttons: bool = True) -> Outgoing:
    campaigns = {CAMPAIGN.id: replace(CAMPAIGN, language_by_country={"DE": "de"})}
    composer = Composer(
        campaigns=campaigns, catalogue=shipped_texts(), keys=KEYS, base_url=SITE, default_language="en", slack_buttons=buttons
    )
    return composer.compose(row, channel)


def actions(outgoing: Outgoing) -> dict[str, dict[str, Any]]:
    """The buttons of a message, by what they do."""
    elements = [each for block in outgoing.rendered.blocks or () if block["type"] == "actions" for each in block["elements"]]
    return {each["action_id"]: each for each in elements}


def rewrite(answer: Answer | None, **more: Any) -> Claimed:
    return replace(ROW, kind=Kind.REWRITE, answer=answer, answered_at=ANSWERED if answer else None, **more)


def test_a_reminder_asks_with_a_button_for_each_answer_and_the_link() -> None:
    outgoing = compose(ROW)
    found = actions(outgoing)
    assert [answer_in(action) for action in found] == [*OFFERED, None]
    assert {each.get("value") for action, each in found.items() if answer_in(action)} == {BUTTON}
    assert found[OPEN]["url"] == LINK
    assert (outgoing.address, outgoing.reference, outgoing.message_id) == ("U3", "D3:1759480000.000100", "0f.7@example.com")
    assert (outgoing.delivery_id, outgoing.employee_key, outgoing.campaign, outgoing.name) == (7, 3, CAMPAIGN.id, "Zoé Eymond")


def test_where_people_answer_on_the_page_only_there_is_the_link_alone() -> None:
    found = actions(compose(ROW, buttons=False))
    assert found.keys() == {OPEN}
    assert found[OPEN]["url"] == LINK
    assert BUTTON not in json.dumps(compose(ROW, buttons=False).rendered.blocks)


def test_a_mail_has_no_blocks() -> None:
    outgoing = compose(replace(ROW, address=ROW.email, outlet="a@example.com"), "smtp")
    assert not outgoing.rendered.blocks
    assert LINK in outgoing.rendered.text
    assert (outgoing.address, outgoing.outlet) == (ROW.email, "a@example.com")
    assert compose(ROW, "graph").rendered == outgoing.rendered


def test_a_receipt_asks_nothing() -> None:
    receipt = replace(ROW, kind=Kind.RECEIPT, message="receipt", answer=Answer.DONE, answered_at=ANSWERED)
    assert not [action for action in actions(compose(receipt)) if answer_in(action)]
    assert BUTTON not in json.dumps(compose(receipt).rendered.blocks)
    assert "13 October 2025" in compose(receipt).rendered.text, "the day of the answer where the person is"


@pytest.mark.parametrize("answer", OFFERED[:-1])
def test_a_reminder_that_is_answered_says_so_and_offers_to_undo(answer: Answer) -> None:
    outgoing = compose(rewrite(answer))
    assert "Settled on 13 October 2025 at 00:14" in outgoing.rendered.text
    assert actions(outgoing).keys() == {UNDO, OPEN}
    assert actions(outgoing)[UNDO]["value"] == BUTTON
    assert outgoing.rendered.subject == compose(ROW).rendered.subject


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (rewrite(Answer.HELP), "You asked for help on 13 October 2025"),
        (rewrite(Answer.DONE, provisional=True), "Please confirm your answer"),
        (rewrite(Answer.HELP, provisional=True), "Please confirm your answer"),
    ],
)
def test_what_settles_nothing_goes_on_asking(row: Claimed, said: str) -> None:
    outgoing = compose(row)
    assert said in outgoing.rendered.text
    assert [answer_in(action) for action in actions(outgoing)] == [*OFFERED, None]


def test_an_answer_that_was_taken_back_brings_the_message_back() -> None:
    assert compose(rewrite(None)).rendered == compose(ROW).rendered


@pytest.mark.parametrize("buttons", [True, False])
def test_a_receipt_whose_answer_no_longer_counts_says_so_and_asks_nothing(buttons: bool) -> None:
    outgoing = compose(rewrite(None, message="receipt"), buttons=buttons)
    assert "This answer no longer counts." in outgoing.rendered.text
    assert actions(outgoing).keys() == {OPEN}


def test_what_was_written_when_it_was_planned_is_made_by_its_writer() -> None:
    """And known as long as there is one, whatever campaigns there are."""

    class Pen:
        def compose(self, row: Claimed, channel: str) -> Outgoing:
            return replace(written, delivery_id=row.id, name=f"for {channel}")

    written = compose(ROW)
    composer = Composer(
        campaigns={},
        catalogue=shipped_texts(),
        keys=KEYS,
        base_url=SITE,
        default_language="en",
        writers={Kind.SUMMARY: Pen()},
    )
    letter = replace(ROW, id=8, kind=Kind.SUMMARY, campaign="", letter="{}")
    assert composer.compose(letter, "smtp") == replace(written, delivery_id=8, name="for smtp")
    assert composer.knows(letter)
    assert not composer.knows(replace(letter, kind=Kind.ORGANISATION))
    assert not composer.knows(ROW)


@pytest.mark.parametrize(
    ("known", "language"),
    [
        ({"language_choice": "fr", "roster_language": "de", "country": "DE"}, "fr"),
        ({"roster_language": "fr", "country": "DE"}, "fr"),
        ({"roster_language": None, "country": "DE"}, "de"),
        ({"roster_language": None, "country": "CH"}, "en"),
    ],
)
def test_the_language_is_the_persons_on_every_channel(known: dict[str, Any], language: str) -> None:
    for channel in ("slack", "smtp"):
        assert compose(replace(ROW, **known), channel).rendered.language == language
