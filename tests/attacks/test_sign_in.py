"""Nobody is signed in who should not be: a provider, a network or a stranger lies in one thing at a time (promise S10)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from notifier.domain.operators import Role
from notifier.errors import NotifierError
from notifier.identity import Identity, NotTrustedError, ProviderError, RefusedError
from notifier.store import ledger, sessions
from notifier.store.database import Database
from notifier.store.tables import metadata
from notifier.web import operators
from tests.oidc_authority import KEY, OTHER_KEY, PUBLIC_PEM, Authority, Signed, authority
from tests.pages_rig import NOW, Answered, Rig, Visitor, running_pages

SECOND = int(NOW.timestamp())
HOUR = 3600


@dataclass
class Desk:
    """The pages, and the authority that they believe."""

    site: Rig
    authority: Authority

    def sessions(self) -> list[tuple[str, str, Role]]:
        with self.site.database.read() as connection:
            found = [one.operator for one in sessions.every_open(connection, self.site.visitors.now())]
        return [(one.subject, one.name, one.role) for one in found]

    def sign_in(self, visitor: Visitor | None = None, **answer: str) -> Answered:
        visitor = visitor or Visitor(self.site)
        self.authority.visit(visitor, self.site.visitors.now())
        return self.authority.come_back(visitor, **answer)


@pytest.fixture(scope="module")
def _open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("sign-in")
    database = Database(f"sqlite:///{folder}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with authority(folder) as one, running_pages(database, provider=one.provider) as site:
        yield Desk(site, one)
    database.close()


@pytest.fixture
def desk(_open: Desk) -> Desk:
    _open.authority.be_honest()
    with _open.site.database.write() as connection:
        sessions.revoke(connection, NOW)
    return _open


def test_an_honest_answer_signs_in(desk: Desk) -> None:
    """Else all that follows would prove nothing."""
    answered = desk.sign_in()
    assert (answered.status, answered.headers["location"]) == (303, "/admin")
    assert desk.sessions() == [("248289761001", "Ann Admin", Role.ADMIN)]


LIES: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "somebody-else"},
    "an audience of others": {"aud": ["somebody-else"]},
    "asked for by somebody else": {"azp": "somebody-else"},
    "two audiences and no azp": {"aud": ["notifier", "somebody-else"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://login.example.org"},
    "the issuer with a slash": {"iss": "https://localhost/"},
    "no issuer": {"iss": None},
    "another nonce": {"nonce": "n-0S6_WzA2Mj"},
    "no nonce": {"nonce": None},
    "expired": {"iat": SECOND - 2 * HOUR, "exp": SECOND - HOUR},
    "no end": {"exp": None},
    "an end that is no number": {"exp": str(SECOND + HOUR)},
    "from the future": {"iat": SECOND + HOUR, "exp": SECOND + 2 * HOUR},
    "not yet": {"nbf": SECOND + HOUR},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 248289761001},
    "a subject of a thousand letters": {"sub": "a" * 1000},
    "another access token": {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_token_that_lies_signs_nobody_in(desk: Desk, lie: dict[str, Any]) -> None:
    desk.authority.claims = lie
    assert (desk.sign_in().status, desk.sessions()) == (403, [])


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, "none", {"kid": "one"})


def _by_the_public_key(claims: dict[str, Any]) -> str:
    """An HMAC with the provider's public key as its secret. PyJWT refuses to make one, so it is made by hand."""
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode())
    signed = head + b"." + jwt.utils.base64url_encode(json.dumps(claims).encode())
    return (signed + b"." + jwt.utils.base64url_encode(jwt.algorithms.HMACAlgorithm("sha256").sign(signed, PUBLIC_PEM))).decode()  # type: ignore[attr-defined]


SIGNATURES: dict[str, Signed] = {
    "none": _unsigned,
    "the public key as a secret": _by_the_public_key,
    "a key of somebody else under the same name": lambda claims: jwt.encode(claims, OTHER_KEY, "RS256", {"kid": "one"}),
    "a key that it brings itself": lambda claims: jwt.encode(
        claims, OTHER_KEY, "RS256", {"jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key()))}
    ),
    "a key that nobody knows": lambda claims: jwt.encode(claims, OTHER_KEY, "RS256", {"kid": "two"}),
    "extensions that must be understood": lambda claims: jwt.encode(claims, KEY, "RS256", {"kid": "one", "crit": ["exp"]}),
    "cut off": lambda claims: jwt.encode(claims, KEY, "RS256", {"kid": "one"}).rpartition(".")[0] + ".",
    "no token at all": lambda _: "correct horse",
}


@pytest.mark.parametrize("sign", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_signature_that_is_none_signs_nobody_in(desk: Desk, sign: Signed) -> None:
    desk.authority.sign = sign
    assert (desk.sign_in().status, desk.sessions()) == (403, [])


def test_the_same_address_is_not_the_same_person(desk: Desk) -> None:
    """An address that passed to somebody else, or that nobody verified, gives nothing: neither a role nor a name."""
    desk.sign_in()
    desk.authority.claims = {"sub": "66", "roles": [], "name": "Ann Admin", "email": "ann@example.com", "email_verified": False}
    answered = desk.sign_in()
    assert (answered.status, answered.title) == (403, "You have no role here")
    assert desk.sessions() == [("248289761001", "Ann Admin", Role.ADMIN)]


@pytest.mark.parametrize("roles", [None, [], ["Chiefs"], "chief", {"chiefs": True}, [["chiefs"]], [None]])
def test_a_role_is_one_of_those_that_are_written_down(desk: Desk, roles: object) -> None:
    desk.authority.claims = {"roles": roles, "groups": ["chiefs"]}
    assert (desk.sign_in().title, desk.sessions()) == ("You have no role here", [])


def test_groups_that_were_left_out_are_told(desk: Desk) -> None:
    desk.authority.claims = {
        "roles": None,
        "_claim_names": {"roles": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://x"}},
    }
    assert (desk.sign_in().title, desk.sessions()) == ("We could not see your groups", [])


def test_an_answer_is_good_once(desk: Desk) -> None:
    """The provider would redeem a code as often as it is asked; we ask once, whatever the browser has kept."""
    visitor = Visitor(desk.site)
    desk.authority.visit(visitor, NOW)
    kept = dict(visitor.cookies)
    assert desk.authority.come_back(visitor, "replayed").status == 303
    visitor.cookies = kept
    assert desk.authority.come_back(visitor, "replayed").title == "Please begin again"
    assert (desk.authority.codes["replayed"], len(desk.sessions())) == (1, 1)


def test_a_code_of_one_sign_in_is_worth_nothing_in_another(desk: Desk) -> None:
    """Even a provider that forgets PKCE gives a token with the nonce of the first."""
    first = desk.authority.visit(Visitor(desk.site), NOW)
    visitor = Visitor(desk.site)
    desk.authority.visit(visitor, NOW)
    desk.authority.claims = {"nonce": first["nonce"]}
    assert (desk.authority.come_back(visitor).status, desk.sessions()) == (403, [])


def test_the_answer_of_another_browser_counts_nowhere_else(desk: Desk) -> None:
    """An attacker signs in, stops before the last step, and has somebody else's browser take it: with no sign-in, and amid one."""
    attacker, victim = Visitor(desk.site), Visitor(desk.site)
    for begun in (False, True):
        if begun:
            desk.authority.visit(victim, NOW)
        desk.authority.visit(attacker, NOW)
        assert desk.authority.come_back(victim).title == "Please begin again"
    assert (desk.sessions(), "notifier_operator" in victim.cookies) == ([], False)


@pytest.mark.parametrize("answer", [{"state": ""}, {"state": "af0ifjsldkj"}, {"iss": "https://login.example.org"}])
def test_an_answer_to_another_question_counts_nothing(desk: Desk, answer: dict[str, str]) -> None:
    assert (desk.sign_in(**answer).status in {400, 403}, desk.sessions()) == (True, [])


def test_an_answer_that_says_two_things_counts_nothing(desk: Desk) -> None:
    visitor = Visitor(desk.site)
    asked = desk.authority.visit(visitor, NOW)
    answered = visitor.get(f"/admin/sign-in/back?code=one&code=two&state={asked['state']}")
    assert (answered.status, desk.sessions()) == (400, [])


def test_a_sign_in_lasts_ten_minutes(desk: Desk) -> None:
    visitor = Visitor(desk.site)
    desk.authority.visit(visitor, NOW)
    desk.site.visitors.move_to(NOW + timedelta(minutes=11))
    try:
        assert (desk.authority.come_back(visitor).status, desk.sessions()) == (400, [])
    finally:
        desk.site.visitors.move_to(NOW)


def test_what_the_cookie_holds_can_be_neither_read_nor_changed(desk: Desk) -> None:
    visitor = Visitor(desk.site)
    asked = desk.authority.visit(visitor, NOW)
    (name,) = visitor.cookies
    sealed = visitor.cookies[name]
    assert asked["state"] not in sealed
    for place in (12, len(sealed) // 2, len(sealed) - 4):
        visitor.cookies[name] = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        assert desk.authority.come_back(visitor).status == 400
    assert desk.sessions() == []


ELSEWHERE = (
    "https://evil.example/admin",
    "//evil.example/admin",
    "/\\evil.example/admin",
    "/admin/../../evil",
    "/admin/%2E%2e/evil",
    "/admin@evil.example",
    "/admin.evil.example",
    "/admin\r\nSet-Cookie: a=b",
    "/admin\\@evil.example",
    "javascript:alert(1)",
    "/a/linkedin-ai-training/token",
    "/admin/sign-out",
    "/admin/sign-in/go",
    "admin",
    "",
)


@pytest.mark.parametrize("to", ELSEWHERE)
def test_nobody_is_led_elsewhere(desk: Desk, to: str) -> None:
    visitor = Visitor(desk.site)
    desk.authority.visit(visitor, NOW, to)
    assert desk.authority.come_back(visitor).headers["location"] == "/admin"


@pytest.mark.parametrize("to", ["/admin/queue?state=held", "/team", "/admin?said=..", "/admin/people/17"])
def test_but_back_to_where_they_were_going(to: str) -> None:
    assert operators.own_path(to) == to


def test_whoever_signs_in_gets_another_session_than_the_one_that_was_planted(desk: Desk) -> None:
    planted = sessions.new_token()
    visitor = Visitor(desk.site)
    visitor.cookies[operators.cookie_name(desk.site.base_url)] = planted
    desk.sign_in(visitor)
    assert visitor.cookies[operators.cookie_name(desk.site.base_url)] != planted
    with desk.site.database.read() as connection:
        assert sessions.find(connection, planted, NOW) is None


def test_a_provider_of_another_name_is_not_asked(desk: Desk) -> None:
    """Discovery gives the name of another: OpenID Connect Discovery 1.0, 4.3."""
    desk.authority.over = {"issuer": "https://login.example.org"}
    desk.site.visitors.move_to(NOW + timedelta(hours=2))  # when it is asked again who it is
    try:
        answered = Visitor(desk.site).get("/admin/sign-in/go")
    finally:
        desk.site.visitors.move_to(NOW)
    assert (answered.status, answered.title) == (503, "The sign-in service does not answer")


def test_a_new_key_of_the_provider_is_fetched_when_it_is_used_and_at_most_once_a_minute(desk: Desk) -> None:
    def by_another_key(claims: dict[str, Any]) -> str:
        return jwt.encode(claims, OTHER_KEY, "RS256", {"kid": "new"})

    desk.sign_in()
    desk.authority.keys = {"new": OTHER_KEY}
    desk.authority.sign = by_another_key
    try:
        assert desk.sign_in().status == 403
        desk.site.visitors.move_to(NOW + timedelta(seconds=60))
        assert desk.sign_in().status == 303
    finally:
        desk.authority.keys = {"one": KEY}
        desk.site.visitors.move_to(NOW + timedelta(hours=1, minutes=2))
        desk.authority.be_honest()
        assert desk.sign_in().status == 303  # and the old one again, an hour later
        desk.site.visitors.move_to(NOW)


@pytest.mark.parametrize(
    ("ways", "in_body"),
    [(None, False), (["client_secret_basic", "client_secret_post"], False), (["client_secret_post"], True)],
    ids=["nothing said", "both", "in the body only"],
)
async def test_the_secret_goes_where_the_provider_takes_it(desk: Desk, ways: list[str] | None, *, in_body: bool) -> None:
    """RFC 6749 §2.3.1, RFC 8414 §2: in the head, unless the provider says that it does not take it there."""
    desk.authority.over = {} if ways is None else {"token_endpoint_auth_methods_supported": ways}
    provider = desk.authority.provider("https://notifier.example.com")
    address, attempt = await provider.begin(NOW)
    desk.authority.asked, desk.authority.now = {"nonce": attempt.nonce}, NOW
    identity = await provider.finish(attempt, {"code": "code", "state": attempt.state}, NOW)
    assert (identity.subject, identity.role) == ("248289761001", Role.ADMIN)
    assert ("client_secret" in desk.authority.form) is in_body
    asked = parse_qs(urlsplit(address).query)
    assert (asked["client_id"], asked["scope"], asked["code_challenge_method"]) == (["notifier"], ["openid profile"], ["S256"])
    assert desk.authority.form["redirect_uri"] == "https://notifier.example.com/admin/sign-in/back"
    verifier = desk.authority.form["code_verifier"].encode()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
    assert asked["code_challenge"] == [challenge]  # RFC 7636 §4.2


DISCOVERY, CANNOT = "/.well-known/openid-configuration", "cannot be reached"
ASK = "check sign_in.authority, and the way out to it: proxy, firewall, sign_in.ca_file"


@pytest.mark.parametrize(
    ("over", "instead", "why", "hint"),
    [
        ({"issuer": "https://x.example"}, {}, "calls itself by another name", 'authority = "https://x.example", if that is who'),
        ({"jwks_uri": None}, {}, "does not say where it is to be asked, by https", ASK),
        ({"token_endpoint": "http://localhost/token"}, {}, "does not say where it is to be asked, by https", ASK),
        ({}, {DISCOVERY: (500, "{}")}, f"{CANNOT} (HTTPError)", ASK),
        ({}, {DISCOVERY: (200, "<html>")}, f"{CANNOT} (JSONDecodeError)", ASK),
        ({}, {DISCOVERY: (200, "[]")}, f"{CANNOT} (ValueError)", ASK),
        ({}, {DISCOVERY: (302, "/elsewhere"), "/elsewhere": (200, "[]")}, f"{CANNOT} (JSONDecodeError)", ASK),
        ({}, {"/keys": (404, "{}")}, f"{CANNOT} (HTTPError)", ASK),
    ],
)
async def test_a_provider_that_does_not_say_what_it_has_to_is_not_gone_to(
    desk: Desk, over: dict[str, Any], instead: dict[str, tuple[int, str]], why: str, hint: str
) -> None:
    desk.authority.over, desk.authority.instead = over, instead
    with pytest.raises(ProviderError) as refused:
        await desk.authority.provider("").begin(NOW)
    assert str(refused.value).startswith(f"the sign-in service at {desk.authority.issuer} {why}")
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize("keys", ["{}", '{"keys": {"kid": "one"}}', '{"keys": ["one"]}'])
async def test_a_provider_without_a_key_that_is_one_proves_nothing(desk: Desk, keys: str) -> None:
    desk.authority.instead = {"/keys": (200, keys)}
    with pytest.raises(NotTrustedError, match="a key that the provider does not publish"):
        await finished(desk)


async def finished(desk: Desk) -> Identity:
    """A sign-in without pages, from its beginning to its end."""
    provider = desk.authority.provider("")
    _, attempt = await provider.begin(NOW)
    desk.authority.asked, desk.authority.now = {"nonce": attempt.nonce}, NOW
    return await provider.finish(attempt, {"code": "code", "state": attempt.state}, NOW)


@pytest.mark.parametrize(
    ("answered", "error", "why"),
    [
        ((400, '{"error": "invalid_grant"}'), RefusedError, "the provider did not let somebody in (invalid_grant)"),
        ((400, '{"error": "Ann, who lives"}'), RefusedError, "the provider did not let somebody in (unknown)"),
        ((401, '{"error": "invalid_client"}'), RefusedError, "the provider did not let somebody in (invalid_client)"),
        ((200, '{"access_token": "opaque"}'), NotTrustedError, "the provider gave no ID token"),
        ((200, '{"id_token": "a"}'), NotTrustedError, "the provider's answer is none to this sign-in"),
        ((200, '{"id_token": 7}'), NotTrustedError, "the provider's answer is none to this sign-in"),
        ((200, '{"access_token": 7}'), NotTrustedError, "the provider gave no ID token"),
        ((200, "[]"), RefusedError, "the provider did not let somebody in (unknown)"),
        ((302, "/keys"), ProviderError, f"the sign-in service at {{issuer}} {CANNOT} (ConnectionError)"),
        ((200, "<html>"), ProviderError, f"the sign-in service at {{issuer}} {CANNOT} (ConnectionError)"),
    ],
)
async def test_an_answer_to_a_code_that_is_none_says_so(
    desk: Desk, answered: tuple[int, str], error: type[NotifierError], why: str
) -> None:
    desk.authority.instead = {"/token": answered}
    with pytest.raises(NotifierError) as refused:
        await finished(desk)
    assert (type(refused.value), str(refused.value)) == (error, why.format(issuer=desk.authority.issuer))
    expired = "check sign_in.client_id and the client secret: one may have expired" if "invalid_client" in answered[1] else None
    assert refused.value.hint == (ASK if error is ProviderError else expired)


async def test_a_provider_is_asked_who_it_is_once_an_hour_and_when_the_clock_went_back(desk: Desk) -> None:
    provider = desk.authority.provider("")
    desk.authority.issuer += "/"  # OpenID Connect Discovery 1.0 §4.1: that slash goes before the address is made
    provider.issuer = desk.authority.issuer
    try:
        await provider.begin(NOW)
        assert desk.authority.addresses[-2:] == [DISCOVERY, "//keys"]  # the second is where the provider says it is
        desk.authority.instead = {DISCOVERY: (500, "{}")}
        await provider.begin(NOW + timedelta(hours=1) - timedelta(microseconds=1))
        for later in (NOW + timedelta(hours=1), NOW - timedelta(microseconds=1)):
            with pytest.raises(ProviderError):
                await provider.begin(later)
    finally:
        desk.authority.issuer = desk.authority.issuer.rstrip("/")


def test_every_refusal_is_in_the_ledger_without_a_word_of_the_token(desk: Desk) -> None:
    desk.authority.claims = {"aud": "somebody-else"}
    desk.sign_in()
    with desk.site.database.read() as connection:
        newest = next(iter(ledger.tell(connection)))
    assert (newest.event, newest.facts, newest.personal) == (
        "sign-in refused",
        {"why": "the ID token is for somebody else (aud)"},
        None,
    )
