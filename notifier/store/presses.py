"""Which button presses were heard already: Slack's call for one, recorded by somebody and sent again, must change nothing.

For each campaign and person the newest press is kept, by the instant that Slack gives it. One that is no newer has been heard, or
was overtaken. Only Slack's instants are compared with one another, so no clock of ours matters; and since they stand in the store,
a process that was started anew, and any other on the same store, knows them too.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from notifier.store.inserts import insert_into
from notifier.store.tables import presses


def is_newest(connection: Connection, *, campaign: str, employee_key: int, pressed_at: datetime) -> bool:
    """Whether this press is newer than any other of the person in the campaign; from here on it counts as heard."""
    values = {"campaign": campaign, "employee_key": employee_key, "pressed_at": pressed_at}
    statement = insert_into(connection, presses).values(values)
    statement = statement.on_conflict_do_update(
        index_elements=["campaign", "employee_key"],
        set_={"pressed_at": statement.excluded.pressed_at},
        where=presses.c.pressed_at < statement.excluded.pressed_at,
    )
    return connection.execute(statement.returning(presses.c.pressed_at)).first() is not None
