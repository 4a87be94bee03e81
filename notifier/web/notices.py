"""Every page that is not somebody's own: what went wrong, or where one has come to, in kind words.

The texts are message ids of the catalogue `pages`; they may name the `organisation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class _Words:
    status: int
    title: str
    paragraphs: tuple[str, ...]
    again: bool = False


class Notice(Enum):
    """Its value: the HTTP status, what is said, and whether a link leads back to the same page."""

    HOME = _Words(
        200,
        "Reminders from %(organisation)s",
        (
            "This site belongs to the reminders that %(organisation)s sends to its people.",
            "If you got one, open the link in it: it leads to your own page. There is nothing to sign in to here.",
        ),
    )
    NOT_UNDERSTOOD = _Words(
        400,
        "We could not read that",
        ("What arrived here was not the form of this page, so nothing was recorded. Please open the page again and answer there.",),
        again=True,
    )
    FOREIGN = _Words(
        403,
        "This answer did not come from our page",
        (
            "For your protection an answer counts only when it is given on the page itself. Nothing was recorded.",
            "Please open the link in your message and answer there.",
        ),
        again=True,
    )
    STALE_FORM = _Words(
        403,
        "Please answer once more",
        (
            "Your answer was not recorded: the page had been open for too long, or your browser keeps no cookies.",
            "Please open the page again and send your answer from there. If it happens twice, try another browser.",
        ),
        again=True,
    )
    BAD_LINK = _Words(
        404,
        "We do not know this link",
        (
            "It may have been cut off or changed on its way. Please open it again from your message, or copy the whole of it.",
            "If that does not help, tell us: we will send you a new one.",
        ),
    )
    NO_CAMPAIGN = _Words(
        404,
        "This matter is not open here any more",
        ("Your link is genuine, but what it was about has been taken down. You need not do anything.",),
    )
    NO_TEAM = _Words(
        404,
        "We do not know which team is yours",
        ("You are signed in, but the list of our people does not say who you are. Use the link in your summary, or ask us.",),
    )
    NOWHERE = _Words(
        404,
        "There is no page here",
        ("If a message from %(organisation)s brought you here, please open its link again, or copy the whole of it.",),
    )
    NOT_THIS_WAY = _Words(405, "That cannot be done here", ("Please open the link in your message and answer there.",))
    CLOSED = _Words(
        410,
        "This has come to its end",
        ("Answers are no longer collected here, and there will be no more reminders. You need not do anything.",),
    )
    LEFT = _Words(
        410,
        "This link is no longer in use",
        (
            "As far as we know, the person it was made for no longer works at %(organisation)s. There will be no more messages.",
            "If that is wrong, please tell us.",
        ),
    )
    TEAM_LINK_OVER = _Words(
        410,
        "This link has had its time",
        ("For the sake of your people it opens for two weeks only. The next summary brings you a new one.",),
    )
    TOO_LARGE = _Words(
        413, "That was too much for this page", ("Nothing was recorded. Please open the page again and answer there.",), again=True
    )
    TOO_MANY = _Words(
        429,
        "Please wait a minute",
        ("Too many links that we do not know came from your network. A link that is complete and correct opens at any time.",),
    )
    BROKEN = _Words(
        500,
        "Something went wrong on our side",
        ("We are sorry. Your answer may not have been recorded: please open the page again in a few minutes and look.",),
        again=True,
    )
    PAUSED = _Words(
        503,
        "We will be back in a moment",
        ("This service cannot store anything right now, so nothing was recorded. Please open the page again in a few minutes.",),
        again=True,
    )


class Refused(Exception):  # noqa: N818 - it is an outcome, not a mistake of ours
    """A request ends with a notice instead of a page.

    Attributes:
        language: of the person, where it is known; else the browser is asked.
    """

    def __init__(self, notice: Notice, *, language: str | None = None) -> None:
        super().__init__(notice.name)
        self.notice = notice
        self.language = language
