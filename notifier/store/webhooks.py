"""What a program is told of answers: planned from the answers that are there, some seconds after they were given.

To answer waits for nothing: whoever keeps this comes by and looks for answers that were given or taken back since. Each makes one
call, with its delivery and its letter in one transaction: `person.settled`, `person.answered` (it does not settle), or
`person.reopened` (one that settled was taken back, and no other took its place). The occasion of the delivery is twice the id of
the answer, and one more for taking it back: so it is planned once, however often and by however many it is looked at.

**Nothing is missed.** An answer with a lower id, or an earlier instant, may be committed later. So each look goes back a little
behind what was seen last, and passes over what is planned already.

What was answered before the first look is told to nobody.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from notifier.store import letters
from notifier.store.acknowledgements import Revoked
from notifier.store.inserts import insert_into
from notifier.store.letters import Letter
from notifier.store.tables import Kind, State, acknowledgements, deliveries, employees, meta

CHANNEL = "webhook"
SETTLED, ANSWERED, REOPENED = "person.settled", "person.answered", "person.reopened"
_MARK = "webhook_mark"
_KEEPS = timedelta(days=3)
_OVERLAP = timedelta(minutes=3)
_OVERLAP_IDS = 1000
_AT_ONCE = 2000


def plan(connection: Connection, *, tell_answer: bool, now: datetime) -> int:
    """Plan the calls about answers that were given or taken back since the last look. Returns how many are new.

    Args:
        tell_answer: whether they say which answer it was.
    """
    mark = _mark(connection)
    newest = connection.scalar(select(func.max(acknowledgements.c.id))) or 0
    if mark is None:
        _put(connection, {"from": newest, "given": newest, "since": now.isoformat(), "revoked": now.isoformat()})
        return 0
    since, looked = datetime.fromisoformat(mark["since"]), datetime.fromisoformat(mark["revoked"])
    given = _answers(taken_back=False).where(acknowledgements.c.id > max(mark["from"], mark["given"] - _OVERLAP_IDS))
    given = given.order_by(acknowledgements.c.id)
    again = acknowledgements.c.revoked_at
    taken_back = _answers(taken_back=True).where(again >= max(since, looked - _OVERLAP)).order_by(again, acknowledgements.c.id)
    first, then = connection.execute(given).all(), connection.execute(taken_back).all()
    calls = [_call(row, taken_back=False, tell_answer=tell_answer) for row in first]
    calls += [_call(row, taken_back=True, tell_answer=tell_answer) for row in then]
    _post(connection, calls, now)
    is_all = len(first) < _AT_ONCE and len(then) < _AT_ONCE
    seen = {"given": newest if len(first) < _AT_ONCE else first[-1].id}
    seen |= {"revoked": (now if len(then) < _AT_ONCE else then[-1].revoked_at).isoformat()}
    if calls or not is_all or now - looked > _OVERLAP:
        _put(connection, mark | seen)
    return len(calls)


def _answers(*, taken_back: bool) -> Select[Any]:
    """Answers about which nobody was called yet, up to `_AT_ONCE` of them."""
    occasion = acknowledgements.c.id * 2 + (1 if taken_back else 0)
    told = and_(
        deliveries.c.employee_key == acknowledgements.c.employee_key,
        deliveries.c.campaign == acknowledgements.c.campaign,
        deliveries.c.kind == Kind.WEBHOOK.value,
        deliveries.c.occasion == occasion,
    )
    statement = (
        select(*acknowledgements.c["id", "campaign", "employee_key", "answer", "assurance", "settles", "channel"])
        .add_columns(*acknowledgements.c["answered_at", "revoked_at"], employees.c.id.label("employee_id"))
        .join_from(acknowledgements, employees)
        .outerjoin(deliveries, told)
        .where(deliveries.c.id.is_(None))
        .limit(_AT_ONCE)
    )
    if not taken_back:
        return statement
    return statement.where(acknowledgements.c.settles, acknowledgements.c.revoked_because != Revoked.ANSWERED_AGAIN.value)


def _call(row: Row[Any], *, taken_back: bool, tell_answer: bool) -> Letter:
    """What is said, as Standard Webhooks has it: type, timestamp, data. No name and no address is in it."""
    kind = REOPENED if taken_back else (SETTLED if row.settles else ANSWERED)
    at = row.revoked_at if taken_back else row.answered_at
    data = {"campaign": row.campaign, "employee_id": row.employee_id, "settled": kind == SETTLED}
    if tell_answer and not taken_back:
        data |= {"answer": row.answer, "assurance": row.assurance, "through": row.channel}
    said = {"type": kind, "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "data": data}
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return Letter(Kind.WEBHOOK, row.employee_key, row.id * 2 + (1 if taken_back else 0), row.campaign, content)


def _post(connection: Connection, calls: list[Letter], now: datetime) -> None:
    if not calls:
        return
    letters.write(connection, calls, now)
    instants = {
        **dict.fromkeys(("created_at", "due_at", "next_at"), now),
        **dict.fromkeys(("closes_at", "expires_at"), now + _KEEPS),
    }
    rows = [
        {name: getattr(one, name) for name in ("campaign", "employee_key", "kind", "occasion")}
        | {"channel": CHANNEL, "message": json.loads(one.content)["type"], "state": State.PLANNED.value}
        | instants
        for one in calls
    ]
    connection.execute(insert_into(connection, deliveries).on_conflict_do_nothing(), rows)


def _mark(connection: Connection) -> dict[str, Any] | None:
    """From where on calls are made (`from`, `since`), and how far answers were seen (`given`: id, `revoked`: instant)."""
    text = connection.scalar(select(meta.c.value).where(meta.c.key == _MARK))
    mark: dict[str, Any] | None = json.loads(text) if text else None
    return mark


def _put(connection: Connection, mark: dict[str, Any]) -> None:
    row = insert_into(connection, meta).values(key=_MARK, value=json.dumps(mark))
    connection.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": row.excluded.value}))
