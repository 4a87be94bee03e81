"""Queue: every delivery with its state and the provider's last words; to try again, and to take out what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.store import ledger, outbox, queue
from notifier.store.database import Connection
from notifier.store.ledger import Fact
from notifier.store.outbox import WAITING
from notifier.store.queue import Item, Standing, Which
from notifier.store.tables import Kind, State
from notifier.web.dashboard import words
from notifier.web.dashboard.acts import Act, preview
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View, row_id
from notifier.web.notices import Notice, Refused

ON_A_PAGE = 25
AGAIN = (State.REFUSED, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries an act is about: the one named, or all of these."""

    id: int | None
    which: Which

    @property
    def ids(self) -> list[int]:
        return [] if self.id is None else [self.id]

    @property
    def fields(self) -> dict[str, str]:
        """As an address or a form carries it."""
        if self.id is not None:
            return {"id": str(self.id)}
        return {name: str(value) for name in Which.__slots__ if (value := getattr(self.which, name)) is not None}


async def show(office: Office, request: Request) -> Response:
    """GET: the list, with the counts of each state."""
    view = await office.frame.enter(request, Role.OFFICER)
    chosen = _chosen(request.query_params)
    before = row_id(request.query_params.get("before", ""))
    counted = await office.standings.get(view.now)
    states = _states(view, counted.value, chosen.which)
    found: list[Item] = []
    # For a state that nothing is in, the database would go through everything.
    if any(count for state, _, count, _ in states if chosen.which.state in {None, state}):
        found = await office.site.database.read_async(
            lambda connection: queue.items(connection, chosen.which, before=before, most=ON_A_PAGE + 1)
        )
    await office.site.database.write_async(lambda connection: _note_look(connection, view, chosen, min(len(found), ON_A_PAGE)))
    shown = found[:ON_A_PAGE]
    more = urlencode({**chosen.fields, "before": str(shown[-1].id)}) if len(found) > ON_A_PAGE else ""
    return office.frame.show(
        request,
        view,
        "queue.html",
        str(view.say("Queue")),
        which=chosen.which,
        states=states,
        campaigns=sorted({one.campaign for one in counted.value if one.campaign}),
        channels=sorted({one.channel for one in counted.value}),
        found=[(item, "" if item.kind is Kind.REMINDER else view.say(words.KINDS[item.kind])) for item in shown],
        following=more and f"?{more}",
        again=AGAIN,
        waits=WAITING,
        may_retry=_may_retry(chosen.which),
        may_cancel=_may_cancel(chosen.which),
        counted_at=counted.at,
        query=urlencode(chosen.fields),
    )


async def preview_retry(office: Office, request: Request) -> Response:
    """GET: what trying again would do."""
    return await _preview(office, request, _RETRY)


async def retry(office: Office, request: Request) -> Response:
    """POST."""
    return await _act(office, request, _RETRY)


async def preview_cancel(office: Office, request: Request) -> Response:
    """GET: what cancelling would do."""
    return await _preview(office, request, _CANCEL)


async def cancel(office: Office, request: Request) -> Response:
    """POST."""
    return await _act(office, request, _CANCEL)


@dataclass(frozen=True, slots=True)
class _Deed:
    """Something that can be done to deliveries: how many it would change, how it is told, and doing it."""

    event: str
    said: str
    title: str
    tells: tuple[str, ...]
    count: Callable[[Connection, Chosen, View], int]
    do: Callable[[Connection, Chosen, View], int]


def _state(chosen: Chosen) -> State | None:
    return None if chosen.id is not None else chosen.which.state


def _which(chosen: Chosen) -> Which | None:
    return None if chosen.id is not None else chosen.which


_RETRY = _Deed(
    "queue retry",
    "retried",
    "Try again",
    (
        "Messages that are sent again, as long as their step is current: %(count)s. That their people were refused is forgotten.",
        "Whoever has answered meanwhile is not written to.",
    ),
    lambda connection, chosen, view: outbox.count_retryable(connection, ids=chosen.ids, state=_state(chosen), now=view.now),
    lambda connection, chosen, view: outbox.retry(connection, ids=chosen.ids, state=_state(chosen), now=view.now),
)
_CANCEL = _Deed(
    "queue cancel",
    "cancelled",
    "Cancel",
    (
        "Waiting messages that will never be sent: %(count)s.",
        "The next step of the countdown goes out as planned. To stop everything for a while, use the first page.",
    ),
    lambda connection, chosen, _view: queue.count_waiting(connection, ids=chosen.ids, which=_which(chosen)),
    lambda connection, chosen, view: queue.cancel(connection, ids=chosen.ids, which=_which(chosen), now=view.now),
)


async def _preview(office: Office, request: Request, deed: _Deed) -> Response:
    view = await office.frame.enter(request, Role.ADMIN)
    return await preview(office, request, view, await _told(office, view, deed, _to_change(request.query_params, deed)))


async def _act(office: Office, request: Request, deed: _Deed) -> Response:
    view, form = await office.frame.act(request, Role.ADMIN)
    chosen = _to_change(form, deed)
    told = await _told(office, view, deed, chosen)
    if not told.is_confirmed(form.get("typed", "")):
        return await preview(office, request, view, told, wrong=True)

    def do(connection: Connection) -> None:
        count = deed.do(connection, chosen, view)
        facts: dict[str, Fact] = {"count": count, **chosen.fields}
        ledger.note(connection, event=deed.event, now=view.now, actor=view.operator.actor, facts=facts)

    await office.site.database.write_async(do)
    office.has_changed()
    return office.frame.back(view, told.back, deed.said)


async def _told(office: Office, view: View, deed: _Deed, chosen: Chosen) -> Act:
    count = await office.site.database.read_async(lambda connection: deed.count(connection, chosen, view))
    title = str(view.say(deed.title))
    tells = [str(view.say(one, count=view.number(count))) if "%(" in one else str(view.say(one)) for one in deed.tells]
    back = "/queue?" + urlencode({} if chosen.id is not None else chosen.fields)
    names = (chosen.which.campaign,) if chosen.which.campaign else tuple(office.site.campaigns)
    return Act(title, tells, count, title, back.rstrip("?"), words=names, fields=chosen.fields)


def _to_change(given: Mapping[str, str], deed: _Deed) -> Chosen:
    """What is named: one delivery, or all of a list that may be changed as a whole.

    Raises:
        Refused: neither.
    """
    chosen = _chosen(given)
    if chosen.id is None and not (_may_retry(chosen.which) if deed is _RETRY else _may_cancel(chosen.which)):
        raise Refused(Notice.NOT_UNDERSTOOD)
    return chosen


def _may_retry(which: Which) -> bool:
    """All in a state can be tried again, whatever campaign and channel they are of."""
    return which.state in AGAIN and which == Which(which.state)


def _may_cancel(which: Which) -> bool:
    return which.state in WAITING


def _chosen(given: Mapping[str, str]) -> Chosen:
    state = given.get("state", "")
    which = Which(State(state) if state in set(State) else None, given.get("campaign") or None, given.get("channel") or None)
    return Chosen(row_id(given.get("id", "")), which)


def _states(view: View, standings: Iterable[Standing], which: Which) -> list[tuple[State, str, int, str]]:
    """Each state with its name, how many are in it of the campaign and channel looked at, and the address of its list."""
    counts = dict.fromkeys(State, 0)
    for one in standings:
        if which.campaign in {None, one.campaign} and which.channel in {None, one.channel}:
            counts[one.state] += one.count
    rest = Chosen(None, replace(which, state=None)).fields
    return [(state, view.state(state), count, "?" + urlencode({"state": state.value, **rest})) for state, count in counts.items()]


def _note_look(connection: Connection, view: View, chosen: Chosen, shown: int) -> None:
    facts: dict[str, Fact] = {"shown": shown, **chosen.fields}
    ledger.note(connection, event="queue viewed", now=view.now, actor=view.operator.actor, facts=facts)
