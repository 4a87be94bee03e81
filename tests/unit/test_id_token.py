"""ID tokens by OpenID Connect Core 1.0, §3.1.3.7, and RFC 7518. What lies is in tests/attacks/test_sign_in.py."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from notifier.identity import NotTrustedError
from notifier.identity.id_token import LEEWAY, LONGEST, Expected, UnknownKeyError, read

NOW = datetime(2025, 10, 15, 8, 14, tzinfo=UTC)
SECOND = int(NOW.timestamp())
EXPECTED = Expected("https://login.example.com", "notifier", "n-0S6_WzA2Mj")
CLAIMS = {"iss": EXPECTED.issuer, "sub": "248", "aud": ["notifier"], "nonce": EXPECTED.nonce, "iat": SECOND, "exp": SECOND + 300}
RSA, OTHER = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
KEYS: dict[str, Any] = dict.fromkeys(("RS256", "RS384", "RS512", "PS256"), RSA)
KEYS |= {name: ec.generate_private_key(curve) for name, curve in CURVES.items()}


def public(name: str, **more: str) -> dict[str, Any]:
    kind = jwt.algorithms.ECAlgorithm if name in CURVES else jwt.algorithms.RSAAlgorithm
    return json.loads(kind.to_jwk(KEYS[name].public_key())) | more


def token(name: str, header: dict[str, Any] | None = None, **claims: object) -> str:
    return jwt.encode(CLAIMS | claims, KEYS[name], name, header)


@pytest.mark.parametrize("name", KEYS)
def test_each_of_the_accepted_algorithms_proves_its_claims(name: str) -> None:
    assert read(token(name), [public(name)], EXPECTED, NOW)["sub"] == "248"


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [public("RS256", kid="one", use="enc")],
        [public("RS256", kid="one", alg="RS512")],
        [public("ES256", kid="one")],
        [public("RS256", kid="two")],
        [public("RS256", kid="one"), public("PS256", kid="one")],
    ],
    ids=["none", "for encryption", "for another algorithm", "of another kind", "another name", "two of one name"],
)
def test_a_key_that_is_not_meant_for_it_does_not_open_it(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(UnknownKeyError):
        read(token("RS256", {"kid": "one"}), keys, EXPECTED, NOW)
    assert read(token("RS256", {"kid": "one"}), [public("RS256", kid="one", use="sig", alg="RS256")], EXPECTED, NOW)


def test_a_curve_belongs_to_its_algorithm() -> None:
    """RFC 7518 §3.4: ES256 is P-256 and no other."""
    with pytest.raises(UnknownKeyError):
        read(token("ES256"), [public("ES384")], EXPECTED, NOW)


@pytest.mark.parametrize("nonce", ["", "n-0S6_WzA2M", "é", 1, None])
def test_the_nonce_is_the_one_that_was_sent(nonce: object) -> None:
    with pytest.raises(NotTrustedError, match="nonce"):
        read(token("RS256", nonce=nonce), [public("RS256")], EXPECTED, NOW)


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    end, keys = NOW + timedelta(seconds=300), [public("RS256")]
    for good in (end + LEEWAY - timedelta(seconds=1), NOW - LEEWAY):
        assert read(token("RS256"), keys, EXPECTED, good)
    for bad in (end + LEEWAY, NOW - LEEWAY - timedelta(seconds=1)):
        with pytest.raises(NotTrustedError, match="clock"):
            read(token("RS256"), keys, EXPECTED, bad)


def test_two_audiences_need_us_as_the_party() -> None:
    both = ["notifier", "another"]
    assert read(token("RS256", aud=both, azp="notifier"), [public("RS256")], EXPECTED, NOW)
    with pytest.raises(NotTrustedError, match="azp"):
        read(token("RS256", aud=both), [public("RS256")], EXPECTED, NOW)


def test_a_token_without_end_is_not_read() -> None:
    for length, why in ((LONGEST, "what should be an ID token is none"), (LONGEST + 1, "the ID token is too long")):
        with pytest.raises(NotTrustedError) as refused:
            read("a" * length, [public("RS256")], EXPECTED, NOW)
        assert str(refused.value) == why


def opaque(access_token: str, name: str) -> str:
    """`at_hash`: OpenID Connect Core §3.1.3.6."""
    digest = hashlib.new(f"sha{name[2:]}", access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


@pytest.mark.parametrize("name", KEYS)
def test_the_access_token_beside_it_is_known_by_the_hash_of_the_signatures_own_algorithm(name: str) -> None:
    beside = "opaque 19"  # its hash by SHA-384 ends in an X, the others in a sign that is filled up
    expected = replace(EXPECTED, access_token=beside)
    assert read(token(name, at_hash=opaque(beside, name)), [public(name)], expected, NOW)
    by_another = opaque(beside, "RS256" if name.endswith("512") else "RS512")
    for wrong in (opaque("opaque", name), by_another, opaque(beside, name) + "=", 19):
        with pytest.raises(NotTrustedError, match="at_hash"):
            read(token(name, at_hash=wrong), [public(name)], expected, NOW)


@pytest.mark.parametrize("subject", ["1", "a" * 255])
def test_the_shortest_and_the_longest_subject_are_somebody(subject: str) -> None:
    assert read(token("RS256", sub=subject, aud="notifier"), [public("RS256")], EXPECTED, NOW)["sub"] == subject


def unencoded() -> str:
    """A header that RFC 7797 §7 forbids here. PyJWT would understand it, and does not make it."""
    parts = ({"alg": "RS256", "crit": ["b64"], "b64": True}, CLAIMS)
    signed = b".".join(jwt.utils.base64url_encode(json.dumps(part).encode()) for part in parts)
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signed, RSA)
    return (signed + b"." + jwt.utils.base64url_encode(signature)).decode()


def without(name: str) -> str:
    return jwt.encode({key: value for key, value in CLAIMS.items() if key != name}, RSA, "RS256")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("no token", "what should be an ID token is none"),
        (jwt.encode(CLAIMS, None, "none"), "the ID token is not signed in a way that is accepted here"),
        (jwt.encode(CLAIMS, "secret " * 8, "HS256"), "the ID token is not signed in a way that is accepted here"),
        (unencoded(), "the ID token is not signed in a way that is accepted here"),
        (token("RS256", {"kid": "two"}), "the ID token is signed by a key that the provider does not publish"),
        (jwt.encode(CLAIMS, OTHER, "RS256"), "the signature of the ID token is wrong, or it is no token"),
        (without("exp"), "the ID token has no exp"),
        (token("RS256", iss="https://login.example.org"), "the ID token is from another issuer"),
        (token("RS256", aud="another"), "the ID token is for somebody else (aud)"),
        (token("RS256", aud="notifier of another"), "the ID token is for somebody else (aud)"),
        (token("RS256", azp="another"), "the ID token was asked for by somebody else (azp)"),
        (token("RS256", iat="today"), "the ID token has times that are none"),
        (token("RS256", nbf=True), "the ID token has times that are none"),
        (token("RS256", exp=SECOND - 60), "the ID token has expired; or the clock of this machine is wrong"),
        (token("RS256", nbf=SECOND + 61), "the ID token is not valid yet; or the clock of this machine is wrong"),
        (token("RS256", sub="a" * 256), "the ID token does not say who it is about (sub)"),
        (token("RS256", nonce="another"), "the ID token is not the answer to this sign-in (nonce)"),
        (token("RS256", at_hash="another"), "the ID token does not belong to the access token beside it (at_hash)"),
    ],
)
def test_a_refusal_says_which_check_failed_and_nothing_of_the_token(given: str, why: str) -> None:
    with pytest.raises(NotTrustedError) as refused:
        read(given, [public("RS256", kid="one"), {"kty": "EC"}], EXPECTED, NOW)
    assert str(refused.value) == why


def test_a_key_that_cannot_be_read_is_said_to_be_none() -> None:
    with pytest.raises(NotTrustedError) as refused:
        read(token("RS256"), [{"kty": "RSA"}], EXPECTED, NOW)
    assert str(refused.value) == "the key that the ID token is signed by cannot be read"
