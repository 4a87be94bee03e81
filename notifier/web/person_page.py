"""A person's own page, as it stands for a visit."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from notifier.content.facts import Facts, context
from notifier.domain import links
from notifier.domain.campaign import Answer, Assurance
from notifier.store.acknowledgements import Acknowledgement
from notifier.web import security
from notifier.web.pages import AskView
from notifier.web.site import Site, asked_language
from notifier.web.visits import Visit

_SAID = {
    "undone": "Your answer has been taken back. We will go on reminding you.",
    "not-me": "Thank you for telling us. The answer has been taken back, and you can give your own below.",
    "again": "That was very quick, so nothing was changed. Please press the button once more.",
}


def page(site: Site, request: Request, visit: Visit, *, missing: bool = False) -> Response:
    """The page, with a proof for its form that is good for this browser.

    Args:
        missing: a form came without an answer.
    """
    browser = security.browser_of(request)
    response = HTMLResponse(
        site.pages.ask(_view(site, request, visit, browser.visit, missing=missing)),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if missing else HTTPStatus.OK,
        headers={"Content-Language": visit.language},
    )
    browser.remember(response, base_url=site.base_url, below="/a")
    return response


def _view(site: Site, request: Request, visit: Visit, cookie: str, *, missing: bool) -> AskView:
    current, person, campaign = visit.current, visit.person, visit.campaign
    facts = Facts(
        given_name=person.employee.given_name,
        name=person.employee.short_name,
        link=links.url(site.base_url, campaign.id, visit.token),
        today=visit.today,
        deadline=campaign.deadline,
        first_notice=False,
        answer=current.answer if current else None,
        answered_at=current.answered_at.astimezone(visit.zone) if current else None,
    )
    text = site.catalogue.page(campaign.id, facts, visit.language)
    said = request.query_params.get("said", "")
    return AskView(
        language=visit.language,
        chosen_language=asked_language(request),
        state=_state(current),
        asking="change" in request.query_params,
        said=_SAID.get(said) if current is None or said == "again" else None,
        missing=missing,
        proof=site.proofs.issue(visit=cookie, campaign=campaign.id, public_id=person.public_id, now=site.visitor_clock.now()),
        name=person.employee.short_name,
        title=text.title,
        body=text.body_html,
        button=text.button,
        answers={one.value: label for one, label in text.answers.items()},
        dates=context(site.sender, facts, visit.language, ""),
        answer=current.answer.value if current else None,
    )


def _state(current: Acknowledgement | None) -> str:
    if current is None:
        return "open"
    if current.assurance is Assurance.PROVISIONAL:
        return "provisional"
    if current.answer is Answer.EXEMPT:
        return "exempt"
    return "settled" if current.settles else "help"
