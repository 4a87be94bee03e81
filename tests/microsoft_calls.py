"""What `tests/microsoft_server.py` can be told to do, and the shape of a route of Graph."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from tests.microsoft_server import MicrosoftServer


@dataclass(frozen=True)
class Fail:
    """Answer with an error; `done`: after having done what was asked, as Graph has been seen to."""

    status: int
    code: str = ""
    retry_after: int | None = None
    done: bool = False
    message: str = "something is wrong with person1@example.com"


@dataclass(frozen=True)
class Taken:
    """Do what was asked, and ask for a pause."""

    retry_after: int


@dataclass(frozen=True)
class Drop:
    """Cut the connection in place of an answer."""

    done: bool = False


@dataclass(frozen=True)
class Hang:
    """Never answer."""


Action = Fail | Taken | Drop | Hang


class GraphError(Exception):
    """What a route answers in place of success."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


@dataclass
class Call:
    """One request that came to a route.

    Attributes:
        values: of the names in the route's template.
        body: the JSON payload, None without one.
    """

    server: MicrosoftServer
    route: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    size: int

    def refuse(self, status: int, code: str, rule: str) -> GraphError:
        """A rule was broken: note it, and give the error to raise."""
        self.server.broken.append(f"{self.route}: {rule}")
        return GraphError(status, code, rule)


Reply = tuple[int, Mapping[str, Any] | None]
Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """`roles`: permissions of an app, any of which opens it."""

    name: str
    method: str
    template: str
    roles: frozenset[str]
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        found = re.fullmatch(f"/v1.0{pattern}", path) if method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None
