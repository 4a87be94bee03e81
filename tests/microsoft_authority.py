"""The authority half of `tests/microsoft_server.py`: openid-configuration and the token endpoint, as an app sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jwt
import requests
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

TENANT = "8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11"
CLIENT_ID = "1f6d9c2e-0a4b-4a58-8b53-6f1f0e9d7c22"
SECRET = "correct~horse.battery"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Grant:
    """A token that was given out: for which service, and whether it still holds."""

    audience: str
    alive: bool = True


class Loopback:
    """What msal goes out with: https://HOST becomes http://127.0.0.1:PORT. Nothing else is reached."""

    def __init__(self, host: str, port: int) -> None:
        self._from, self._to = host, f"http://127.0.0.1:{port}"

    def get(self, url: str, **arguments: Any) -> requests.Response:
        return requests.get(self._moved(url), timeout=5, **arguments)

    def post(self, url: str, **arguments: Any) -> requests.Response:
        return requests.post(self._moved(url), timeout=5, **arguments)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _moved(self, url: str) -> str:
        assert url.startswith(f"{self._from}/"), url
        return self._to + url.removeprefix(self._from)


@dataclass
class Authority:
    """One tenant with one app.

    Attributes:
        secret: the app's; None refuses every secret.
        certificate: the public one that was uploaded for the app.
        federated: the platform's token that is trusted.
        refuses: an AADSTS code with which every request for a token is refused.
        fails: a status with which everything is answered.
        grants: every token ever given out.
        asked: how often for a token.
        roles: stand in tokens, which are readable then.
    """

    host: str = "https://login.example.com"
    tenant: str = TENANT
    client_id: str = CLIENT_ID
    secret: str = SECRET
    certificate: x509.Certificate | None = None
    federated: str | None = None
    refuses: int | None = None
    fails: int | None = None
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: int = 0
    roles: frozenset[str] | None = None

    def http_client(self, port: int) -> Loopback:
        return Loopback(self.host, port)

    def expire(self) -> None:
        """No token that was given out holds any more."""
        for grant in self.grants.values():
            grant.alive = False

    def answer(self, method: str, path: str, form: dict[str, Any]) -> web.Response:
        if self.fails is not None:
            return web.Response(status=self.fails, text="<html>Service Unavailable</html>")
        tenant, _, rest = path.lstrip("/").partition("/")
        if tenant != self.tenant:
            return _refusal(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        if (method, rest) == ("GET", "v2.0/.well-known/openid-configuration"):
            return web.json_response(self._configuration())
        if (method, rest) == ("POST", "oauth2/v2.0/token"):
            self.asked += 1
            return self._token(form)
        return web.Response(status=404)

    def _configuration(self) -> dict[str, str]:
        root = f"{self.host}/{self.tenant}"
        return {
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
        }

    def _token(self, form: dict[str, Any]) -> web.Response:
        if self.refuses is not None:
            return _refusal(401, "invalid_client", self.refuses, "It is refused.")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", 70003, "Only client_credentials here.")
        if form.get("client_id") != self.client_id:
            return _refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if (refused := self._proof(form)) is not None:
            return refused
        resource, default = str(form.get("scope", ""))[: -len("/.default")], str(form.get("scope", "")).endswith("/.default")
        if not default or " " in resource:
            return _refusal(400, "invalid_scope", 1002012, "The scope must end with /.default.")
        token = self._new_token(resource)
        self.grants[token] = Grant(resource)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})

    def _new_token(self, resource: str) -> str:
        number = len(self.grants) + 1
        if self.roles is None:
            return f"token-{number}"
        claims = {"aud": resource, "roles": sorted(self.roles), "jti": str(number)}
        return jwt.encode(claims, "a key of the authority's own, 32 bytes", "HS256")

    def _proof(self, form: dict[str, Any]) -> web.Response | None:
        if "client_secret" in form:
            if form["client_secret"] == self.secret:
                return None
            return _refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if form.get("client_assertion_type") != _ASSERTION:
            return _refusal(401, "invalid_client", 7000218, "The request body must contain a secret or an assertion.")
        assertion = str(form.get("client_assertion", ""))
        if self.federated is not None:
            return (
                None if assertion == self.federated else _refusal(401, "invalid_client", 700213, "No matching federated identity.")
            )
        return self._signed(assertion)

    def _signed(self, assertion: str) -> web.Response | None:
        if self.certificate is None:
            return _refusal(401, "invalid_client", 700027, "The certificate is not registered on the application.")
        thumbprint = jwt.utils.base64url_encode(self.certificate.fingerprint(hashes.SHA256())).decode()
        if str(jwt.get_unverified_header(assertion).get("x5t#S256")).rstrip("=") != thumbprint:
            return _refusal(401, "invalid_client", 700027, "The certificate was not found by its thumbprint.")
        endpoint = self._configuration()["token_endpoint"]
        try:
            claims = jwt.decode(assertion, self.certificate.public_key(), ["PS256", "RS256"], audience=endpoint)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            return _refusal(401, "invalid_client", 700027, "The signature is not valid.")
        if {claims["iss"], claims["sub"]} != {self.client_id}:
            return _refusal(401, "invalid_client", 700021, "The assertion is for another app.")
        return None


def _refusal(status: int, error: str, number: int, words: str) -> web.Response:
    description = f"AADSTS{number}: {words} Trace ID: 1111 Correlation ID: 2222 Timestamp: 2026-11-24 08:00:00Z"
    return web.json_response({"error": error, "error_description": description, "error_codes": [number]}, status=status)
