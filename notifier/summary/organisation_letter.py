"""What a letter to the compliance officers says: the figures of that moment, kept with the message and never changed.

It is the same letter for every officer. People whom no message reaches are in it by their roster id, with the providers' words, so
that somebody can mend their addresses; addresses that stand in those words are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from notifier.content.plain import addresses_in, one_line
from notifier.store.stories import Undeliverable
from notifier.summary.organisation import OrganisationFigures, RosterHealth

MOST_UNDELIVERABLE = 1000
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """One campaign.

    Attributes:
        undeliverable: the first MOST_UNDELIVERABLE of `figures.undeliverable` people.
        settled_before: how many had settled in the letter before, which was of the day `before_on`; None where there was none.
    """

    figures: OrganisationFigures
    undeliverable: tuple[Undeliverable, ...]
    settled_before: int | None = None
    before_on: date | None = None


@dataclass(frozen=True, slots=True)
class OrganisationLetter:
    """The letter of one week.

    Attributes:
        on: the day it is of, in the organisation's zone; `next_on` that of the next one.
        campaigns: at least one, that with the nearest deadline first.
        seal: the number and the hash of the newest seal of the ledger; None where nothing is sealed yet. Kept in mailboxes, it
            shows later whether anything before it was changed.
    """

    on: date
    next_on: date
    campaigns: tuple[CampaignReport, ...]
    seal: tuple[int, str] | None = None

    @property
    def finished(self) -> bool:
        """Nobody is open anywhere: the last letter, unless somebody is again."""
        return all(not report.figures.open for report in self.campaigns)

    @property
    def roster(self) -> RosterHealth:
        return self.campaigns[0].figures.roster

    def of(self, campaign: str) -> CampaignReport | None:
        """What it says of a campaign."""
        return next((report for report in self.campaigns if report.figures.campaign == campaign), None)


_JSON = TypeAdapter(OrganisationLetter)


def written(letter: OrganisationLetter) -> str:
    """The letter as JSON."""
    return _JSON.dump_json(letter).decode("utf-8")


def read(content: str) -> OrganisationLetter:
    """The letter again."""
    return _JSON.validate_json(content)


def without_addresses(people: list[Undeliverable]) -> tuple[Undeliverable, ...]:
    """The first of these people, without the addresses that providers repeat in what they say."""
    return tuple(Undeliverable(one.employee_id, tuple(map(_reason, one.reasons))) for one in people[:MOST_UNDELIVERABLE])


def _reason(said: str) -> str:
    line = one_line(said)
    for address in addresses_in(line):
        line = line.replace(address, "…")
    return line[:_LONGEST_REASON]
