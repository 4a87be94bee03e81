"""People whose every trace can be found again: names, addresses and tokens that stand nowhere else."""

from __future__ import annotations

import base64
import random
import re
from dataclasses import dataclass
from functools import cached_property

GIVEN = (
    "Zoé",
    "Jürgen",
    "Anne-Sophie",
    "Sinéad",
    "Žofie",
    "Łukasz",
    "O'Neil",
    'Ann "Nan"',
    "李",
    "Ümit, Jr.",
    "{{ name }}",
    "<b>Al</b>",
)
NAME_MARK = re.compile(r"zq(\d{5})(?:g|f)q", re.IGNORECASE)
ADDRESS_MARK = re.compile(r"zq(\d{5})a(?:@|%40|=40)", re.IGNORECASE)


@dataclass(frozen=True)
class Marked:
    """One of them. `number` has five digits."""

    number: int

    @property
    def id(self) -> str:
        return f"e{self.number}"

    @property
    def given_name(self) -> str:
        return f"{GIVEN[self.number % len(GIVEN)]} Zq{self.number:05}gq"

    @property
    def family_name(self) -> str:
        return f"Zq{self.number:05}fq"

    @property
    def email(self) -> str:
        return f"zq{self.number:05}a@example.com"

    @property
    def language(self) -> str:
        return ("en", "fr", "de")[self.number % 3]

    @cached_property
    def public_id(self) -> str:
        return base64.urlsafe_b64encode(random.Random(self.number).randbytes(16)).decode()[:22]


def people_in(text: str) -> set[int]:
    """The numbers of everybody whose name or address stands in a text."""
    return {int(number) for number in NAME_MARK.findall(text) + ADDRESS_MARK.findall(text)}
