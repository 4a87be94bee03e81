"""Who reports to whom: managers named by id, address, distinguished name, login or full name, resolved to ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from operator import eq

from notifier.roster.names import split_name, without_remark
from notifier.roster.reading import Notes
from notifier.roster.text import fold, shorten
from notifier.store.people import People, Table

_AMBIGUOUS = ""
_WHOLE_NUMBER = re.compile(r"(\d+)[.,]0+")
_COMMON_NAME = re.compile(r"CN=((?:\\.|[^,\\])+)", re.IGNORECASE)
_NUMBER_BEHIND = re.compile(r"[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*$")


def with_managers(drafts: Table, notes: Notes, *, wordless_names: bool = True) -> People:
    """The people with their managers' ids. Missing and ambiguous managers, and circles, are noted and harmless.

    Args:
        drafts: the columns of `Draft`.
        wordless_names: whether a given or family name may be without any letter or digit.
    """
    named = set(chain.from_iterable(column for (column,) in drafts.blocks("managers")))
    directory = _Directory(drafts, {text for managers in named for text in managers.splitlines()}, wordless_names=wordless_names)
    found = {managers: directory.find_first(managers) for managers in named}
    manager_of: dict[str, str] = {}
    people = People.of_table(drafts, _manager_ids(drafts, found, directory, notes, manager_of))
    for circle in _circles(manager_of):
        lines = (line for columns in drafts.blocks("line", "id") for line, id_ in zip(*columns, strict=True) if id_ in circle)
        notes.add(min(lines), f"{len(circle)} people are each other's managers in a circle")
    return people


def _manager_ids(
    drafts: Table, found: Mapping[str, str], directory: _Directory, notes: Notes, manager_of: dict[str, str]
) -> Iterator[list[str]]:
    """For each block of people the ids of their managers or "". Few blocks hold anything to tell: others are done as a whole.

    Args:
        manager_of: takes who reports to whom among those to whom somebody reports: only they can stand in a circle.
    """
    above = set(found.values())
    for lines, ids, managers in drafts.blocks("line", "id", "managers"):
        ids_found = list(map(found.__getitem__, managers))
        if "" in ids_found or any(map(eq, ids_found, ids)):
            rows = zip(lines, ids, managers, ids_found, strict=True)
            ids_found = [_manager_id(line, id_, named, manager, directory, notes) for line, id_, named, manager in rows]
        if not above.isdisjoint(ids):
            manager_of |= {id_: manager for id_, manager in zip(ids, ids_found, strict=True) if manager and id_ in above}
        yield ids_found


def _manager_id(line: int, id_: str, managers: str, found: str, directory: _Directory, notes: Notes) -> str:
    if found and found != id_:
        return found
    if found:
        notes.add(line, "somebody is named as their own manager; taken as having none")
    elif managers:
        texts = managers.splitlines()
        why = "fits several people" if _AMBIGUOUS in map(directory.find, texts) else "is not among the accepted people"
        notes.add(line, f"manager {shorten(texts[0])!r} {why}")
    return ""


class _Directory:
    """People by what others call them: of everything a person may be called only what is asked for.

    Args:
        texts: whom `find` will be asked for.
        wordless_names: as for `with_managers`.
    """

    def __init__(self, drafts: Table, texts: set[str], *, wordless_names: bool) -> None:
        self._drafts = drafts
        self._wordless_names = wordless_names
        self._names: dict[str, str] | None = None
        self._exact = set().union(*(texts.intersection(ids) for (ids,) in drafts.blocks("id")))
        self._others = texts - self._exact
        wanted = {word for text in self._others for word in _words(text)}
        self._ids = _asked_for(drafts.blocks("id", "id"), str.casefold, wanted)
        self._emails = _asked_for(drafts.blocks("email", "id"), str.casefold, {word for word in wanted if "@" in word})
        distinguished = {_plain(text) for text in self._others if "=" in text}
        self._distinguished = _asked_for(drafts.blocks("distinguished_name", "id"), _plain, distinguished)

    def find_first(self, managers: str) -> str:
        """The id of the first person that is found of those who are named, each on a line; or ""."""
        return next(filter(None, map(self.find, managers.splitlines())), "")

    def find(self, text: str) -> str | None:
        """The id of the person meant, None for nobody, `_AMBIGUOUS` for several."""
        if text in self._exact:
            return text
        found = self._by_word(text)
        if found is None and (key := _name_key(_common_name(text))):
            found = self._by_name().get(key)
        return found

    def _by_word(self, text: str) -> str | None:
        word, *behind = _words(text)
        found = (self._ids.get(word), self._emails.get(word), self._distinguished.get(_plain(text)))
        numbers = ((self._ids.get(number), self._emails.get(number)) for number in behind)
        return next((id_ for id_ in chain(found, *numbers) if id_ is not None), None)

    def _by_name(self) -> Mapping[str, str]:
        if self._names is None:
            wanted = {_name_key(_common_name(text)) for text in self._others if self._by_word(text) is None} - {""}
            only_words = not any(" " in key for key in wanted)  # ids of nobody, as a rule
            self._names = {}
            for ids, names in self._full_names(only_words=only_words):
                for id_, several in zip(ids, names, strict=True) if any(names) else ():
                    for key in {_name_key(name) for name in several.splitlines()} & wanted:
                        if self._names.setdefault(key, id_) != id_:
                            self._names[key] = _AMBIGUOUS
        return self._names

    def _full_names(self, *, only_words: bool) -> Iterator[Sequence[Sequence[str]]]:
        """For each block the ids, and under which full names each person may be found, each on a line.

        Args:
            only_words: those of a given and a family name need no look, as both have letters or digits.
        """
        if only_words and not self._wordless_names:
            yield from self._drafts.blocks("id", "other_names")
            return
        for ids, *names in self._drafts.blocks("id", "given_name", "family_name", "other_names"):
            yield (
                ids,
                [
                    others if only_words and fold(given) and fold(family) else f"{given} {family}\n{others}"
                    for given, family, others in zip(*names, strict=True)
                ],
            )


def _asked_for(blocks: Iterable[list[list[str]]], word_of: Callable[[str], str], wanted: AbstractSet[str]) -> dict[str, str]:
    """The ids of people by a word, as far as it is wanted; `_AMBIGUOUS` where it is a word for several."""
    found: dict[str, str] = {}
    for texts, ids in blocks if wanted else ():
        words = list(map(word_of, texts))
        if wanted.isdisjoint(words):
            continue
        for word, id_ in zip(words, ids, strict=True):
            if word in wanted and found.setdefault(word, id_) != id_:
                found[word] = _AMBIGUOUS
    return found


def _words(text: str) -> list[str]:
    """What the text is as an id or an address, and then what stands in parentheses behind a name."""
    whole = _WHOLE_NUMBER.fullmatch(text)
    behind = _NUMBER_BEHIND.search(text)
    return [(whole[1] if whole else text).casefold(), *([behind[1].casefold()] if behind else [])]


def _common_name(text: str) -> str:
    """The name in a distinguished name; any other text as it is."""
    common = _COMMON_NAME.match(text)
    return re.sub(r"\\(.)", r"\1", common[1]) if common else text


def _name_key(name: str) -> str:
    """The same for "Zoé Exemple", "EXEMPLE Zoe", "Exemple, Zoé" and "Zoé Exemple (On Leave)": order and accents do not count."""
    plain = without_remark(name)
    given, family = split_name(plain) if "," in plain else (plain, "")
    return " ".join(sorted(folded for word in f"{given} {family}".split() if (folded := fold(word))))


def _plain(distinguished_name: str) -> str:
    return re.sub(r"\s*,\s*", ",", distinguished_name).casefold()


def _circles(manager_of: Mapping[str, str]) -> Iterator[list[str]]:
    """Each circle once. A person is walked through at most once, so a million people cost a million steps."""
    done: set[str] = set()
    for start in manager_of:
        path: dict[str, int] = {}
        person: str | None = start
        while person is not None and person not in done and person not in path:
            path[person] = len(path)
            person = manager_of.get(person)
        if person in path:
            yield list(path)[path[person] :]
        done.update(path)
