"""Figures for programs to read, as JSON. Nothing can be changed here.

Each program has a token of its own (`notifier api token`) and presents it with every request. One with the role viewer sees
figures and deliveries without persons; one with the role officer or above sees whose they are, and each such page that it reads is
in the ledger. What goes wrong is told as RFC 9457 has it. Tokens that are wrong are counted by address, good ones never.

A list is read page by page, each from where the one before ended (`cursor`), so nothing is told twice or left out while rows are
added at the other end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.domain import campaign as domain
from notifier.domain.operators import Role
from notifier.domain.progress import Row
from notifier.errors import StoreError
from notifier.store import api_clients, ledger, queue
from notifier.store.api_clients import Client
from notifier.store.database import Connection
from notifier.store.queue import Item, Which
from notifier.store.tables import State
from notifier.summary.board import Board
from notifier.summary.organisation import OrganisationFigures
from notifier.web import api_schema as said
from notifier.web.site import Site

_USUAL = 100
_log = structlog.get_logger(__name__)
_Answer = Callable[[Request, Client], Awaitable[BaseModel]]


class _Problem(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """A request that ends with a problem."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def routes(site: Site, *, board: Board) -> list[Route]:
    """The addresses of the API."""
    api = _Api(site, board)
    answers: dict[str, _Answer] = {
        "/campaigns": api.campaigns,
        "/campaigns/{campaign}/progress": api.progress,
        "/campaigns/{campaign}/deliveries": api.deliveries,
    }
    return [
        *(Route(said.PREFIX + path, api.answering(answer), methods=["GET"]) for path, answer in answers.items()),
        Route(said.PREFIX + "/openapi.json", api.document, methods=["GET"]),
        Route("/api/{rest:path}", api.nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]


class _Api:
    def __init__(self, site: Site, board: Board) -> None:
        self._site = site
        self._board = board

    def answering(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        """The answer to whoever has a token, and to everybody else why not."""

        async def respond(request: Request) -> Response:
            try:
                return _as_json(request, await answer(request, await self._client(request)))
            except _Problem as problem:
                return _tell(problem)
            except StoreError as error:
                _log.error("page.store_unavailable", problem=str(error))
                busy = _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The store cannot be used right now.", Retry_After="60")
                return _tell(busy)

        return respond

    async def document(self, _request: Request) -> Response:
        """The OpenAPI document, for everybody: it says nothing about anybody."""
        return JSONResponse(said.document(self._site.base_url))

    async def nowhere(self, request: Request) -> Response:
        """Every other address below `/api`."""
        if request.method not in {"GET", "HEAD"}:
            return _tell(_Problem(HTTPStatus.METHOD_NOT_ALLOWED, "Nothing can be changed here.", Allow="GET, HEAD"))
        return _tell(_Problem(HTTPStatus.NOT_FOUND, f"See {said.PREFIX}/openapi.json for what there is."))

    async def campaigns(self, _request: Request, _client: Client) -> said.Campaigns:
        return said.Campaigns(campaigns=[_campaign(one) for one in self._site.campaigns.values()])

    async def progress(self, request: Request, _client: Client) -> said.Progress:
        return _progress(await self._board.figures(self._campaign(request), self._site.now()))

    async def deliveries(self, request: Request, client: Client) -> said.Deliveries:
        campaign, most = self._campaign(request).id, _whole(request, "limit", 1, said.MOST, _USUAL)
        before = _whole(request, "cursor", 1, 2**62, 0) or None
        which = Which(_state(request), campaign)
        persons = client.role.includes(Role.OFFICER)

        def read(connection: Connection) -> list[Item]:
            return queue.items(connection, which, before=before, most=most + 1)

        found = await self._site.database.read_async(read)
        page, more = found[:most], len(found) > most
        if persons and page:
            await self._note(client, which, len(page))
        return said.Deliveries(
            deliveries=[_delivery(one, persons=persons) for one in page], next=str(page[-1].id) if more else None
        )

    async def _note(self, client: Client, which: Which, count: int) -> None:
        facts = {"client": client.name, "state": which.state.value if which.state else None, "deliveries": count}

        def note(connection: Connection) -> int:
            campaign = which.campaign or ""
            return ledger.note(connection, event="api read persons", now=self._site.now(), campaign=campaign, facts=facts)

        await self._site.database.write_async(note)

    async def _client(self, request: Request) -> Client:
        """Whose token the request carries.

        Raises:
            _Problem: none, or none that holds.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _Problem(
                HTTPStatus.UNAUTHORIZED, "Present the token of your program.", WWW_Authenticate='Bearer realm="notifier"'
            )
        client = await self._site.database.read_async(lambda connection: api_clients.find(connection, token.strip()))
        now = self._site.visitor_clock.now()
        if client is None:
            address = request.client.host if request.client else ""
            if self._site.misses.exceeded(address, now):
                raise _Problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens from your address.", Retry_After="60")
            wrong = 'Bearer realm="notifier", error="invalid_token"'
            raise _Problem(HTTPStatus.UNAUTHORIZED, "This token does not hold, or holds no longer.", WWW_Authenticate=wrong)
        if client.seen_on != now.date():
            await self._site.database.write_async(lambda connection: api_clients.seen(connection, client.name, now.date()))
        return client

    def _campaign(self, request: Request) -> domain.Campaign:
        found = self._site.campaigns.get(request.path_params["campaign"])
        if found is None:
            raise _Problem(HTTPStatus.NOT_FOUND, f"There is no such campaign. {said.PREFIX}/campaigns lists those there are.")
        return found


def _as_json(request: Request, answer: BaseModel) -> Response:
    """The answer with its ETag; without a body where the program has it already (RFC 9110 §13.1.2)."""
    body = answer.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


def _tell(problem: _Problem) -> Response:
    told = said.Problem(type="about:blank", title=problem.status.phrase, status=problem.status.value, detail=problem.detail)
    body = told.model_dump_json()
    return Response(body, status_code=problem.status, media_type="application/problem+json", headers=problem.headers)


def _whole(request: Request, name: str, least: int, most: int, usual: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise _Problem(HTTPStatus.BAD_REQUEST, f"{name} is not a whole number from {least} to {most}.")
    return int(text)


def _state(request: Request) -> State | None:
    text = request.query_params.get("state")
    if text is not None and text not in set(State):
        raise _Problem(HTTPStatus.BAD_REQUEST, f"state is none of {', '.join(State)}.")
    return None if text is None else State(text)


def _campaign(one: domain.Campaign) -> said.Campaign:
    steps = [said.Step(days_before=step.days_before, message=step.message) for step in one.steps]
    return said.Campaign(id=one.id, deadline=one.deadline, closes_on=one.closes_on, steps=steps)


def _progress(figures: OrganisationFigures) -> said.Progress:
    roster = figures.roster
    days = [said.Day(day=one.day, people=one.people, settled=one.settled, open=one.open) for one in figures.curve]
    return said.Progress(
        **{name: getattr(figures, name) for name in ("campaign", "at", "deadline", "days_left", "people", "settled", "open")},
        undeliverable=figures.undeliverable,
        by_country=_rows(figures.by_country),
        by_department=_rows(figures.by_department),
        by_language=_rows(figures.by_language),
        by_answer={answer.value: count for answer, count in figures.by_answer.items()},
        by_assurance={assurance.value: count for assurance, count in figures.by_assurance.items()},
        reminders=dict(figures.reminders),
        days=days,
        roster=said.Roster(
            applied_at=roster.applied.at if roster.applied else None,
            **{name: getattr(roster, name) for name in said.Roster.model_fields if name != "applied_at"},
        ),
    )


def _rows(rows: Sequence[Row]) -> list[said.Row]:
    return [
        said.Row(
            cells=list(row.cells),
            people=row.figure.people,
            settled_at_least=row.figure.at_least,
            settled_at_most=row.figure.at_most,
        )
        for row in rows
    ]


def _delivery(one: Item, *, persons: bool) -> said.Delivery:
    return said.Delivery(
        **{name: getattr(one, name) for name in ("id", "kind", "message", "channel", "state", "attempts", "finished_at")},
        next_at=None if one.finished_at else one.next_at,
        person=said.Person(id=one.employee_id, name=one.name, email=one.email) if persons else None,
        reason=one.reason if persons else None,
        reply=one.reply if persons else None,
    )
