"""Pieces of sentences that are told in more than one language: the text, and what is put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a sentence.

    Attributes:
        text: in English, with gaps like `%(words)s`; or somebody's own words, a provider's or an operator's.
        values: what goes into the gaps, by name. One named "channel" is a channel's name, a day is to be written as one.
    """

    text: str
    values: Mapping[str, str | int | date | Phrase] = field(default_factory=dict)

    def __str__(self) -> str:
        """In English."""
        return self.text % {name: _plain(value) for name, value in self.values.items()} if self.values else self.text


def phrase(text: str, **values: str | int | date | Phrase) -> Phrase:
    """A piece with its values. The text is one that `locale` translates."""
    return Phrase(text, values)


def _plain(value: str | int | date | Phrase) -> str:
    return f"{value:%a %d %b}" if isinstance(value, date) else str(value)
