"""The spaces that French wants, put in for authors whose keyboard has none of them."""

from __future__ import annotations

import re

NO_BREAK = "\u00a0"
NARROW_NO_BREAK = "\u202f"

_BEFORE_NARROW = re.compile(r" (?=[;!?])")
_BEFORE_WIDE = re.compile(r" (?=[:»])")
_AFTER_OPENING = re.compile(r"(?<=«) ")


def french_spaces(text: str) -> str:
    """The text with its plain spaces before ; ! ? : » and after « turned into the no-break spaces that belong there."""
    text = _BEFORE_NARROW.sub(NARROW_NO_BREAK, text)
    return _AFTER_OPENING.sub(NO_BREAK, _BEFORE_WIDE.sub(NO_BREAK, text))


def plain_spaces(text: str) -> str:
    """The text with ordinary spaces only: some programs show the others as boxes in plain text."""
    return text.replace(NO_BREAK, " ").replace(NARROW_NO_BREAK, " ")
