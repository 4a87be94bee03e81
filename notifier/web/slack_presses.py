"""What a press of a button in Slack does. Slack tells of it by HTTP (`slack_actions.py`) or Socket Mode (`slack_socket.py`).

Who pressed is the user and the team that Slack names, never what the button carries: that has to fit them. In an Enterprise Grid
organisation the user belongs to the organisation, and is the same in each of its workspaces.

An answer is durable when `press` returns. Its person's messages are rewritten by the outbox, as after an answer from anywhere. The
same press twice, or one that another has overtaken, changes nothing (`store/presses.py`): somebody who recorded Slack's call cannot
bring back an answer that was undone. Everything else that Slack tells of (links that were opened, forms) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog

from notifier.clock import Clock
from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.countdown import local_date
from notifier.domain.ladder import SLACK
from notifier.domain.slack_buttons import UNDO, Subject, answer_in, subject_in
from notifier.store import acknowledgements, employees, presses, reach
from notifier.store.database import Connection, Database

_log = structlog.get_logger(__name__)

_STAMP = re.compile(r"([0-9]{1,10})\.([0-9]{6})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pressed(StrEnum):
    """What became of a press."""

    HEEDED = "heeded"  # also where the same answer stood there already
    NO_PRESS = "no press"
    REPEATED = "heard before"
    OTHER_TEAM = "of another workspace"
    STRANGER = "by nobody of the roster"
    NOT_THEIRS = "on the message of another person"
    CLOSED = "about a campaign that is over"


@dataclass(frozen=True, slots=True)
class Press:
    """A button that was pressed.

    Attributes:
        teams: the organisation, where there is one, and the workspace of the person.
        answer: None takes the answer back.
        pressed_at: by Slack's clock, to the microsecond.
    """

    user: str
    teams: tuple[str, ...]
    subject: Subject
    answer: Answer | None
    pressed_at: datetime


def press_in(payload: object) -> Press | None:
    """The press that Slack tells of; None where it tells of something else, or in a way that is not Slack's."""
    actions = _in(payload, "actions")
    if _in(payload, "type") != "block_actions" or not isinstance(actions, list) or not actions:
        return None
    action = actions[0]
    answer, subject = answer_in(_in(action, "action_id")), subject_in(_in(action, "value"))
    pressed_at, user = _instant(_in(action, "action_ts")), _in(payload, "user", "id")
    if answer is None and _in(action, "action_id") != UNDO:
        return None
    if subject is None or pressed_at is None or not isinstance(user, str):
        return None
    organisation = _in(payload, "enterprise", "id") or _in(payload, "team", "enterprise_id")
    workspace = _in(payload, "user", "team_id") or _in(payload, "team", "id")
    teams = tuple(team for team in (organisation, workspace) if isinstance(team, str))
    return Press(user, teams, subject, answer, pressed_at)


@dataclass(frozen=True, slots=True)
class Presses:
    """Hears presses and does what they ask for.

    Attributes:
        receipt_channel: the channel that carries receipts.
    """

    database: Database
    campaigns: Mapping[str, Campaign]
    receipt_channel: str
    clock: Clock

    async def press(self, payload: object) -> Pressed:
        """Do what Slack tells was asked for. Returns once it is durable.

        Raises:
            StoreError: the store cannot be used; nothing was changed.
        """
        found = press_in(payload)
        if found is None:
            return Pressed.NO_PRESS
        now = self.clock.now()
        became = await self.database.write_async(lambda connection: self._heed(connection, found, now))
        if became is not Pressed.HEEDED:
            _log.warning("a press in Slack changed nothing", because=became.value)
        return became

    def _heed(self, connection: Connection, press: Press, now: datetime) -> Pressed:
        key = _whose(connection, press)
        if key is None:
            return Pressed.STRANGER if reach.is_team(connection, SLACK, press.teams) else Pressed.OTHER_TEAM
        person = employees.by_public_id(connection, press.subject.public_id)
        if person is None or person.key != key:
            return Pressed.NOT_THEIRS
        campaign = self.campaigns.get(press.subject.campaign)
        if campaign is None or local_date(now, person.employee.time_zone) >= campaign.closes_on:
            return Pressed.CLOSED
        if not presses.is_newest(connection, campaign=campaign.id, employee_key=key, pressed_at=press.pressed_at):
            return Pressed.REPEATED
        if press.answer is None:
            acknowledgements.undo(connection, campaign=campaign.id, employee_key=key, now=now)
        else:
            acknowledgements.record(
                connection,
                campaign=campaign.id,
                employee_key=key,
                answer=press.answer,
                assurance=Assurance.SLACK,
                channel=SLACK,
                receipt_channel=self.receipt_channel,
                now=now,
            )
        return Pressed.HEEDED


def _whose(connection: Connection, press: Press) -> int | None:
    """The employee who pressed."""
    found = (reach.by_address(connection, SLACK, press.user, team) for team in press.teams)
    return next((key for key in found if key is not None), None)


def _in(payload: object, *names: str) -> object:
    """What stands in a payload under these names, one within the other; None where nothing does."""
    for name in names:
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def _instant(stamp: object) -> datetime | None:
    """Slack writes instants as seconds and microseconds: "1548426417.840180"."""
    found = _STAMP.fullmatch(stamp) if isinstance(stamp, str) else None
    return _EPOCH + timedelta(seconds=int(found[1]), microseconds=int(found[2])) if found else None
