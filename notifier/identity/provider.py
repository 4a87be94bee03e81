"""An OpenID Connect provider: the authorization code flow with PKCE, by msal's client, and what it proves in the end.

The provider is asked for its configuration and keys at the first sign-in and once an hour, and when a token names a key that is not
known, at most once a minute. What it says its name is must be what the admin wrote, to the letter (OpenID Connect Discovery 1.0
§4.3). msal works while it waits, so it does so in a thread.

Tokens are looked at and dropped: nothing is asked of the provider afterwards.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from msal.oauth2cli.oidc import Client

from notifier.domain.operators import Role
from notifier.identity import id_token
from notifier.identity.id_token import Expected, UnknownKeyError
from notifier.identity.refusals import NotTrustedError, ProviderError, RefusedError

_TIMEOUT = 10
_KNOWN_FOR = timedelta(hours=1)
_KEYS_AT_MOST_EVERY = timedelta(minutes=1)
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NOT_US = frozenset({"invalid_client", "unauthorized_client"})
_HINT = "check sign_in.authority, and the way out to it: proxy, firewall, sign_in.ca_file"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun. Whoever holds it can finish it, so only the browser that began it may.

    Attributes:
        state: comes back with the answer.
        secrets: for msal.
        nonce: as it was sent.
    """

    state: str
    secrets: Mapping[str, Any] = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as the provider knows them.

    Attributes:
        issuer, subject: together for ever the same person. Nothing else is: an address can pass to somebody else.
        name: for people to read.
        role: the highest that they have here, or None.
        employee_id: who they are in the roster, where the provider is asked for that; None where it does not say.
        overage: whether there is none because the provider left the groups out: they are too many.
    """

    issuer: str
    subject: str
    name: str
    role: Role | None
    employee_id: str | None = None
    overage: bool = False


@dataclass(slots=True)
class _Known:
    """What the provider has said of itself, and when it was asked."""

    configuration: Mapping[str, Any]
    keys: Sequence[Mapping[str, Any]]
    asked_at: datetime


class Provider:
    """One provider, at which we are a confidential client."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        roles: Mapping[Role, frozenset[str]],
        roles_from: str = "roles",
        employee_claim: str | None = None,
        scopes: Sequence[str] = (),
        ca_file: Path | None = None,
    ) -> None:
        """Nothing is opened before the first sign-in.

        Args:
            issuer: as the provider calls itself.
            redirect_uri: registered there, to the letter.
            roles: which values of a claim give them.
            roles_from: that claim.
            employee_claim: the claim that holds the id of the roster, if there is one.
            scopes: to ask for besides openid and profile.
            ca_file: certificates to trust in place of the system's.
        """
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._roles, self._roles_from = roles, roles_from
        self._employee_claim = employee_claim
        self._scopes = ["openid", "profile", *scopes]
        self._http = _Https(ca_file)
        self._known: _Known | None = None
        self._turn = asyncio.Lock()

    async def begin(self, now: datetime) -> tuple[str, Attempt]:
        """Where to send the browser, and what it has to bring back.

        Raises:
            ProviderError: the provider cannot be reached, or is not the one that is configured.
        """
        client = self._client((await self._ask(now)).configuration)
        with warnings.catch_warnings():
            # It recommends an answer by form. Then the cookie of the browser that began would have to go along from other sites;
            # and a code that stays in a history was redeemed on its way there, and is worth nothing without PKCE's verifier.
            warnings.simplefilter("ignore")
            flow = client.initiate_auth_code_flow(scope=self._scopes, redirect_uri=self._redirect_uri)
        address = str(flow.pop("auth_uri"))
        nonce = parse_qs(urlsplit(address).query)["nonce"][0]  # msal sends a hash of the one it keeps
        return address, Attempt(flow["state"], flow, nonce)

    async def finish(self, attempt: Attempt, answer: Mapping[str, str], now: datetime) -> Identity:
        """Who it is that came back.

        Args:
            answer: the parameters that the browser brought.

        Raises:
            NotTrustedError: it proves nothing.
            RefusedError: the provider said no.
            ProviderError: the provider cannot be reached.
        """
        self._belongs(attempt, answer, (await self._ask(now)).configuration)
        result = await self._redeem(attempt, answer, now)
        if "error" in result:
            msg = f"the provider did not let somebody in ({_code(result['error'])})"
            raise RefusedError(msg, hint=_hint_for(result["error"]))
        claims = await self._read(result, attempt.nonce, now)
        return self._identity(claims)

    async def try_out(self, now: datetime) -> None:
        """Ask who it is, and whether it takes our secret: with a code that is none, which it refuses for that reason or for ours.

        Raises:
            RefusedError: it does not know us, or not with this secret.
            ProviderError: as `begin`.
        """
        _, attempt = await self.begin(now)
        result = await self._redeem(attempt, {"state": attempt.state, "code": "none"}, now)
        if (code := result.get("error")) in _NOT_US:
            msg = f"the sign-in service at {self.issuer} does not take the client secret ({code})"
            raise RefusedError(msg, hint=_hint_for(code))

    async def _redeem(self, attempt: Attempt, answer: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        client = self._client((await self._ask(now)).configuration)
        try:
            result = await asyncio.to_thread(client.obtain_token_by_auth_code_flow, dict(attempt.secrets), dict(answer))
        except (requests.RequestException, OSError) as error:
            raise self._unreachable(error) from None
        except (ValueError, RuntimeError, LookupError, TypeError, AttributeError):
            msg = "the provider's answer is none to this sign-in"
            raise NotTrustedError(msg) from None
        return result if isinstance(result, dict) else {"error": ""}

    def _belongs(self, attempt: Attempt, answer: Mapping[str, str], configuration: Mapping[str, Any]) -> None:
        """RFC 9207: an answer says which provider it is from, if that provider says that it does."""
        if answer.get("state") != attempt.state:
            msg = "the answer is to another sign-in (state)"
            raise NotTrustedError(msg)
        told = configuration.get("authorization_response_iss_parameter_supported") is True
        if answer.get("iss", None if told else self.issuer) != self.issuer:
            msg = "the answer is from another provider (iss)"
            raise NotTrustedError(msg)

    async def _read(self, result: Mapping[str, Any], nonce: str, now: datetime) -> Mapping[str, Any]:
        token, access_token = result.get("id_token"), result.get("access_token", "")
        if not isinstance(token, str) or not isinstance(access_token, str):
            msg = "the provider gave no ID token"
            raise NotTrustedError(msg)
        expected = Expected(self.issuer, self._client_id, nonce, access_token)
        known = await self._ask(now)
        try:
            return id_token.read(token, known.keys, expected, now)
        except UnknownKeyError:
            if now - known.asked_at < _KEYS_AT_MOST_EVERY:
                raise
        self._known = None
        return id_token.read(token, (await self._ask(now)).keys, expected, now)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        held = claims.get(self._roles_from)
        groups = {one for one in (held if isinstance(held, list) else [held]) if isinstance(one, str)}
        role = max((role for role, names in self._roles.items() if names & groups), key=list(Role).index, default=None)
        elsewhere = claims.get("_claim_names")  # Entra ID, for somebody in more than 200 groups
        left_out = claims.get("hasgroups") is True or (isinstance(elsewhere, dict) and self._roles_from in elsewhere)
        names = (claims.get(name) for name in ("name", "preferred_username"))
        name = next((one for one in names if isinstance(one, str) and one.strip() and one.isprintable()), claims["sub"])
        employee = claims.get(self._employee_claim) if self._employee_claim else None
        employee_id = employee if isinstance(employee, str) and employee else None
        return Identity(self.issuer, claims["sub"], str(name), role, employee_id, overage=role is None and left_out)

    def _client(self, configuration: Mapping[str, Any]) -> Any:
        """msal's client of OpenID Connect. The secret goes into the head unless the provider only takes it in the body."""
        ways = configuration.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        in_body = "client_secret_basic" not in ways and "client_secret_post" in ways
        proof = {"default_body": {"client_secret": self._client_secret}} if in_body else {"client_secret": self._client_secret}
        return Client(dict(configuration), self._client_id, http_client=self._http, **proof)

    async def _ask(self, now: datetime) -> _Known:
        async with self._turn:
            if self._known is None or not timedelta() <= now - self._known.asked_at < _KNOWN_FOR:
                self._known = await asyncio.to_thread(self._discover, now)
            return self._known

    def _discover(self, now: datetime) -> _Known:
        try:
            configuration = self._http.json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if (called := configuration.get("issuer")) != self.issuer:
                msg = f"the sign-in service at {self.issuer} calls itself by another name"
                hint = f'write sign_in.authority = "{called}", if that is who it should be'
                raise ProviderError(msg, hint=hint)
            addresses = [configuration.get(name) for name in _NEEDED]
            if not all(isinstance(one, str) and one.startswith("https://") for one in addresses):
                msg = f"the sign-in service at {self.issuer} does not say where it is to be asked, by https"
                raise ProviderError(msg, hint=_HINT)
            keys = self._http.json(configuration["jwks_uri"]).get("keys")
        except (requests.RequestException, OSError, ValueError) as error:
            raise self._unreachable(error) from None
        good = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
        return _Known(configuration, good, now)

    def _unreachable(self, error: Exception) -> ProviderError:
        return ProviderError(f"the sign-in service at {self.issuer} cannot be reached ({type(error).__name__})", hint=_HINT)


class _Https:
    """`requests` with a time limit, no redirects, and certificates that no environment variable replaces. Gives JSON or fails."""

    def __init__(self, ca_file: Path | None) -> None:
        self._always: dict[str, Any] = {"timeout": _TIMEOUT, "allow_redirects": False}
        self._always |= {"verify": str(ca_file)} if ca_file else {}

    def json(self, url: str) -> dict[str, Any]:
        """A JSON object. Raises RequestException, ValueError."""
        answer = requests.get(url, **self._always)  # noqa: S113 - it has one
        answer.raise_for_status()
        read = answer.json()
        if not isinstance(read, dict):
            msg = "not an object"
            raise ValueError(msg)  # noqa: TRY004 - like every other answer that cannot be read
        return read

    def post(self, url: str, **arguments: Any) -> requests.Response:
        """For msal, which would log an answer that is no JSON. Raises ConnectionError for one."""
        answer = requests.post(url, **arguments | self._always)  # noqa: S113
        try:
            json.loads(answer.text)
        except ValueError:
            msg = "the answer is no JSON"
            raise requests.ConnectionError(msg) from None
        return answer


def _code(code: object) -> str:
    """An error code of OAuth, if it looks like one: what comes from a browser can be anything."""
    return code if isinstance(code, str) and code.isascii() and code.replace("_", "").isalpha() and len(code) < 64 else "unknown"


def _hint_for(code: object) -> str | None:
    if code in _NOT_US:
        return "check sign_in.client_id and the client secret: one may have expired"
    return None
