"""ID tokens by OpenID Connect Core 1.0, §3.1.3.7, and RFC 7518. What lies is in tests/attacks/test_sign_in.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from notifier.identity import NotTrustedError
from notifier.identity.id_token import LEEWAY, Expected, UnknownKeyError, read

NOW = datetime(2025, 10, 15, 8, 14, tzinfo=UTC)
SECOND = int(NOW.timestamp())
EXPECTED = Expected("https://login.example.com", "notifier", "n-0S6_WzA2Mj")
CLAIMS = {"iss": EXPECTED.issuer, "sub": "248", "aud": ["notifier"], "nonce": EXPECTED.nonce, "iat": SECOND, "exp": SECOND + 300}
RSA = rsa.generate_private_key(65537, 2048)
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
        [public("RS256", use="enc")],
        [public("RS256", alg="RS512")],
        [public("ES256")],
        [public("RS256", kid="two")],
        [public("RS256", kid="one"), public("PS256", kid="one")],
    ],
    ids=["none", "for encryption", "for another algorithm", "of another kind", "another name", "two of one name"],
)
def test_a_key_that_is_not_meant_for_it_does_not_open_it(keys: list[dict[str, Any]]) -> None:
    with pytest.raises(UnknownKeyError):
        read(token("RS256", {"kid": "one"}), keys, EXPECTED, NOW)


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
    with pytest.raises(NotTrustedError, match="too long"):
        read("a" * 100_000, [public("RS256")], EXPECTED, NOW)
