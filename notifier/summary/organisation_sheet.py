"""The organisation's figures as a spreadsheet (XLSX).

**No cell is a formula.** Every text is written as text, whatever it begins with, and marked as such ("quote prefix"), so that it
stays text when somebody edits the cell. **The same letter gives the same bytes**: no date in the file is of when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Self

from xlsxwriter import Workbook

from notifier.content.plain import one_line
from notifier.content.rendered import Attachment
from notifier.domain.progress import Row
from notifier.summary.organisation_letter import CampaignReport, OrganisationLetter
from notifier.summary.organisation_wording import OrganisationWording

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MADE_ON = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed text in the file, of no zone
_OPTIONS = {"in_memory": True}
_LONGEST_NAME = 31  # of a sheet
_WIDEST = 60

Value = str | int | date
"""What can stand in a cell."""


def attachment(letter: OrganisationLetter, wording: OrganisationWording) -> Attachment:
    """The file that goes with a letter: "organisation-2025-10-13.xlsx"."""
    return Attachment(f"organisation-{letter.on.isoformat()}.xlsx", MEDIA_TYPE, workbook(letter, wording))


def workbook(letter: OrganisationLetter, wording: OrganisationWording) -> bytes:
    """The bytes of the file: a sheet for each table, with the campaign in the first column."""
    say, reports = wording.say, letter.campaigns
    campaign = say("campaign")
    figures = [campaign, say("group"), say("people"), say("settled_least"), say("settled_most")]
    with _Book() as book:
        counts = [say("people"), say("settled"), say("open")]
        book.add(campaign, [campaign, *counts, say("undeliverable")], map(_totals, reports))
        book.add(say("by_country"), figures, _tables(reports, lambda one: one.figures.by_country, wording.country))
        book.add(say("by_department"), figures, _tables(reports, lambda one: one.figures.by_department, wording.department))
        book.add(say("by_language"), figures, _tables(reports, lambda one: one.figures.by_language, wording.spoken))
        book.add(say("curve"), [campaign, say("day"), *counts], _curves(reports))
        book.add(say("undeliverable"), [campaign, say("person"), say("reason")], _undeliverable(reports))
        book.add(say("roster"), [say("roster")], ((line,) for line in wording.health(letter.roster)))
    return book.content


class _Book:
    """A workbook with all that is the same for every sheet."""

    def __init__(self) -> None:
        self._file = BytesIO()
        self._book = Workbook(self._file, _OPTIONS)
        self._book.set_properties({"created": _MADE_ON})
        self._text = self._book.add_format({"quote_prefix": True})
        self._head = self._book.add_format({"bold": True, "quote_prefix": True})
        self._number = self._book.add_format({"num_format": "#,##0"})
        self._date = self._book.add_format({"num_format": "yyyy-mm-dd"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    @property
    def content(self) -> bytes:
        return self._file.getvalue()

    def add(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Add a sheet whose first row stays in sight."""
        sheet = self._book.add_worksheet(name[:_LONGEST_NAME])
        sheet.freeze_panes(1, 0)
        widths = [len(title) for title in head]
        for column, title in enumerate(head):
            sheet.write_string(0, column, title, self._head)
        for line, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(line, column, one_line(value), self._text)
                elif isinstance(value, int):
                    sheet.write_number(line, column, value, self._number)
                else:
                    sheet.write_datetime(line, column, value, self._date)
                widths[column] = max(widths[column], len(str(value)))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, _WIDEST) + 2)


def _totals(report: CampaignReport) -> tuple[Value, ...]:
    counted = report.figures
    return counted.campaign, counted.people, counted.settled, counted.open, counted.undeliverable


def _tables(
    reports: Iterable[CampaignReport], of: Callable[[CampaignReport], Iterable[Row]], name: Callable[[Row], str]
) -> Iterable[tuple[Value, ...]]:
    for report in reports:
        for row in of(report):
            yield report.figures.campaign, name(row), row.figure.people, row.figure.at_least, row.figure.at_most


def _curves(reports: Iterable[CampaignReport]) -> Iterable[tuple[Value, ...]]:
    for report in reports:
        for point in report.figures.curve:
            yield report.figures.campaign, point.day, point.people, point.settled, point.open


def _undeliverable(reports: Iterable[CampaignReport]) -> Iterable[tuple[Value, ...]]:
    for report in reports:
        for one in report.undeliverable:
            yield report.figures.campaign, one.employee_id, "; ".join(one.reasons)
