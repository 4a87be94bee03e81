"""What is known of the people in Microsoft Entra ID, so that the next reading only asks what has changed.

Graph gives a change as the entry's id with at least the properties that changed; what it leaves out stays as it was. An entry may
come several times and on any page, so an entry is whole only at the end of a reading.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

MANAGER = "manager"
_LOGIN = "userPrincipalName"  # nobody is without
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and where. The answers to another one are of no use.

    Attributes:
        root: of Graph, without the version.
        fields: properties of a user; "a/b" is the property b of a.
    """

    root: str
    tenant: str
    fields: tuple[str, ...]

    @property
    def link(self) -> str:
        """Where to begin."""
        selected = dict.fromkeys(("id", *(name.partition("/")[0] for name in self.fields), MANAGER))
        return f"/users/delta?$select={','.join(selected)}"

    @property
    def words(self) -> list[str]:
        """What makes it this question."""
        return [self.root, self.tenant, *self.fields]


@dataclass(slots=True)
class Snapshot:
    """Everybody, as they stood at one moment.

    Attributes:
        since: the day on which everybody was read; later readings only brought changes.
        link: what to ask for what changed since.
        people: by their ids in the directory a text for each field of the question, and last the id of the manager; "" is nothing.
    """

    question: Question
    since: date
    link: str = ""
    people: dict[str, list[str]] = field(default_factory=dict)

    def take(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Bring in a page of Graph."""
        for item in items:
            id_ = item.get("id")
            if not isinstance(id_, str):
                continue
            if "@removed" in item:
                self.people.pop(id_, None)
                continue
            cells = self.people.setdefault(id_, [""] * (len(self.question.fields) + 1))
            for index, name in enumerate(self.question.fields):
                first, *rest = name.split("/")
                if first in item:
                    cells[index] = _text(item[first], rest)
            cells[-1] = _manager(item.get(f"{MANAGER}@delta"), cells[-1])

    @property
    def is_whole(self) -> bool:
        """Whether everybody came with more than what changed."""
        login = self.question.fields.index(_LOGIN)
        return all(cells[login] for cells in self.people.values())

    def dump(self) -> bytes:
        """As bytes, small."""
        content = {
            "version": _VERSION,
            "question": self.question.words,
            "since": self.since.isoformat(),
            "link": self.link,
            "people": self.people,
        }
        return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    @classmethod
    def load(cls, raw: bytes, question: Question) -> Snapshot | None:
        """From bytes; None if they are damaged, or answer another question."""
        try:
            content = json.loads(zlib.decompress(raw))
            if (content["version"], content["question"]) != (_VERSION, question.words):
                return None
            return cls(question, date.fromisoformat(content["since"]), str(content["link"]), dict(content["people"]))
        except (zlib.error, ValueError, KeyError, TypeError):
            return None


def _text(value: Any, path: Sequence[str]) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _manager(changes: Any, before: str) -> str:
    """The id of the manager after a change. One who moves can come with the old one, marked as removed, and the new one."""
    now = before
    for change in changes if isinstance(changes, list) else ():
        id_ = change.get("id") if isinstance(change, Mapping) else None
        if isinstance(id_, str) and "@removed" not in change:
            now = id_
        elif id_ == now:
            now = ""
    return now
