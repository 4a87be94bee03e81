"""Words from a roster: made safe to stand inside one line of anything, and searched for addresses."""

from __future__ import annotations

import re
from itertools import pairwise

# Controls, line and paragraph separators and the marks that turn the reading direction: none belongs into a name, and each
# can make a line say something else than it holds.
_BREAKING = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_BEFORE_AT = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+\Z")
_AFTER_AT = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_LONGEST_LOCAL_PART = 64
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def one_line(value: str) -> str:
    """The same words on one line, without controls, direction marks and halves of characters."""
    if value.isprintable():
        return value.strip()
    value = _BREAKING.sub(" ", _TURNING.sub("", value))
    return _HALF_CHARACTER.sub("\ufffd", value).strip()


def addresses_in(text: str) -> list[str]:
    """The mail addresses that a reader, or a mail program, would see in a text."""
    pieces = text.split("@")
    found = []
    for before, after in pairwise(pieces):
        local, domain = _BEFORE_AT.search(before[-_LONGEST_LOCAL_PART:]), _AFTER_AT.match(after)
        if local and domain:
            found.append(f"{local.group()}@{domain.group()}")
    return found
