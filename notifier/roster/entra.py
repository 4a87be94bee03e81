"""People out of Microsoft Entra ID, through Microsoft Graph.

The first reading asks for everybody, page by page; what came is kept with a link that tells what has changed since, so the next one
is a request or two. Once a week everybody is read anew, since Graph forgets such links after seven days and nothing that was missed
should stay. Where what was kept cannot be used, because it is damaged, answers another question, or Graph has forgotten it,
everybody is read anew as well: what is kept makes a reading quicker and never changes what it says.

Where a person is, `country` says, if it names a country: it is the address that HR or Active Directory wrote. `usageLocation`, the
country that licences are bought for, is always a code, but many organisations write their own into it for everybody; it counts
where `country` says nothing. A manager is found by the id of an entry, which stands in the place of a distinguished name.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from notifier.errors import BadDataError, TryLaterError
from notifier.microsoft import GRAPH_URL, GraphClient
from notifier.roster import places
from notifier.roster.entra_pages import OutdatedError, Page, Pages, Pause
from notifier.roster.entra_snapshot import Question, Snapshot
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.records import Records, read_records
from notifier.roster.text import fold

_FIELDS = (
    *("userPrincipalName", "accountEnabled", "userType", "givenName", "surname", "displayName", "mail"),
    *("preferredLanguage", "country", "usageLocation", "state", "department"),
)
_PROPERTY = re.compile(r"[A-Za-z]\w*(/\w+)*")
_DAYS_BETWEEN = 7


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whom to ask about.

    Attributes:
        id: its id, or a domain of it.
        id_from: the property that an employee is known by.
        graph_url: of the cloud, without the version.
        per_second: no more requests than that.
    """

    id: str
    id_from: Literal["id", "employeeId"] = "id"
    graph_url: str = GRAPH_URL
    per_second: int = 10


async def read_entra_roster(
    graph: GraphClient,
    tenant: Tenant,
    *,
    kept: bytes | None,
    columns: Mapping[str, str],
    defaults: Defaults,
    today: date,
    progress: Callable[[int], None],
    pause: Pause = asyncio.sleep,
) -> RosterReading:
    """Read the people of a tenant.

    Args:
        kept: `snapshot` of the last reading that was applied, or None to read everybody.
        columns: our field -> the property it comes from, where that is not recognised by itself; "a/b" is the property b of a.
        defaults, today: as for `files.read_roster`.
        progress: called with the number of entries so far, after each page.
        pause: waits so many seconds.

    Returns:
        The reading, with the `snapshot` to keep once it has been applied.

    Raises:
        NotPermittedError: the app gets no token, or may not read people.
        ConfigurationError: the app's credential cannot be read.
        TryLaterError: Entra ID or Graph cannot be reached, or not for now.
        BadDataError: Graph does not know a property of `columns`, or what it gives is no roster.
    """
    root = tenant.graph_url.rstrip("/")
    question = Question(root, tenant.id, _fields(tenant, columns))
    pages = Pages(graph, root=root, per_second=tenant.per_second, pause=pause)
    reader = _Reader(pages, question, today, progress)
    snapshot = await reader.changed_since(kept) or await reader.everybody()
    reading = read_records(_records(snapshot, tenant), columns=columns, defaults=defaults, today=today)
    return replace(reading, remark=reader.remark, snapshot=snapshot.dump())


class _Reader:
    """Reads everybody, or what has changed.

    Attributes:
        remark: what it came to, in words.
    """

    def __init__(self, pages: Pages, question: Question, today: date, progress: Callable[[int], None]) -> None:
        self._pages = pages
        self._question = question
        self._today = today
        self._progress = progress
        self.remark = ""

    async def changed_since(self, kept: bytes | None) -> Snapshot | None:
        """What was kept, brought up to date; None if that cannot be done."""
        snapshot = None if kept is None else Snapshot.load(kept, self._question)
        if snapshot is None or (self._today - snapshot.since).days not in range(_DAYS_BETWEEN):
            return None
        try:
            changes = await self._follow(snapshot.link, snapshot)
        except (OutdatedError, BadDataError):  # Graph is not at one with itself about how it says that a link is too old
            return None
        self.remark = f"{changes} changes in {self._requests}, the others as they were"
        return snapshot if snapshot.is_whole else None

    async def everybody(self) -> Snapshot:
        """All there are. Graph may lose its place once."""
        for _ in range(2):
            snapshot = Snapshot(self._question, self._today)
            try:
                entries = await self._follow(self._question.link, snapshot)
            except OutdatedError as error:
                said = str(error)
            else:
                self.remark = f"{entries} entries in {self._requests}"
                return snapshot
        msg = f"Microsoft Graph loses its place while it lists the people: {said}"
        raise TryLaterError(msg, hint="nothing was changed; it is tried again with the next reading of the roster")

    @property
    def _requests(self) -> str:
        return f"{self._pages.requests} request{'' if self._pages.requests == 1 else 's'}"

    async def _follow(self, link: str, snapshot: Snapshot) -> int:
        """Read from a link on. Returns how many entries came."""
        came: set[str] = set()

        def take(items: Page) -> None:
            snapshot.take(items)
            came.update(str(item.get("id")) for item in items)
            self._progress(len(came))

        snapshot.link = await self._pages.read(link, take)
        return len(came)


def _fields(tenant: Tenant, columns: Mapping[str, str]) -> tuple[str, ...]:
    known = {"id", *map(fold, _FIELDS)}
    own = (name for name in columns.values() if _PROPERTY.fullmatch(name) and fold(name) not in known)
    return tuple(dict.fromkeys((*_FIELDS, *(("employeeId",) if tenant.id_from == "employeeId" else ()), *own)))


def _records(snapshot: Snapshot, tenant: Tenant) -> Records:
    """A record for each entry, in the order of their ids: so that of two with one address always the same one counts."""
    fields = snapshot.question.fields
    country, usage = fields.index("country"), fields.index("usageLocation")
    head = ("id",) if tenant.id_from == "id" else ()
    records = []
    for id_, cells in sorted(snapshot.people.items()):
        *values, manager = cells
        if values[usage] and not places.country_code(values[country]):
            values[country] = ""
        records.append([*([id_] if head else ()), _name(id_), _name(manager), *values])
    return Records(f"Microsoft Entra ID, tenant {tenant.id}", (*head, "distinguishedName", "manager", *fields), records)


def _name(id_: str) -> str:
    return f"OID={id_}" if id_ else ""
