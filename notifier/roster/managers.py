"""Who reports to whom: managers named by id, address, distinguished name, login or full name, resolved to ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from notifier.domain.employee import Employee
from notifier.roster.names import split_name, without_remark
from notifier.roster.reading import Notes
from notifier.roster.rows import Draft
from notifier.roster.text import fold, shorten

_AMBIGUOUS = ""
_WHOLE_NUMBER = re.compile(r"(\d+)[.,]0+")
_COMMON_NAME = re.compile(r"CN=((?:\\.|[^,\\])+)", re.IGNORECASE)
_NUMBER_BEHIND = re.compile(r"[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*$")


def with_managers(drafts: Sequence[Draft], notes: Notes) -> tuple[Employee, ...]:
    """The employees with their `manager_id`. Missing and ambiguous managers, and circles, are noted and harmless."""
    directory = _Directory(drafts)
    employees = [_with_manager(draft, directory, notes) for draft in drafts]
    circles = list(_circles({employee.id: employee.manager_id for employee in employees if employee.manager_id}))
    lines = {draft.employee.id: draft.line for draft in drafts} if circles else {}
    for circle in circles:
        notes.add(lines[circle[0]], f"{len(circle)} people are each other's managers in a circle")
    return tuple(employees)


def _with_manager(draft: Draft, directory: _Directory, notes: Notes) -> Employee:
    if not draft.managers:
        return draft.employee
    found = None
    for text in draft.managers:
        found = directory.find(text)
        if found:
            break
    if found == draft.employee.id:
        notes.add(draft.line, "somebody is named as their own manager; taken as having none")
        return draft.employee
    if not found:
        why = "fits several people" if found == _AMBIGUOUS else "is not among the accepted people"
        notes.add(draft.line, f"manager {shorten(draft.managers[0])!r} {why}")
        return draft.employee
    return replace(draft.employee, manager_id=found)


class _Directory:
    """People by everything others may call them. The index of names is made when the first name is asked for."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._drafts = drafts
        self._ids = {draft.employee.id.casefold(): draft.employee.id for draft in drafts}
        self._emails = {draft.employee.email.casefold(): draft.employee.id for draft in drafts}
        self._distinguished = {_plain(draft.distinguished_name): draft.employee.id for draft in drafts if draft.distinguished_name}
        self._names: dict[str, str] | None = None
        self._known: dict[str, str | None] = {}

    def find(self, text: str) -> str | None:
        """The id of the person meant, None for nobody, `_AMBIGUOUS` for several."""
        if text not in self._known:
            self._known[text] = self._look_up(text)
        return self._known[text]

    def _look_up(self, text: str) -> str | None:
        whole = _WHOLE_NUMBER.fullmatch(text)
        word = (whole[1] if whole else text).casefold()
        if found := self._ids.get(word) or self._emails.get(word) or self._distinguished.get(_plain(text)):
            return found
        if (behind := _NUMBER_BEHIND.search(text)) and (
            found := self._ids.get(behind[1].casefold()) or self._emails.get(behind[1].casefold())
        ):
            return found
        if common := _COMMON_NAME.match(text):
            text = re.sub(r"\\(.)", r"\1", common[1])
        names = self._by_name()
        key = _name_key(text)
        return names.get(key) if key else None

    def _by_name(self) -> Mapping[str, str]:
        if self._names is None:
            self._names = {}
            for draft in self._drafts:
                for key in {_name_key(name) for name in _names_of(draft)} - {""}:
                    known = self._names.setdefault(key, draft.employee.id)
                    if known != draft.employee.id:
                        self._names[key] = _AMBIGUOUS
        return self._names


def _names_of(draft: Draft) -> Iterator[str]:
    yield f"{draft.employee.given_name} {draft.employee.family_name}"
    yield f"{draft.employee.family_name} {draft.employee.given_name}"
    yield from draft.other_names


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
