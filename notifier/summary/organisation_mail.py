"""The mail to a compliance officer: a letter as it was written, in the officer's language, with the figures as a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from notifier.channels.base import Outgoing
from notifier.content.facts import Facts, Sender
from notifier.content.plain import addresses_in
from notifier.content.rendered import Rendered
from notifier.domain.employee import choose_language, full_name
from notifier.store.claims import Claimed
from notifier.summary.organisation_drawing import Drawing
from notifier.summary.organisation_letter import OrganisationLetter, read
from notifier.summary.organisation_sheet import attachment
from notifier.summary.organisation_weekly import MESSAGE
from notifier.summary.organisation_wording import OrganisationWording
from notifier.summary.texts import Said, Texts

_PAGE = "/admin"


class OrganisationWriter:
    """Writes `Kind.ORGANISATION`: see `delivery.compose.Writer`.

    Args:
        folders: of templates, the organisation's own before those that came with the program.
        zone: the organisation's.
        default_language: of officers of whom nothing else is known.
    """

    def __init__(self, folders: Sequence[Path], sender: Sender, *, base_url: str, zone: ZoneInfo, default_language: str) -> None:
        self._texts = Texts(folders, sender)
        self._base_url = base_url.rstrip("/")
        self._zone = zone
        self._default_language = default_language

    def compose(self, row: Claimed, channel: str) -> Outgoing:  # noqa: ARG002 - there is one way only
        """The mail of a row. The same row gives the same bytes, for ever.

        Raises:
            TextError: the text is missing or wrong.
        """
        language = choose_language(
            chosen=row.language_choice, roster=row.roster_language, country=None, by_country={}, default=self._default_language
        )
        name = full_name(row.given_name, row.family_name, row.email)
        wording = OrganisationWording(language, row.today, self._zone)
        return Outgoing(
            delivery_id=row.id,
            employee_key=row.employee_key,
            campaign=MESSAGE,
            address=row.address,
            name=name if name != row.email else "",
            message_id=row.message_id,
            dated=row.dated,
            rendered=self.render(read(row.letter), wording, given_name=row.given_name, name=name),
            outlet=row.outlet,
        )

    def render(self, letter: OrganisationLetter, wording: OrganisationWording, *, given_name: str = "", name: str = "") -> Rendered:
        """The mail, with its file. Raises as `compose` does."""
        first = letter.campaigns[0]
        drawing = Drawing(letter, wording)
        subject = wording.subject(letter)
        said = Said(
            subject=subject,
            preheader=wording.say("stand", moment=wording.moment(first.figures.at)),
            html=drawing.html(),
            text=drawing.text(),
            slack=(),
            facts=Facts(
                given_name or name,
                name,
                f"{self._base_url}{_PAGE}",
                wording.today,
                first.figures.deadline,
                first_notice=False,
            ),
        )
        rendered = self._texts.mail(MESSAGE, said, wording.language)
        # What a department is called, or what a provider said, may look like an address; it is meant for officers.
        told = frozenset(addresses_in(rendered.text))
        return replace(rendered, addresses=rendered.addresses | told, attachments=(attachment(letter, wording),))
