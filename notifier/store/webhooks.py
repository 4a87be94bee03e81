"""What a program is told of answers: planned from the answers that are there, some seconds after they were given.

To answer waits for nothing: whoever keeps this comes by and looks for answers that were given or taken back since. Each makes one
call, with its delivery and its letter in one transaction: `person.settled`, `person.answered` (it does not settle), or
`person.reopened` (one that settled was taken back, and no other took its place). The occasion of the delivery is twice the id of
the answer, and one more for taking it back: so it is planned once, however often and by however many it is looked at.

**Nothing is missed, and nothing told again.** An answer with a lower id, or an earlier instant, may be committed later. So each
look goes back a little behind what was seen last, and passes over what is planned already; no further back than that, since what
was planned long ago may have been purged.

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
        _put(connection, {"since": now.isoformat(), "given": newest, "given_at": now.isoformat(), "revoked": now.isoformat()})
        return 0
    since, given_at, revoked = (datetime.fromisoformat(mark[name]) for name in ("since", "given_at", "revoked"))
    first = connection.execute(_given(min(mark["given"], newest) - _OVERLAP_IDS, max(since, given_at - _OVERLAP))).all()
    then = connection.execute(_taken_back(max(since, revoked - _OVERLAP))).all()
    calls = [_call(row, taken_back=False, tell_answer=tell_answer) for row in first]
    calls += [_call(row, taken_back=True, tell_answer=tell_answer) for row in then]
    _post(connection, calls, now)
    seen = {"given": newest, "given_at": now.isoformat()} if len(first) < _AT_ONCE else {"given": first[-1].id}
    seen |= {"revoked": (now if len(then) < _AT_ONCE else then[-1].revoked_at).isoformat()}
    if calls or now - given_at > _OVERLAP:
        _put(connection, mark | seen)
    return len(calls)


def _given(after: int, since: datetime) -> Select[Any]:
    """Answers with a higher id that were given from then on. SQLite gives the ids of rows that were purged again."""
    which = (acknowledgements.c.id > after, acknowledgements.c.answered_at >= since)
    return _answers(taken_back=False).where(*which).order_by(acknowledgements.c.id)


def _taken_back(since: datetime) -> Select[Any]:
    """Answers that were taken back from then on, and that had settled somebody whom no other answer settles now."""
    again = acknowledgements.c.revoked_at
    which = (again >= since, acknowledgements.c.settles, acknowledgements.c.revoked_because != Revoked.ANSWERED_AGAIN.value)
    return _answers(taken_back=True).where(*which).order_by(again, acknowledgements.c.id)


def _answers(*, taken_back: bool) -> Select[Any]:
    """Answers about which nobody was called yet, up to `_AT_ONCE` of them."""
    occasion = acknowledgements.c.id * 2 + (1 if taken_back else 0)
    told = and_(
        deliveries.c.employee_key == acknowledgements.c.employee_key,
        deliveries.c.campaign == acknowledgements.c.campaign,
        deliveries.c.kind == Kind.WEBHOOK.value,
        deliveries.c.occasion == occasion,
    )
    return (
        select(*acknowledgements.c["id", "campaign", "employee_key", "answer", "assurance", "settles", "channel"])
        .add_columns(*acknowledgements.c["answered_at", "revoked_at"], employees.c.id.label("employee_id"))
        .join_from(acknowledgements, employees)
        .outerjoin(deliveries, told)
        .where(deliveries.c.id.is_(None))
        .limit(_AT_ONCE)
    )


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
    """From when on calls are made (`since`); how far answers were seen (id `given`), by when (`given_at`), and taken back ones."""
    text = connection.scalar(select(meta.c.value).where(meta.c.key == _MARK))
    mark: dict[str, Any] | None = json.loads(text) if text else None
    return mark


def _put(connection: Connection, mark: dict[str, Any]) -> None:
    row = insert_into(connection, meta).values(key=_MARK, value=json.dumps(mark))
    connection.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": row.excluded.value}))
