"""The mailbox as pages: what arrived, newest first, for everybody or for one person; and the buttons that move time.

Everything works without script. With it, a page that is being looked at keeps up with the demonstration by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from notifier.clock import SystemClock
from notifier.demo.company import Story as Part
from notifier.demo.facts import Event, events_of, kinds_since, state_of
from notifier.demo.frame import TEMPLATES, Frame, safe_headers, short
from notifier.demo.mailbox import CapturedMail, Mailbox
from notifier.demo.places import COUNTRY_NAMES
from notifier.demo.stage import Stage
from notifier.domain.employee import Employee
from notifier.domain.operators import Role
from notifier.service import Service
from notifier.store import employees, sessions
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.tables import Kind
from notifier.web.forms import FormError, read_form
from notifier.web.security import comes_from_here

T = TypeVar("T")

_ON_A_PAGE = 40
_VIEWS = ("html", "text", "source")
_SHOWS = {
    Kind.REMINDER.value: "Reminders",
    Kind.RECEIPT.value: "Confirmations",
    Kind.SUMMARY.value: "Managers",
    "all": "Everything",
}
_ALSO = {Kind.NUDGE: Kind.REMINDER, Kind.ESCALATION: Kind.SUMMARY, Kind.ORGANISATION: Kind.SUMMARY}
_LANGUAGES = {"en": "English", "fr": "French", "de": "German"}
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_ON_THIS_SITE = re.compile(r"/(?![/\\])")
_OF_A_MAIL = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class _MailLine:
    """One message in a list."""

    mail: CapturedMail
    when: str
    language: str


@dataclass(frozen=True, slots=True)
class _PersonLine:
    """One person in a list."""

    person: StoredEmployee
    country: str
    state: str
    mails: int


@dataclass(frozen=True, slots=True)
class _Turning:
    """How many entries a list has, and where the pages before and after this one are."""

    count: int
    newer: str | None
    older: str | None


class _Pages:
    def __init__(self, service: Service, mailbox: Mailbox, stage: Stage, parts: Sequence[Part]) -> None:
        self._frame = Frame(service, mailbox, stage)
        self._service = service
        self._stage = stage
        self._mailbox = mailbox
        self._kinds: dict[int, Kind] = {}
        self._parts = {part.person.id: part for part in parts}
        self._script = (TEMPLATES / "live.js").read_text("utf-8")
        self._moves = {
            "pause": stage.pause,
            "go-on": stage.go_on,
            "slower": stage.slower,
            "faster": stage.faster,
            "next": stage.to_next_wave,
            "end": stage.to_the_end,
        }

    async def mails(self, request: Request) -> Response:
        """What arrived, of one kind or of every."""
        show, page = request.query_params.get("show", Kind.REMINDER.value), _page(request)
        await self._learn_kinds()
        mails = [mail for mail in self._mailbox.newest_first if show in _shown_as(self._kinds.get(mail.number))]
        return await self._frame.show(
            request,
            "mailbox.html",
            live=page == 1,
            show=show,
            shows=_SHOWS,
            mails=[self._mail_line(mail) for mail in _portion(mails, page)],
            turning=_turning(page, len(mails), show=show),
        )

    async def mail(self, request: Request) -> Response:
        """One message, in one of three views."""
        mail = self._asked(request)
        view = request.query_params.get("view")
        person = await self._service.database.read_async(lambda connection: employees.find(connection, mail.email))
        return await self._frame.show(
            request,
            "mail.html",
            live=False,
            line=self._mail_line(mail),
            person=person,
            view=view if view in _VIEWS else "html",
            views={"html": "As it looks", "text": "Plain text", "source": "Source"},
        )

    async def body(self, request: Request) -> Response:
        """The HTML of a message, for the frame: no script runs in it, and its links open beside it."""
        html = _HEAD.sub(lambda head: f'{head.group()}<base target="_blank">', self._asked(request).html, count=1)
        return HTMLResponse(html, headers=safe_headers(_OF_A_MAIL))

    async def people(self, request: Request) -> Response:
        """Everybody, by name, those with a story first."""
        words, page = request.query_params.get("q", "").strip(), _page(request)

        def read(connection: Connection) -> tuple[list[_PersonLine], int]:
            found = [one for one in employees.load(connection).values() if _matches(one.employee, words)]
            found.sort(key=lambda one: (one.employee.id not in self._parts, one.employee.name.casefold()))
            return [self._person_line(connection, one) for one in _portion(found, page)], len(found)

        lines, count = await self._service.database.read_async(read)
        turning = _turning(page, count, q=words)
        return await self._frame.show(
            request, "people.html", live=False, people=lines, parts=self._parts, words=words, turning=turning
        )

    async def person(self, request: Request) -> Response:
        """One person: where they stand, what happened to them, and what they got."""
        person_id = request.path_params["id"]

        def read(connection: Connection) -> tuple[_PersonLine, tuple[Event, ...]] | None:
            person = employees.find(connection, person_id)
            if person is None:
                return None
            return self._person_line(connection, person), events_of(connection, self._service, person, self._stage.now)

        found = await self._service.database.read_async(read)
        if found is None:
            raise HTTPException(404)
        line, events = found
        mails = self._mailbox.of(line.person.employee.email)
        return await self._frame.show(
            request,
            "person.html",
            live=True,
            line=line,
            part=self._parts.get(person_id),
            events=[(short(event.at), event) for event in events],
            mails=[self._mail_line(mail) for mail in mails],
            link=next((mail.link for mail in mails if mail.link), None),
        )

    async def control(self, request: Request) -> Response:
        """Move time, then back to the page."""
        if not comes_from_here(request.headers, self._service.settings.web.base_url):
            raise HTTPException(403)
        try:
            form = await read_form(request)
        except FormError:
            raise HTTPException(400) from None
        move, back = self._moves.get(form.get("do", "")), form.get("back", "")
        if move is None:
            raise HTTPException(400)
        move()
        return RedirectResponse(back if _ON_THIS_SITE.match(back) else "/", status_code=303)

    async def dashboard(self, request: Request) -> Response:
        """Into the pages of operators, by a link as `notifier admin link` makes it."""
        if not comes_from_here(request.headers, self._service.settings.web.base_url):
            raise HTTPException(403)
        now = SystemClock().now()
        token = await self._service.database.write_async(
            lambda connection: sessions.make_link(connection, role=Role.ADMIN, made_by="demonstration", now=now)
        )
        return RedirectResponse(f"/admin/link/{token}", status_code=303)

    async def script(self, request: Request) -> Response:  # noqa: ARG002 - the signature of a page
        return Response(self._script, media_type="text/javascript", headers=safe_headers("default-src 'none'"))

    async def problem(self, request: Request, error: Exception) -> Response:
        """What is not there, or not allowed."""
        status = error.status_code if isinstance(error, HTTPException) else 400
        return await self._frame.show(request, "nothing.html", status=status, live=False)

    async def _learn_kinds(self) -> None:
        """Ask the store what the mails are that have arrived since the last time."""
        unknown = [mail for mail in self._mailbox.newest_first if mail.number not in self._kinds]
        if unknown:
            first = unknown[-1].at
            kinds = await self._service.database.read_async(lambda connection: kinds_since(connection, first))
            self._kinds |= {mail.number: kinds[mail.email, mail.at] for mail in unknown if (mail.email, mail.at) in kinds}

    def _asked(self, request: Request) -> CapturedMail:
        mail = self._mailbox.find(request.path_params["number"])
        if mail is None:
            raise HTTPException(404)
        return mail

    def _mail_line(self, mail: CapturedMail) -> _MailLine:
        return _MailLine(mail, short(mail.at.astimezone(self._frame.zone)), _LANGUAGES.get(mail.language, mail.language))

    def _person_line(self, connection: Connection, person: StoredEmployee) -> _PersonLine:
        country, state = person.employee.country or "", state_of(connection, person, self._frame.campaign)
        return _PersonLine(person, COUNTRY_NAMES.get(country, country), state, len(self._mailbox.of(person.employee.email)))


def create_pages(service: Service, mailbox: Mailbox, stage: Stage, parts: Sequence[Part]) -> Starlette:
    """The pages of the demonstration.

    Args:
        parts: the people with a story.
    """
    pages = _Pages(service, mailbox, stage, parts)
    return Starlette(
        routes=[
            Route("/", pages.mails),
            Route("/mail/{number:int}", pages.mail),
            Route("/mail/{number:int}/body", pages.body),
            Route("/people", pages.people),
            Route("/people/{id}", pages.person),
            Route("/control", pages.control, methods=["POST"]),
            Route("/dashboard", pages.dashboard, methods=["POST"]),
            Route("/live.js", pages.script),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={HTTPException: pages.problem},
    )


def _matches(employee: Employee, words: str) -> bool:
    said = f"{employee.name} {employee.email} {COUNTRY_NAMES.get(employee.country or '', '')} {employee.department}".casefold()
    return all(word in said for word in words.casefold().split())


def _shown_as(kind: Kind | None) -> set[str]:
    """Under which headings a message is listed."""
    return {"all"} if kind is None else {"all", _ALSO.get(kind, kind).value}


def _page(request: Request) -> int:
    """Which page of a list is asked for, from 1."""
    text = request.query_params.get("page", "")
    return max(int(text), 1) if text.isdecimal() and len(text) < 7 else 1


def _portion(items: Sequence[T], page: int) -> Sequence[T]:
    return items[(page - 1) * _ON_A_PAGE : page * _ON_A_PAGE]


def _turning(page: int, count: int, **kept: str) -> _Turning:
    kept = {name: value for name, value in kept.items() if value}
    newer = "?" + urlencode({**kept, "page": str(page - 1)}) if page > 1 else None
    older = "?" + urlencode({**kept, "page": str(page + 1)}) if page * _ON_A_PAGE < count else None
    return _Turning(count, newer, older)
