"""The pages of `/users/delta` in Microsoft Graph, asked one after the other, at our own pace and with patience.

Reading does no harm twice, so what fails for a moment is asked again: after as long as Graph says, else after longer each time, and
never longer in all than somebody would want to wait. Links are followed only where they lead to the Graph that was configured.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from notifier.errors import BadDataError, NotifierError, NotPermittedError, TryLaterError
from notifier.microsoft import Answer, GraphClient, LostError

Pause = Callable[[float], Awaitable[None]]
Page = Sequence[Mapping[str, Any]]

_PAUSES = (2.0, 10.0, 30.0, 60.0, 120.0)  # after the first and every further failure of one page; then it is given up
_PATIENCE = 900.0
_SHORTEST = 1.0
_START_AGAIN = frozenset({"syncstatenotfound", "resyncrequired"})
_LATER = "nothing was changed; it is tried again with the next reading of the roster"


class OutdatedError(Exception):
    """Graph has forgotten where a link stood: everything has to be read anew."""


class Pages:
    """Asks for pages.

    Attributes:
        requests: how many were made.
    """

    def __init__(self, graph: GraphClient, *, root: str, per_second: int, pause: Pause) -> None:
        """Nothing is asked yet.

        Args:
            root: of Graph, without the version; links that lead elsewhere are not followed.
            per_second: no more requests than that.
            pause: waits so many seconds.
        """
        self._graph = graph
        self._root = root
        self._interval = 1 / per_second
        self._pause = pause
        self._waited = 0.0
        self.requests = 0

    async def read(self, link: str, take: Callable[[Page], None]) -> str:
        """Follow a link to its end.

        Args:
            link: the first one, whole or below the version.
            take: is given each page.

        Returns:
            The link that will tell what has changed since.

        Raises:
            OutdatedError: the link, or one that it led to, is no longer good.
            NotPermittedError: the app may not read people, or gets no token.
            BadDataError: Graph does not know a property that is asked for.
            ConfigurationError: the app's credential cannot be read.
            TryLaterError: Graph cannot be reached, cannot answer now, or wants us to wait for longer than we do.
        """
        followed = {link}
        while True:
            body = await self._page(link)
            take([item for item in body["value"] if isinstance(item, Mapping)])
            if last := body.get("@odata.deltaLink"):
                return self._ours(last)
            link = self._ours(body.get("@odata.nextLink"))
            if link in followed:
                msg = "Microsoft Graph leads in a circle"
                raise TryLaterError(msg, hint=_LATER)
            followed.add(link)

    async def _page(self, link: str) -> Mapping[str, Any]:
        pauses = iter(_PAUSES)
        while True:
            try:
                answer = await self._ask(link)
            except LostError as lost:
                if not lost.sent:
                    raise TryLaterError(lost.reason, hint=_LATER) from lost
                said, wanted = lost.reason, None
            else:
                if answer.status == 200 and isinstance(answer.body.get("value"), list):
                    return answer.body
                said, wanted = _said(answer), answer.retry_after
                if (error := _lasting(answer)) is not None:
                    raise error
            await self._wait(said, wanted, next(pauses, None))

    async def _ask(self, link: str) -> Answer:
        if self.requests:
            await self._pause(self._interval)
        self.requests += 1
        return await self._graph.request("GET", link)

    async def _wait(self, said: str, wanted: float | None, ours: float | None) -> None:
        """Wait before a page is asked for again.

        Args:
            wanted: seconds that Graph asks for.
            ours: seconds otherwise; None after the last try.
        """
        seconds = max(ours or 0.0 if wanted is None else wanted, _SHORTEST)
        if ours is None or self._waited + seconds > _PATIENCE:
            asked = "" if wanted is None else f"; it asks for a pause of {wanted:.0f} s"
            msg = f"Microsoft Graph does not list the people: {said}{asked}, after {self._waited:.0f} s of waiting"
            raise TryLaterError(msg, hint=_LATER)
        self._waited += seconds
        await self._pause(seconds)

    def _ours(self, link: object) -> str:
        if isinstance(link, str) and link.startswith(f"{self._root}/"):
            return link
        msg = "Microsoft Graph gave no link to go on with" if link is None else "Microsoft Graph gave a link that leads elsewhere"
        raise TryLaterError(msg, hint="check microsoft.graph_url: is it Graph of the cloud that microsoft.tenant is in?")


def _lasting(answer: Answer) -> NotifierError | OutdatedError | None:
    """The error for what waiting would not mend, else None."""
    said = _said(answer)
    if answer.status == 410 or answer.code.casefold() in _START_AGAIN:
        return OutdatedError(said)
    if answer.status == 401:
        msg = f"Microsoft Graph does not accept the app's token: {said}"
        return NotPermittedError(msg, hint="check that microsoft.graph_url and microsoft.authority are of the same cloud")
    if answer.status == 403:
        msg = f"Microsoft Graph does not let the app read people: {said}"
        hint = "give the app the application permission User.Read.All of Microsoft Graph, and let an admin grant consent"
        return NotPermittedError(msg, hint=hint)
    if answer.status in {400, 404, 501}:
        msg = f"Microsoft Graph does not take the question: {said}"
        hint = "look at roster.columns: what it names has to be a property of a user in Graph that changes can be asked of"
        return BadDataError(msg, hint=hint, quoted=answer.message or None)
    return None


def _said(answer: Answer) -> str:
    if answer.status == 200:
        return "an answer that is no list"
    code = f" {answer.code}" if re.fullmatch(r"\w{1,64}", answer.code) else ""
    return f"{answer.status}{code}" + (f", request-id {answer.request_id}" if answer.request_id else "")
