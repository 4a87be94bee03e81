"""A person's own page: who is asked, what to do, and their answer.

GET and HEAD record nothing, whoever sends them: mail filters open every link. POST records, and only if all of this holds: the
browser says it comes from our own page; the form carries a proof that this browser fetched it before, for this person, within
`FORM_VALID`; and it names an answer, since none is chosen beforehand.

Mail filters have been seen to send forms too. So an answer that arrives less than `QUICKEST_PERSON` after its form was fetched,
or less than `FIRST_MINUTE` after a reminder was handed over, is kept as provisional: it stops nothing, and the page asks again.

Everything that arrives together is looked up and recorded together, by `Answers`: after a wave many people answer within minutes.

An answer can be undone, changed, or disowned ("this was not me") as long as the campaign is open: there is no shorter limit,
because a mistake may be noticed at any time and nothing is lost by allowing it. Doing any of it twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.campaign import OFFERED, Answer, Assurance
from notifier.domain.employee import LANGUAGES
from notifier.domain.links import ParsedToken
from notifier.store import acknowledgements, employees, outbox
from notifier.store.acknowledgements import Change, Given, Revoked
from notifier.store.database import Connection
from notifier.web import person_page, security, visits
from notifier.web.forms import own_form
from notifier.web.notices import Notice, Refused
from notifier.web.site import Site
from notifier.web.visits import Found, Visit

QUICKEST_PERSON = timedelta(seconds=2)
FIRST_MINUTE = timedelta(seconds=60)
_ANSWERS = frozenset(OFFERED)
_TAKES_BACK = {"undo": Revoked.UNDONE, "not_me": Revoked.NOT_ME}
_SAID = {Revoked.UNDONE: "undone", Revoked.NOT_ME: "not-me"}


async def show(site: Site, request: Request) -> Response:
    """GET and HEAD."""
    return person_page.page(site, request, await visits.look_up(site, request))


@dataclass(frozen=True, slots=True)
class Post:
    """A form that our own page sent.

    Attributes:
        asked: the answer that is given, or why the one that was given is to count no longer; None where neither is named.
        language: chosen on the page, or None.
        quick: it came sooner after the page was fetched than a person sends it.
    """

    request: Request
    link: ParsedToken
    asked: Answer | Revoked | None
    language: str | None
    quick: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Takes the forms of a site."""

    site: Site

    async def take(self, request: Request) -> Response:
        """POST. What is looked up and what is written is one transaction, which many answers share."""
        site = self.site
        if not security.comes_from_here(request.headers, site.base_url):
            raise Refused(Notice.FOREIGN)
        if (link := visits.link_in(request)) is None:
            raise visits.miss(site, request)
        post = await _read(site, request, link)
        visit = visits.admitted(site, request, await site.database.write_each(self._record, post))
        if post.asked is None:
            return person_page.page(site, request, visit, missing=True)
        return _see(visit, _said(post))

    def _record(self, connection: Connection, posts: Sequence[Post]) -> list[Found]:
        """Do what these forms ask for, those of one person in this order. Returns what their links open."""
        now = self.site.now()
        people = employees.by_public_ids(connection, [post.link.public_id for post in posts])
        found = [visits.find(self.site, post.request, post.link, people.get(post.link.public_id)) for post in posts]
        asked = [(post, visit) for post, visit in zip(posts, found, strict=True) if isinstance(visit, Visit)]
        fresh = _fresh(connection, (visit for _, visit in asked), now)
        changes = []
        for post, visit in asked:
            change = self._change(post, visit, doubtful=post.quick or (visit.campaign.id, visit.person.key) in fresh)
            if change is None:
                continue
            changes.append(change)
            if post.language and isinstance(change.what, Given) and change.what.assurance is Assurance.LINK:
                employees.set_language_choice(connection, change.employee_key, post.language)  # the receipt is written in it
        acknowledgements.change(connection, changes, now)
        return [_shown(connection, post, visit) for post, visit in zip(posts, found, strict=True)]

    def _change(self, post: Post, visit: Visit, *, doubtful: bool) -> Change | None:
        """What a form changes, if anything.

        Args:
            doubtful: an answer may well be a mail filter's.
        """
        campaign, person = visit.campaign.id, visit.person.key
        if isinstance(post.asked, Revoked):
            return None if post.quick else Change(campaign, person, post.asked)
        if post.asked is None:
            return None
        assurance = Assurance.PROVISIONAL if doubtful else Assurance.LINK
        return Change(campaign, person, Given(post.asked, assurance, "page", self.site.receipt_channel))


async def _read(site: Site, request: Request, link: ParsedToken) -> Post:
    """What was sent.

    Raises:
        Refused: it is no form of ours, or not one that this browser fetched in time for this person.
    """
    form: dict[str, str] = {}
    try:
        form = await own_form(request)
        campaign = request.path_params["campaign"]
        fetched_at = visits.fetched_at(site, request, form, campaign=campaign, public_id=link.public_id)
        quick = site.visitor_clock.now() - fetched_at < QUICKEST_PERSON
    except Refused as refused:
        visit = await visits.look_up(site, request)  # a bad link is told first; a good one tells the language
        raise Refused(refused.notice, language=visit.spoken(_language(form)).language) from None
    return Post(request, link, _asked(form), _language(form), quick)


def _asked(form: Mapping[str, str]) -> Answer | Revoked | None:
    if (because := _TAKES_BACK.get(form.get("do", ""))) is not None:
        return because
    word = form.get("answer")
    return Answer(word) if word in _ANSWERS else None


def _language(form: Mapping[str, str]) -> str | None:
    word = form.get("lang")
    return word if word in LANGUAGES else None


def _fresh(connection: Connection, visited: Iterable[Visit], now: datetime) -> set[tuple[str, int]]:
    """To whom a reminder was handed over within the first minute, as campaign and person."""
    people: dict[str, list[int]] = {}
    for visit in visited:
        people.setdefault(visit.campaign.id, []).append(visit.person.key)
    since = now - FIRST_MINUTE
    return {
        (campaign, key)
        for campaign, keys in people.items()
        for key in outbox.handed_over(connection, campaign=campaign, people=keys, after=since, until=now)
    }


def _shown(connection: Connection, post: Post, found: Found) -> Found:
    """The visit in the language that the form was in, with the answer where the page is shown again at once."""
    if not isinstance(found, Visit):
        return found
    visit = found.spoken(post.language)
    return visit.with_answer(connection) if post.asked is None else visit


def _said(post: Post) -> str | None:
    """What the page is to say."""
    if not isinstance(post.asked, Revoked):
        return None
    return "again" if post.quick else _SAID[post.asked]


def _see(visit: Visit, said: str | None) -> Response:
    """Back to the page by GET, so that a reload sends nothing twice. Relative, hence right behind any proxy."""
    parameters = {"said": said} if said else {}
    if visit.language != visit.person.language_choice:
        parameters["lang"] = visit.language
    query = "&".join(f"{name}={word}" for name, word in parameters.items())  # words of ours: nothing in them to escape
    location = f"{visit.token}?{query}" if query else visit.token
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": location})
