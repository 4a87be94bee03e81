"""The people half of `tests/microsoft_server.py`: `/users/delta`, as an app sees it.

    server = MicrosoftServer(routes=DIRECTORY_ROUTES, roles=READ_PEOPLE)
    people = directory_of(server)
    people.put("zoe", mail="zoe@example.com", manager="ben")
    people.remove("zoe"); people.forget()

Entries come in any order, come twice, come in two halves on different pages, and pages can be empty: all of which the documentation
of delta queries says that a client has to expect.
"""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.microsoft_calls import Action, Call, Fail, GraphError, Reply, Route

if TYPE_CHECKING:
    from tests.microsoft_server import MicrosoftServer

READ_PEOPLE = frozenset({"User.Read.All"})
_UNITS = 3_500  # in 10 seconds, for the smallest tenants; one request with $select is one
_KNOWN = frozenset(
    {"id", "employeeId", "accountEnabled", "userType", "givenName", "surname", "displayName", "mail", "userPrincipalName"}
    | {"preferredLanguage", "usageLocation", "country", "state", "department", "officeLocation", "onPremisesExtensionAttributes"}
    | {"manager"}
)


@cache
def id_of(name: str) -> str:
    """The id of an entry in the directory."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


@dataclass(frozen=True)
class _Round:
    """What a token stands for: what was selected, how everybody stood when it was given, and what is still to be told."""

    select: frozenset[str]
    stood: Mapping[str, Mapping[str, Any]]
    rest: tuple[Sequence[Mapping[str, Any]], ...] = ()


@dataclass
class Directory:
    """What `server.state["directory"]` holds.

    Attributes:
        users: by id their properties; "manager" is the id of one.
        page: entries on a page.
        sparse: tell only the properties that changed, as may be.
        terse: of who comes back tell one property.
        per_second: the pace that the client promises.
        outdated: how Graph says that a token is too old.
        busy: pauses in seconds, for one request after the other; None lets one through.
        asked: the requests, by the kind of their token.
    """

    users: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    page: int = 100
    sparse: bool = False
    terse: bool = False
    per_second: int = 10
    outdated: GraphError = field(default_factory=lambda: GraphError(410, "syncStateNotFound", "The delta token is expired."))
    busy: deque[int | None] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    seed: int = 0

    def __post_init__(self) -> None:
        self._rounds: dict[str, _Round] = {}
        self._purged: set[str] = set()
        self._quiet_until: datetime | None = None

    def put(self, name: str, **properties: Any) -> str:
        """Somebody is new, comes back, or changes. None takes a property away. Returns the id."""
        id_ = id_of(name)
        new = {"userPrincipalName": f"{name}@example.com", "accountEnabled": True, "userType": "Member"}
        if "manager" in properties and properties["manager"] is not None:
            properties["manager"] = id_of(properties["manager"])
        self.users[id_] = {**self.users.get(id_, new), **properties}
        self._purged.discard(id_)
        return id_

    def remove(self, name: str, *, for_good: bool = False) -> Mapping[str, Any]:
        """Somebody is deleted, and may come back unless it is for good. Returns what was known."""
        if for_good:
            self._purged.add(id_of(name))
        return self.users.pop(id_of(name))

    def forget(self) -> None:
        """No token that was given out holds any more."""
        self._rounds.clear()

    def trouble(self, call: Call) -> Action | None:
        """For `server.trouble`: throttle as `busy` has it, and see that the pause is kept."""
        now = call.server.now()
        if self._quiet_until is not None and now < self._quiet_until:
            call.server.broken.append(f"{call.route}: asked again {self._quiet_until - now} before the pause was over")
        seconds = self.busy.popleft() if self.busy else None
        if seconds is None:
            return None
        self._quiet_until = now + timedelta(seconds=seconds)
        return Fail(429, "TooManyRequests", retry_after=seconds)

    def answer(self, call: Call) -> Reply:
        """One request."""
        call.server.count(call, "units", _UNITS, timedelta(seconds=10))
        call.server.count(call, "requests", self.per_second, timedelta(seconds=1))
        if call.size:
            raise call.refuse(400, "BadRequest", "a body, where nothing is sent")
        names = {name.casefold(): name for name in call.query}
        token = names.keys() & {"$skiptoken", "$deltatoken"}
        self.asked.append(token.pop() if len(token) == 1 == len(names) else "")
        if not self.asked[-1]:
            return self._page(call, self._begun(call))
        known = self._rounds.get(call.query[names[self.asked[-1]]])
        if known is None:
            raise self.outdated
        return self._page(call, known if known.rest else self._later(known))

    def _begun(self, call: Call) -> _Round:
        if call.query.keys() != {"$select"}:
            raise call.refuse(400, "Request_BadRequest", f"only $select, and not {sorted(call.query)}")
        select = frozenset(call.query["$select"].split(","))
        for unknown in sorted(select - _KNOWN):
            raise GraphError(
                400, "Request_BadRequest", f"Could not find a property named '{unknown}' on type 'microsoft.graph.user'."
            )
        if not {"id", "manager"} <= select:
            raise call.refuse(400, "Request_BadRequest", "id and manager are needed")
        gone = [{"id": id_, "@removed": {"reason": "deleted"}} for id_ in sorted(self._purged)]
        return self._telling(select, gone + [self._shown(id_, user, {}, select) for id_, user in self.users.items()])

    def _later(self, known: _Round) -> _Round:
        items = [
            {"id": id_, "@removed": {"reason": "deleted" if id_ in self._purged else "changed"}}
            for id_ in known.stood.keys() - self.users
        ]
        for id_, user in self.users.items():
            before = known.stood.get(id_, {})
            if any(user.get(name) != before.get(name) for name in known.select):
                new = self.terse and id_ not in known.stood
                items.append(self._shown(id_, user, before, frozenset({"givenName"}) if new else known.select))
        return self._telling(known.select, items)

    def _shown(self, id_: str, user: Mapping[str, Any], before: Mapping[str, Any], select: frozenset[str]) -> dict[str, Any]:
        """What was never set is left out."""
        names = [name for name in user if name in select - {"manager"}]
        if self.sparse and before:
            names = [name for name in names if user[name] != before.get(name)]
        item: dict[str, Any] = {name: user[name] for name in names} | {"id": id_}
        old, new = before.get("manager"), user.get("manager")
        if old != new:
            gone = [{"@odata.type": "#microsoft.graph.user", "id": old, "@removed": {"reason": "deleted"}}] if old else []
            item["manager@delta"] = gone + ([{"@odata.type": "#microsoft.graph.user", "id": new}] if new else [])
        return item

    def _telling(self, select: frozenset[str], items: list[dict[str, Any]]) -> _Round:
        chance = random.Random(self.seed)
        pieces = [piece for item in items for piece in _in_pieces(item, chance)]
        chance.shuffle(pieces)
        pages = [pieces[start : start + self.page] for start in range(0, len(pieces), self.page)]
        if len(pages) > 1:
            pages.insert(chance.randrange(1, len(pages)), [])
        return _Round(select, dict(self.users), tuple(pages))

    def _page(self, call: Call, known: _Round) -> Reply:
        first, *rest = known.rest or ([],)
        link = "deltaLink" if not rest else "nextLink"
        token = f"{link}-{len(self._rounds)}"
        self._rounds[token] = _Round(known.select, known.stood, tuple(rest))
        kind = "$skiptoken" if rest else "$deltatoken"
        return 200, {f"@odata.{link}": f"{call.server.url}/v1.0/users/delta?{kind}={token}", "value": first}


def _in_pieces(item: dict[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Mostly whole; sometimes twice, or in two halves of which each has the id."""
    dice = chance.random()
    if dice < 0.8 or "@removed" in item:
        yield item
    if 0.75 < dice < 0.8:
        yield dict(item)
    if dice >= 0.8 and "@removed" not in item:
        names = sorted(item.keys() - {"id"})
        half = chance.randrange(len(names) + 1)
        yield {"id": item["id"], **{name: item[name] for name in names[:half]}}
        yield {"id": item["id"], **{name: item[name] for name in names[half:]}}


def directory_of(server: MicrosoftServer) -> Directory:
    directory: Directory = server.state.setdefault("directory", Directory())
    return directory


async def _delta(call: Call) -> Reply:
    return directory_of(call.server).answer(call)


DIRECTORY_ROUTES = (Route("usersDelta", "GET", "/users/delta", READ_PEOPLE | {"Directory.Read.All"}, _delta),)
