"""Who is who on Slack: the members of the workspace, matched to the roster by e-mail address.

The members are read page by page at the pace that Slack sets for the method (`users.list`, tier 2: 20 requests a minute), never one
person at a time: 20,000 people are 100 requests and five minutes, where asking for each would take almost seven hours. Reading does
no harm twice, so what fails for a moment is asked again.

Until it is known for the first time who is on Slack, nothing is planned: everybody would get mail, which cannot be taken back. But
nobody waits for ever: once Slack has told nothing for 15 minutes, the countdown goes on without it.

Bots, those who left and those who have not joined yet are no members here, nor is anybody whose address Slack has not confirmed:
whoever types another's address must not get their messages. Guests count if their address stands in the roster, like everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier.domain.ladder import SLACK
from notifier.domain.slack_replies import mending
from notifier.errors import NotPermittedError, TryLaterError
from notifier.slack import SlackApi, SlackRefused, SlackSilent
from notifier.store import employees, reach
from notifier.store.database import Connection, Database
from notifier.store.reach import Matched

PAGE = 200
SECONDS_BETWEEN = 3.1
_PAUSES = (15.0, 60.0, 120.0, 300.0)  # after the first and every further failure in a row; then it is given up
_NOBODY = ("deleted", "is_bot", "is_invited_user", "is_stranger", "is_workflow_bot")
_GUEST = ("is_restricted", "is_ultra_restricted")
_SLACKBOT = "USLACKBOT"

PATIENCE = timedelta(minutes=15)

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who can be written to.

    Attributes:
        user_id: U…, or W… in an Enterprise Grid organisation.
        team: the workspace (T…), or the organisation (E…) for its members: they are the same in each of its workspaces.
        email: casefolded.
    """

    user_id: str
    team: str
    email: str
    guest: bool


@dataclass
class FirstListing:
    """Whether it has ever been known who is on Slack.

    Attributes:
        heard_at: when Slack last told of some of them; before that when the waiting began.
        is_known: it was known once, or Slack is not used.
        is_refused: the last time that Slack was asked, it did not say.
    """

    heard_at: datetime
    is_known: bool
    is_refused: bool = False
    _is_given_up: bool = False

    def waits(self, now: datetime) -> bool:
        """Whether nothing is to be planned yet."""
        return not self.is_known and now < self.heard_at + PATIENCE

    def gives_up(self, now: datetime) -> bool:
        """True once: patience has come to its end."""
        ends = not self.is_known and not self.waits(now) and not self._is_given_up
        self._is_given_up |= ends
        return ends

    def trouble(self, now: datetime) -> str | None:
        """What is wrong, for an admin, or None."""
        if self.is_known or not self.is_refused:
            return None
        until = f"nothing is planned before {self.heard_at + PATIENCE:%H:%M} UTC"
        return f"Slack has never said who is who; {until if self.waits(now) else 'everybody gets mail'}"


def members_in(page: Iterable[Any]) -> Iterator[Member]:
    """Those of a page of `users.list` who can be written to and have an address."""
    for one in page:
        if not isinstance(one, Mapping) or any(one.get(sign) for sign in _NOBODY) or one.get("is_email_confirmed") is False:
            continue
        email = (one.get("profile") or {}).get("email")
        user_id, team = one.get("id"), (one.get("enterprise_user") or {}).get("enterprise_id") or one.get("team_id")
        if isinstance(email, str) and email and isinstance(user_id, str) and user_id != _SLACKBOT and isinstance(team, str):
            yield Member(user_id, team, email.casefold(), any(one.get(sign) for sign in _GUEST))


async def read_members(api: SlackApi, *, pause: Pause = asyncio.sleep, progress: Callable[[], None] = lambda: None) -> list[Member]:
    """Everybody in the workspace.

    Args:
        pause: waits so many seconds.
        progress: called after each page.

    Raises:
        NotPermittedError: Slack refuses, and says why.
        TryLaterError: Slack cannot be reached, or not for now.
    """
    found: list[Member] = []
    listed, cursor = 0, ""
    while True:
        arguments = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
        answer = await _ask(api, arguments, pause)
        members = answer.get("members") or []
        progress()
        listed += len(members)
        found += members_in(members)
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
        await pause(SECONDS_BETWEEN)
    if not found:
        msg = f"Slack lists {listed} members and shows the e-mail address of none"
        raise NotPermittedError(msg, hint="add the permission users:read.email to the app and install it again")
    return found


async def keep_members(database: Database, members: Iterable[Member], now: datetime) -> Matched:
    """Keep, for everybody in the roster, who of these they are on Slack."""
    return await database.write_async(lambda connection: _keep(connection, members, now))


def pairs(members: Iterable[Member], keys: Mapping[str, int]) -> list[tuple[int, str, str]]:
    """(employee key, user id, team) of each member whose address is somebody's. Of two with one address the guest gives way.

    Args:
        keys: employee keys by casefolded address.
    """
    chosen: dict[str, Member] = {}
    for one in members:
        other = chosen.get(one.email)
        if one.email in keys and (other is None or (one.guest, one.user_id) < (other.guest, other.user_id)):
            chosen[one.email] = one
    return [(keys[email], one.user_id, one.team) for email, one in chosen.items()]


def _keep(connection: Connection, members: Iterable[Member], now: datetime) -> Matched:
    keys = {
        person.employee.email.casefold(): person.key for person in employees.load(connection).values() if person.employee.active
    }
    return reach.match(connection, SLACK, pairs(members, keys), now)


async def _ask(api: SlackApi, arguments: Mapping[str, Any], pause: Pause) -> Mapping[str, Any]:
    """One page. Where Slack names a time to wait, that long; else longer with each failure."""
    for seconds in (*_PAUSES, None):
        try:
            return await api.call("users.list", arguments, read=True)
        except SlackRefused as refused:
            wait, said = refused.retry_after, str(refused)
            if (mend := mending(refused.error)) is not None:
                needed = f" ({refused.needed})" if refused.needed else ""
                msg = f"Slack does not list its members: {said}{needed}"
                raise NotPermittedError(msg, hint=mend) from None
        except SlackSilent as silent:
            wait, said = None, str(silent)
        if seconds is None:
            break
        await pause(seconds if wait is None else max(wait, SECONDS_BETWEEN))
    msg = f"Slack does not list its members: {said}"
    raise TryLaterError(msg, hint="nothing was changed; it is tried again with the next reading of the roster")
