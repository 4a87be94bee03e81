"""What all pages of the demonstration share: their style, their safety, and the strip that shows and moves time."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier import shipped
from notifier.demo.facts import campaign_of, days_left_at, figures
from notifier.demo.mailbox import Mailbox
from notifier.demo.stage import Stage
from notifier.service import Service

TEMPLATES = Path(__file__).with_name("layout")
_LOCALE = "en_GB"
_OPENING = time(9)
_WHOLE = 1000


class Frame:
    """Renders a page with the strip above it."""

    def __init__(self, service: Service, mailbox: Mailbox, stage: Stage) -> None:
        layouts = ChoiceLoader([FileSystemLoader(TEMPLATES), FileSystemLoader(shipped.templates() / "layout")])
        self._environment = Environment(
            loader=layouts, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        style = "".join(layouts.get_source(self._environment, name)[0] for name in ("page.css", "demo.css"))
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._headers = safe_headers(
            f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        self._style = Markup(style)  # noqa: S704 - our own files
        self._service = service
        self._mailbox = mailbox
        self._stage = stage
        self.campaign = campaign_of(service)
        self.zone = ZoneInfo(service.settings.organisation.default_time_zone)
        self._marks = self._steps_and_deadline()

    async def show(self, request: Request, template: str, *, status: int = 200, live: bool, **values: object) -> HTMLResponse:
        """A page.

        Args:
            live: whether what it shows changes while time passes.
        """
        total = await self._service.database.read_async(lambda connection: figures(connection, self.campaign))
        stage, now = self._stage, self._stage.now.astimezone(self.zone)
        html = self._environment.get_template(template).render(
            **values,
            style=self._style,
            organisation=self._service.settings.organisation.name,
            stage=stage,
            live=live and stage.running,
            back=_address(request) if status == 200 else "/",
            today=_written(now, "EEEE d MMMM y"),
            hour=_written(now, "HH:mm"),
            days_left=days_left_at(self._service, now),
            passed=self._share(now),
            marks=self._marks,
            sent=len(self._mailbox),
            total=total,
        )
        return HTMLResponse(html, status, headers=self._headers)

    def _steps_and_deadline(self) -> list[tuple[int, str]]:
        """Where the steps and the deadline stand on the line of time, and what they are."""
        campaign = self._service.campaigns[self.campaign]
        moments = [(campaign.deadline - timedelta(days=step.days_before), "step") for step in campaign.steps]
        return [
            (self._share(datetime.combine(day, _OPENING, self.zone)), what)
            for day, what in (*moments, (campaign.deadline, "deadline"))
        ]

    def _share(self, instant: datetime) -> int:
        """How far an instant lies between the beginning (0) and the end (1000)."""
        return round((instant - self._stage.start) / (self._stage.end - self._stage.start) * _WHOLE)


def short(instant: datetime) -> str:
    """An instant as a list shows it, in its own zone: "Thu 2 Oct, 09:00"."""
    return _written(instant, "EEE d MMM, HH:mm")


def safe_headers(policy: str) -> dict[str, str]:
    """Headers of every response.

    Args:
        policy: its Content-Security-Policy.
    """
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _written(instant: datetime, pattern: str) -> str:
    return format_datetime(instant, pattern, tzinfo=instant.tzinfo, locale=_LOCALE)


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
