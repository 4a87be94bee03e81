"""Whether an ID token proves what it says: OpenID Connect Core 1.0 §3.1.3.7, with no step left out.

msal reads such a token and believes it, so every check is ours. The signature is one of those below by a key of the provider's own:
never "none", and never an HMAC, for which the provider's public key would pass as the secret. Then the issuer, to the letter; the
audience, which is us and nobody else unless `azp` says so; the time; the nonce of this very attempt; and, if it is there, the hash
that ties the token to the access token beside it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from notifier.identity.refusals import NotTrustedError

LEEWAY = timedelta(minutes=1)
LONGEST = 64 * 1024
_LONGEST_SUBJECT = 255  # ASCII characters, OpenID Connect Core §2
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
# PyJWT reads the clock itself; ours is an argument, so what depends on it is checked here.
_OPTIONS: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}


class UnknownKeyError(NotTrustedError):
    """It is signed by a key that is not among those known: the provider may have a new one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must be.

    Attributes:
        nonce: as it was sent.
        access_token: the one that came with it, or "".
    """

    issuer: str
    client_id: str
    nonce: str
    access_token: str = ""


def read(token: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: datetime) -> Mapping[str, Any]:
    """The claims of a token that proves them.

    Args:
        keys: of the provider, as JSON Web Keys.

    Raises:
        UnknownKeyError: none of the keys is the one it names.
        NotTrustedError: says which check failed, and nothing of what stands in the token.
    """
    if len(token) > LONGEST:
        msg = "the ID token is too long"
        raise NotTrustedError(msg)
    algorithm, key = _key(token, keys)
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], issuer=expected.issuer, options=_OPTIONS)
    except jwt.MissingRequiredClaimError as error:
        msg = f"the ID token has no {error.claim}"
        raise NotTrustedError(msg) from None
    except jwt.InvalidIssuerError:
        msg = "the ID token is from another issuer"
        raise NotTrustedError(msg) from None
    except (jwt.PyJWTError, ValueError, TypeError):
        msg = "the signature of the ID token is wrong, or it is no token"
        raise NotTrustedError(msg) from None
    problem = (
        _whom_for(claims, expected.client_id)
        or _when(claims, now)
        or _who(claims)
        or _nonce(claims, expected.nonce)
        or _tied(claims, algorithm, expected.access_token)
    )
    if problem:
        raise NotTrustedError(problem)
    return claims


def _key(token: str, keys: Sequence[Mapping[str, Any]]) -> tuple[str, jwt.PyJWK]:
    """The algorithm that the token names, if it is one of ours, and the one key it can be meant for."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError):
        msg = "what should be an ID token is none"
        raise NotTrustedError(msg) from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _RSA | _CURVES.keys() or "crit" in header:
        msg = "the ID token is not signed in a way that is accepted here"
        raise NotTrustedError(msg)
    named = header.get("kid")
    fitting = [key for key in keys if _fits(key, algorithm) and (named is None or key.get("kid") == named)]
    if len(fitting) != 1:
        msg = "the ID token is signed by a key that the provider does not publish"
        raise UnknownKeyError(msg)
    try:
        return algorithm, jwt.PyJWK(dict(fitting[0]), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        msg = "the key that the ID token is signed by cannot be read"
        raise NotTrustedError(msg) from None


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    made_for = key.get("use") in {None, "sig"} and key.get("alg") in {None, algorithm}
    if algorithm in _RSA:
        return made_for and key.get("kty") == "RSA"
    return made_for and key.get("kty") == "EC" and key.get("crv") == _CURVES[algorithm]


def _whom_for(claims: Mapping[str, Any], client_id: str) -> str:
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        return "the ID token is for somebody else (aud)"
    if (party is not None or several) and party != client_id:
        return "the ID token was asked for by somebody else (azp)"
    return ""


def _when(claims: Mapping[str, Any], now: datetime) -> str:
    instants = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in instants.values()):
        return "the ID token has times that are none"
    present, leeway = (now - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), LEEWAY.total_seconds()
    if present - leeway >= instants["exp"]:
        return "the ID token has expired; or the clock of this machine is wrong"
    if present + leeway < max(instants["iat"], instants.get("nbf", 0)):
        return "the ID token is not valid yet; or the clock of this machine is wrong"
    return ""


def _who(claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    good = isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and subject.isascii() and subject.isprintable()
    return "" if good else "the ID token does not say who it is about (sub)"


def _nonce(claims: Mapping[str, Any], nonce: str) -> str:
    given = claims.get("nonce")
    same = isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())
    return "" if same else "the ID token is not the answer to this sign-in (nonce)"


def _tied(claims: Mapping[str, Any], algorithm: str, access_token: str) -> str:
    """`at_hash`: the left half of the access token's hash, by the hash of the signature's algorithm."""
    if "at_hash" not in claims:
        return ""
    digest = _HASHES[algorithm[2:]](access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    given = claims["at_hash"]
    same = isinstance(given, str) and hmac.compare_digest(given.encode(), half)
    return "" if same else "the ID token does not belong to the access token beside it (at_hash)"
