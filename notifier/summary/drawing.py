"""A campaign in a letter, drawn: as HTML, as plain text, and as pieces of a Slack message. All three say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from notifier.content import mrkdwn
from notifier.content.mrkdwn import Piece

_BLOCKS = 10  # of a bar in plain text

_P = Markup('<p style="margin: 0 0 12px 0">{}</p>')
_H2 = Markup('<h2 style="margin: 24px 0 8px 0; font-size: 18px; line-height: 1.3; font-weight: 600">{}</h2>')
_H2_SMALL = Markup('<h2 style="margin: 16px 0 8px 0; font-size: 16px; line-height: 1.3; font-weight: 600">{}</h2>')
_H3 = Markup('<h3 style="margin: 16px 0 8px 0; font-size: 16px; line-height: 1.3; font-weight: 600">{}</h3>')
_UL = Markup('<ul style="margin: 0 0 12px 0; padding-left: 24px">{}</ul>')
_LI = Markup("<li>{}</li>")
_NAMED = Markup("<li>{} ({})</li>")
_TABLE = Markup('<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin: 0 0 16px 0">{}</table>')
_ROW = Markup(
    '<tr><th scope="row" align="left" style="font-weight: 400; text-align: left; padding: 6px 8px 2px 0">{}</th>'
    '<td align="right" valign="bottom" style="text-align: right; padding: 6px 0 2px 0; white-space: nowrap">{}</td></tr>'
    '<tr aria-hidden="true"><td colspan="2"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
    "{}</tr></table></td></tr>"
)
_CELL = Markup('<td class="{}" width="{}%" height="8" style="background-color: {}; font-size: 1px; line-height: 8px">&nbsp;</td>')
# Classes of the layout, whose colours in the dark they take.
_FULL, _EMPTY = ("button-cell", "#0b57d0"), ("page", "#dfe3e8")


@dataclass(frozen=True, slots=True)
class Line:
    """A bar.

    Attributes:
        figure: in words.
        said: both, on one line for Slack.
        share: how much of it is full, from 0 to 1.
    """

    label: str
    figure: str
    said: str
    share: float


@dataclass(frozen=True, slots=True)
class Part:
    """One campaign, or what stands below all of them.

    Attributes:
        title: "" for none.
        said: paragraphs.
        named_title: above the names; they are (name, what is said of them).
        after: paragraphs below all of it.
    """

    title: str = ""
    said: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    named_title: str = ""
    named: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()


def to_html(part: Part) -> Markup:
    """With its styles in the elements, as mail programs want them."""
    pieces = [_H2.format(part.title)] if part.title else []
    pieces += map(_P.format, part.said)
    if part.lines:
        pieces.append(_TABLE.format(Markup().join(map(_row, part.lines))))
    if part.named:
        names = (_NAMED.format(name, details) if details else _LI.format(name) for name, details in part.named)
        heading = _H3 if part.title else _H2_SMALL
        pieces += [heading.format(part.named_title), _UL.format(Markup().join(names))]
    return Markup("\n").join([*pieces, *map(_P.format, part.after)])


def to_text(part: Part) -> str:
    """Bars aligned, for a font in which all letters are equally wide."""
    paragraphs = [f"{part.title}\n{'=' * len(part.title)}"] if part.title else []
    paragraphs += part.said
    if part.lines:
        paragraphs.append("\n".join(_text_bars(part.lines)))
    if part.named:
        names = (f"- {name} ({details})" if details else f"- {name}" for name, details in part.named)
        paragraphs.append("\n".join([part.named_title, *names]))
    return "\n\n".join([*paragraphs, *part.after])


def to_slack(part: Part) -> Iterator[tuple[Piece, str]]:
    """Escaped; what comes from a roster is made harmless besides."""
    if part.title:
        yield Piece.SECTION, f"*{_safe(part.title)}*"
    yield from ((Piece.TEXT, mrkdwn.escape(paragraph)) for paragraph in part.said)
    if part.lines:
        yield Piece.TEXT, "\n".join(f"• {mrkdwn.escape(line.said)}" for line in part.lines)
    if part.named:
        names = (f"• {_safe(name)}" + (f" ({mrkdwn.escape(details)})" if details else "") for name, details in part.named)
        yield Piece.TEXT, "\n".join([f"*{mrkdwn.escape(part.named_title)}*", *names])
    yield from ((Piece.TEXT, mrkdwn.escape(paragraph)) for paragraph in part.after)


def _row(line: Line) -> Markup:
    full = round(100 * line.share)
    cells = [(*_FULL, full), (*_EMPTY, 100 - full)]
    drawn = (_CELL.format(name, share, colour) for name, colour, share in cells if share)
    return _ROW.format(line.label, line.figure, Markup().join(drawn))


def _text_bars(lines: tuple[Line, ...]) -> Iterator[str]:
    wide = max(len(line.figure) for line in lines)
    for line in lines:
        full = round(_BLOCKS * line.share)
        yield f"{'#' * full}{'.' * (_BLOCKS - full)}  {line.figure.rjust(wide)}  {line.label}"


def _safe(text: str) -> str:
    return mrkdwn.escape(mrkdwn.harmless(text))
