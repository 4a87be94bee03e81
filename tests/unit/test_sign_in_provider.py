"""What is made of a provider's words: who it is and as what, whether the answer is to us, and which of its words may be told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from notifier.domain.operators import Role
from notifier.errors import ConfigurationError
from notifier.identity import Attempt, Identity, NotTrustedError, Provider, provider, provider_of
from notifier.settings.sign_in import SignIn, SignInRoles

ISSUER = "https://login.example.com"
ROLES = {Role.VIEWER: frozenset({"all"}), Role.ADMIN: frozenset({"chiefs", "heads"}), Role.OFFICER: frozenset({"officers"})}
NOBODY = Identity(ISSUER, "248", "248", None)
ATTEMPT = Attempt("af0ifjsldkj", {}, "n-0S6_WzA2Mj")


def provider_with(**more: Any) -> Provider:
    known = {"client_id": "notifier", "client_secret": "correct horse", "redirect_uri": "https://notifier.example.com/back"}
    return Provider(issuer=ISSUER, roles=ROLES, **known | more)


@pytest.mark.parametrize(
    ("claims", "changes"),
    [
        ({}, {}),
        ({"roles": ["all"]}, {"role": Role.VIEWER}),
        ({"roles": "heads"}, {"role": Role.ADMIN}),
        ({"roles": ["all", "officers", 7, None]}, {"role": Role.OFFICER}),
        ({"roles": ["all", "officers", "chiefs"]}, {"role": Role.ADMIN}),
        ({"groups": ["chiefs"]}, {}),
        ({"name": "Ann", "preferred_username": "ann@example.com"}, {"name": "Ann"}),
        ({"preferred_username": "ann@example.com"}, {"name": "ann@example.com"}),
        ({"name": " ", "preferred_username": "ann"}, {"name": "ann"}),
        ({"name": "Ann\n", "preferred_username": "ann"}, {"name": "ann"}),
        ({"name": 7, "preferred_username": ["ann"]}, {}),
        ({"oid": "e1"}, {"employee_id": "e1"}),
        ({"oid": ""}, {}),
        ({"oid": 1}, {}),
        ({"employee": "e1"}, {}),
        ({"hasgroups": True}, {"overage": True}),
        ({"hasgroups": "true"}, {}),
        ({"hasgroups": True, "roles": ["all"]}, {"role": Role.VIEWER}),
        ({"_claim_names": {"roles": "src1"}}, {"overage": True}),
        ({"_claim_names": {"groups": "src1"}}, {}),
        ({"_claim_names": ["roles"]}, {}),
    ],
)
def test_who_somebody_is_and_the_highest_role_that_they_have(claims: dict[str, Any], changes: dict[str, Any]) -> None:
    known = provider_with(employee_claim="oid")._identity({"sub": "248", **claims})
    assert known == dataclasses.replace(NOBODY, **changes)


def test_roles_are_made_of_the_claim_that_is_named_and_no_claim_is_an_id_of_the_roster_unless_it_is() -> None:
    known = provider_with(roles_from="groups")._identity({"sub": "248", "oid": "e1", "roles": ["chiefs"], "groups": ["officers"]})
    assert known == dataclasses.replace(NOBODY, role=Role.OFFICER)


SAYS_WHO = {"authorization_response_iss_parameter_supported": True}
STATE, BY_ANOTHER = "the answer is to another sign-in (state)", "the answer is from another provider (iss)"


@pytest.mark.parametrize(
    ("answer", "configuration", "why"),
    [
        ({"state": ATTEMPT.state}, {}, ""),
        ({"state": ATTEMPT.state, "iss": ISSUER}, {}, ""),
        ({"state": ATTEMPT.state, "iss": ISSUER}, SAYS_WHO, ""),
        ({"state": ATTEMPT.state}, dict.fromkeys(SAYS_WHO, False), ""),
        ({}, {}, STATE),
        ({"state": "another"}, {}, STATE),
        ({"state": ATTEMPT.state, "iss": f"{ISSUER}/"}, {}, BY_ANOTHER),
        ({"state": ATTEMPT.state}, SAYS_WHO, BY_ANOTHER),
    ],
)
def test_an_answer_is_to_this_sign_in_and_from_this_provider(
    answer: dict[str, str], configuration: dict[str, object], why: str
) -> None:
    """RFC 9207 §2.4: where a provider says that it names itself in each answer, one without a name is not its."""
    if not why:
        provider_with()._belongs(ATTEMPT, answer, configuration)
        return
    with pytest.raises(NotTrustedError) as refused:
        provider_with()._belongs(ATTEMPT, answer, configuration)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("access_denied", "access_denied"),
        ("a" * 63, "a" * 63),
        ("a" * 64, "unknown"),
        ("ann@example.com", "unknown"),
        ("refusé", "unknown"),
        ("", "unknown"),
        (7, "unknown"),
        (None, "unknown"),
    ],
)
def test_of_an_error_only_a_code_is_told(code: object, told: str) -> None:
    assert provider._code(code) == told


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "invalid_grant", "", None])
def test_who_is_not_known_there_reads_what_to_check(code: object) -> None:
    ours = code in {"invalid_client", "unauthorized_client"}  # RFC 6749 §5.2
    hint = "check sign_in.client_id and the client secret: one may have expired"
    assert provider._hint_for(code) == (hint if ours else None)


def test_a_request_has_an_end_follows_nobody_and_believes_the_certificates_that_are_named() -> None:
    always = {"timeout": 10, "allow_redirects": False}
    assert provider._Https(None)._always == always
    assert provider._Https(Path("/etc/ca.pem"))._always == always | {"verify": "/etc/ca.pem"}


def test_it_is_the_provider_that_the_configuration_names() -> None:
    there: dict[str, Any] = {"authority": ISSUER, "client_id": "notifier", "client_secret": "correct horse"}
    there |= {"roles_from": "groups", "employee_claim": "oid", "scopes": ("groups",), "ca_file": Path("/etc/ca.pem")}
    settings = SignIn(**there, roles=SignInRoles(admin=("chiefs",)))
    made = provider_of(settings, "https://notifier.example.com")
    assert made is not None
    asked_by = (made.issuer, made._client_id, made._client_secret, made._redirect_uri)
    assert asked_by == (ISSUER, "notifier", "correct horse", "https://notifier.example.com/admin/sign-in/back")
    assert (made._roles[Role.ADMIN], made._roles_from, made._employee_claim) == (frozenset({"chiefs"}), "groups", "oid")
    assert made._scopes == ["openid", "profile", "groups"]
    assert made._http._always["verify"] == "/etc/ca.pem"


def test_without_a_provider_there_is_none_and_without_its_secret_the_error_says_where_to_put_it() -> None:
    assert provider_of(SignIn(), "https://notifier.example.com") is None
    with pytest.raises(ConfigurationError) as refused:
        provider_of(SignIn(authority=ISSUER, client_id="notifier"), "https://notifier.example.com")
    assert str(refused.value) == "sign_in.client_id: there is no client secret"
    assert (
        refused.value.hint
        == "name the file that it stands in with sign_in.client_secret_file, or set NOTIFIER_SIGN_IN__CLIENT_SECRET"
    )
