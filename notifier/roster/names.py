"""Full names, split into given and family name the way people write them."""

from __future__ import annotations

import re

_REMARK = re.compile(r"\s*[(\[][^)\]]*[)\]]\s*$")
_TITLES = frozenset(
    {"dr", "dr.", "prof", "prof.", "mr", "mr.", "mrs", "mrs.", "ms", "ms."}
    | {"m.", "mme", "mme.", "mlle"}
    | {"herr", "frau", "dipl.-ing.", "ing."}
)
_PARTICLES = frozenset(
    {"von", "van", "vom", "zu", "zum", "zur", "de", "der", "den", "del", "della", "di", "da", "do", "dos", "das", "du", "des"}
    | {"la", "le", "ter", "ten", "bin", "ibn", "ben", "el", "al", "st.", "saint", "y"}
)


def without_remark(name: str) -> str:
    """The name without what HR systems write behind it: "Zoé Exemple (On Leave)"."""
    return _REMARK.sub("", name)


def split_name(full: str, *, family_first: bool = False) -> tuple[str, str]:
    """Given and family name.

    A comma separates "Family, Given". A word in capitals is the family name ("DUPONT Marie", "Marie DUPONT"). Particles begin a
    family name ("Ludwig van der Berg"). Otherwise the first word is the given name and the rest the family name, or the other
    way round where the header says so.
    """
    name = without_remark(full)
    family, comma, given = name.partition(",")
    if comma and family.strip() and given.strip():
        return " ".join(_without_titles(given.split())), family.strip()
    words = _without_titles(name.replace(",", " ").split())
    if len(words) < 2:
        return " ".join(words), ""
    if (capitals := _run_of_capitals(words)) is not None:
        first, last = capitals
        return " ".join(words[:first] + words[last:]), " ".join(words[first:last])
    if family_first:
        start = _after_particles(words)
        return " ".join(words[start:]), " ".join(words[:start])
    start = _start_of_family(words)
    return " ".join(words[:start]), " ".join(words[start:])


def _without_titles(words: list[str]) -> list[str]:
    start = 0
    while start < len(words) - 1 and words[start].casefold() in _TITLES:
        start += 1
    return words[start:]


def _run_of_capitals(words: list[str]) -> tuple[int, int] | None:
    """Where the words in capitals begin and end, if they stand at one end and others do not."""
    shouted = [len(word) > 1 and word.isupper() and not word.endswith(".") for word in words]
    if all(shouted) or not any(shouted):
        return None
    first = shouted.index(True)
    last = len(shouted) - shouted[::-1].index(True)
    return (first, last) if all(shouted[first:last]) and (first == 0 or last == len(words)) else None


def _start_of_family(words: list[str]) -> int:
    for index in range(1, len(words) - 1):
        if words[index].casefold() in _PARTICLES:
            return index
    start = 1
    while start < len(words) - 1 and len(words[start].rstrip(".")) == 1:
        start += 1
    return start


def _after_particles(words: list[str]) -> int:
    end = 0
    while end < len(words) - 2 and words[end].casefold() in _PARTICLES:
        end += 1
    return end + 1
