"""Mails that came back: which delivery each of them means, and what follows.

Anybody may write to the mailbox that bounces come to, so a report counts only if it names a Message-ID that we issued, with the
random half of it: who has not seen the message cannot know it. Who has seen it, its reader above all, can bring about what a true
bounce brings about: that this one delivery counts as refused and that the next channel carries it, where `status --undeliverable`
and `explain` show it. That their address is refused from now on, the report says only if it names the address that the roster has;
the operator takes it back with `queue retry`. Many at once bring the brake into play (`store/waves.py`).

Read twice, a report changes nothing the second time.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from sqlalchemy import Connection, RowMapping, select

from notifier.domain.bounces import Bounce
from notifier.domain.ladder import BY_EMAIL, Ladders
from notifier.store import outbox
from notifier.store.tables import Kind, State, deliveries, employees


class Heard(Enum):
    """What a bounce meant."""

    NEWS = "news"
    """A delivery counts as refused now."""
    KNOWN = "known"
    """One of ours, of which that is known, or which has gone another way."""
    TOO_EARLY = "too early"
    """One of ours that is being recorded, or tried again; to be read once more."""
    FOREIGN = "foreign"
    """None of ours."""


def hear(connection: Connection, bounce: Bounce, now: datetime, ladders: Ladders) -> Heard:
    """Have what follows from a bounce."""
    row = next((row for message_id in bounce.message_ids if (row := _delivery(connection, message_id)) is not None), None)
    if row is None:
        return Heard.FOREIGN
    if row["state"] in {State.CLAIMED, State.RETRY}:
        return Heard.TOO_EARLY
    remember = bounce.permanent and row["email"].lower() in bounce.recipients
    changed = outbox.bounced(connection, row["id"], bounce.reason, now, ladders=ladders, remember=remember)
    return Heard.NEWS if changed else Heard.KNOWN


def _delivery(connection: Connection, message_id: str) -> RowMapping | None:
    """The mail with that left half of its Message-ID, in which the number of its row stands."""
    number = int(message_id.rpartition(".")[2])
    statement = (
        select(*deliveries.c["id", "state"], employees.c.email)
        .join_from(deliveries, employees)
        .where(
            deliveries.c.id == number,
            deliveries.c.message_id.startswith(f"{message_id}@", autoescape=True),
            deliveries.c.channel.in_(BY_EMAIL),
            deliveries.c.kind != Kind.REWRITE,
        )
    )
    return connection.execute(statement).mappings().one_or_none()
