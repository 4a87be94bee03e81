"""What all pages of the dashboard share: who looks, in which language and zone, the frame around the page, and its safety.

Language and zone are the viewer's own choice, kept in a cookie of theirs; else the browser's language and the organisation's zone.
The pages need no script. The one there is (`live.js`) only keeps a page up to date, and only that page lets it run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from notifier.domain.campaign import Answer
from notifier.domain.employee import LANGUAGES
from notifier.domain.operators import Operator, Role
from notifier.store.tables import State
from notifier.web import operators
from notifier.web.dashboard import words
from notifier.web.doors import ROLE_NAMES
from notifier.web.pages import Say
from notifier.web.site import Site

VIEW_COOKIE = "notifier_view"
_POLICY = "default-src 'none'; style-src '{style}'; {script}form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_LIVE = "script-src 'self'; connect-src 'self'; "
_ID_DIGITS = 19  # of the largest number in 64 bits
# The pages: address, name (a message id), and the role that it takes.
ROOMS = (
    ("", "Today", Role.VIEWER),
    ("/campaigns", "Campaign", Role.VIEWER),
    ("/people", "People", Role.OFFICER),
    ("/queue", "Queue", Role.OFFICER),
    ("/roster", "Roster", Role.OFFICER),
    ("/health", "Health", Role.VIEWER),
    ("/audit", "Audit", Role.OFFICER),
)
# What was just done; the address may name one of these and nothing else.
SAID = {
    "stopped": "Sending has stopped. Pages and answers go on.",
    "resumed": "Sending goes on.",
    "retried": "They wait again and go out when their window is open.",
    "cancelled": "They are cancelled and will not be sent.",
    "answered": "The answer is recorded, attested by you.",
    "exempted": "This person is exempt and hears no more of it.",
    "undone": "The answer is taken back. This person is open again.",
    "unchanged": "It stood there already; nothing was changed.",
    "leave": "Noted. Nothing is sent before the day after.",
    "links": "Earlier links of this person no longer work. The next message carries a new one.",
    "approved": "Approved. The next reading of the roster is applied if it changes as many people or fewer.",
    "overtaken": "The roster was read again meanwhile, so nothing was approved. Please look at what it says now.",
    "remark": "Noted as looked into.",
    "view": "These pages follow your choice now.",
}


@dataclass(frozen=True, slots=True)
class View:
    """Somebody who looks.

    Attributes:
        root: the address of the dashboard as browsers reach it.
        token: what every form carries.
        now: the campaign's time.
    """

    operator: Operator
    language: str
    zone: ZoneInfo
    root: str
    token: str
    now: datetime

    @property
    def say(self) -> Say:
        return Say(self.language, words.DOMAIN)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def is_officer(self) -> bool:
        return self.operator.role.includes(Role.OFFICER)

    @property
    def is_admin(self) -> bool:
        return self.operator.role.includes(Role.ADMIN)

    def number(self, value: int) -> str:
        return words.number(value, self.language)

    def instant(self, when: datetime | None) -> str:
        return "" if when is None else words.instant(when, self.zone, self.language, self.today)

    def clock_time(self, when: datetime) -> str:
        return words.clock_time(when, self.zone)

    def day(self, day: date) -> str:
        return words.long_day(day, self.language)

    def short_day(self, day: date) -> str:
        return words.short_day(day, self.language)

    def lasting(self, span: timedelta) -> str:
        return words.lasting(span, self.language)

    def country(self, code: str) -> str:
        return words.country(code, self.language)

    def translated(self, text: str) -> str:
        return words.translated(text, self.language)

    def tongue(self, code: str) -> str:
        return words.language_name(code, self.language)

    def channel(self, name: str) -> str:
        return str(self.say(words.CHANNELS.get(name, name)))

    def pair(self, what: str, said: str) -> Markup:
        """ "answer: done", with the space before the colon where the language has one."""
        return self.say("%(what)s: %(said)s", what=what, said=said)

    def state(self, state: State) -> str:
        return str(self.say(words.STATES[state]))

    def answer(self, answer: Answer) -> str:
        return str(self.say(words.ANSWERS[answer]))


class Frame:
    """Renders the pages."""

    def __init__(self, site: Site, folders: Sequence[Path], zone: ZoneInfo) -> None:
        """Read the layouts.

        Args:
            folders: that hold `admin/…`, the user's own before the one that came with the program.
            zone: the organisation's.
        """
        loader = FileSystemLoader([str(folder) for folder in folders])
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        style = loader.get_source(self._environment, "admin/admin.css")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._policy = {live: _POLICY.format(style=f"sha256-{digest}", script=_LIVE if live else "") for live in (True, False)}
        self._style = Markup(style)  # noqa: S704 - our own file
        self.script = loader.get_source(self._environment, "admin/live.js")[0]
        self._site = site
        self.zone = zone

    async def enter(self, request: Request, role: Role) -> View:
        """Who looks. Raises as `operators.require` does."""
        operator = await operators.require(self._site, request, role)
        chosen = chosen_view(request)
        language = chosen.get("lang") or self._site.language_of_browser(request)
        return View(
            operator=operator,
            language=language if "lang" not in request.query_params else self._site.language_of_browser(request),
            zone=ZoneInfo(chosen["zone"]) if "zone" in chosen else self.zone,
            root=operators.address(self._site, operators.START),
            token=operators.form_token(self._site, operator, request),
            now=self._site.now(),
        )

    async def act(self, request: Request, role: Role) -> tuple[View, dict[str, str]]:
        """Who sent a form, and its fields. Raises as `operators.require` and `operators.checked_form` do."""
        view = await self.enter(request, role)
        return view, await operators.checked_form(self._site, request, view.operator)

    def show(
        self,
        request: Request,
        view: View,
        template: str,
        title: str,
        *,
        status: int = HTTPStatus.OK,
        live: bool = False,
        **values: object,
    ) -> HTMLResponse:
        """A page.

        Args:
            template: its file in `admin`.
            live: `live.js` keeps it up to date.
        """
        said = SAID.get(request.query_params.get("said", ""))
        html = self._environment.get_template(f"admin/{template}").render(
            **values,
            view=view,
            title=title,
            live=live,
            said=None if said is None else view.say(said),
            style=self._style,
            organisation=self._site.sender.organisation,
            rooms=self._rooms(request, view),
            role=Say(view.language, "sign-in")(ROLE_NAMES[view.operator.role]),
            _=view.say,
        )
        headers = {"Content-Language": view.language, "Content-Security-Policy": self._policy[live]}
        return HTMLResponse(html, status_code=status, headers=headers)

    def back(self, view: View, path: str, said: str | None = None) -> Response:
        """After a form: to a page, by GET, so that a reload sends nothing twice.

        Args:
            path: below the dashboard's own address.
            said: a key of SAID.
        """
        query = "" if said is None else ("&" if "?" in path else "?") + urlencode({"said": said})
        return RedirectResponse(view.root + path + query, status_code=HTTPStatus.SEE_OTHER)

    def _rooms(self, request: Request, view: View) -> list[tuple[str, Markup, bool]]:
        """The navigation: address, name, and whether one is there."""
        path = request.url.path.removeprefix(operators.START)
        return [
            (view.root + where, view.say(name), path.startswith(where) if where else path in {"", "/resume"})
            for where, name, role in ROOMS
            if view.operator.role.includes(role)
        ]


def chosen_view(request: Request) -> dict[str, str]:
    """What the viewer chose: "lang" and "zone", each only if it is one that there is."""
    language, _, zone = request.cookies.get(VIEW_COOKIE, "").partition("|")
    return ({"lang": language} if language in LANGUAGES else {}) | ({"zone": zone} if zone in zones() else {})


def row_id(text: str) -> int | None:
    """A row's number as an address has it; None for what no column can hold."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _ID_DIGITS else None


@cache
def zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())
