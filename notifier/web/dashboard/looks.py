"""Who looked at figures, in the ledger.

A page that shows persons notes each look by itself, and whom it showed. Figures are another matter: Today asks anew every five
seconds while somebody has it open. So a page of figures is noted once an hour for each session, however often it is asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request

from notifier.store import ledger
from notifier.store.database import Database
from notifier.web.dashboard.frame import View
from notifier.web.operators import START

LOOK = timedelta(hours=1)


class Looks:
    """The looks of the last hour that are noted. It belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[int, str], datetime] = {}

    async def note(self, request: Request, view: View, campaign: str = "") -> None:
        """Note that somebody looks at this page, unless it is the same look as before.

        Raises:
            StoreError: the store cannot be used, so nothing is shown.
        """
        look = view.operator.session, request.url.path.removeprefix(START)
        self._noted = {known: at for known, at in self._noted.items() if timedelta() <= view.now - at < LOOK}
        if look in self._noted:
            return
        await self._database.write_async(
            lambda connection: ledger.note(
                connection,
                event="figures viewed",
                now=view.now,
                actor=view.operator.actor,
                campaign=campaign,
                facts={"page": look[1] or "/"},
            )
        )
        self._noted[look] = view.now
