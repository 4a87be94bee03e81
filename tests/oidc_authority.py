"""An OpenID provider that does whatever an attacker would like it to: a real server with a real certificate on loopback.

The browser's way there is left out: a test takes the address that the pages lead to apart, and brings back what it wants.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from notifier.domain.operators import Role
from notifier.identity import Provider
from tests.certificates import Certificates, make_certificates
from tests.pages_rig import Answered, Visitor

CLIENT_ID = "notifier"
ROLES = {Role.ADMIN: frozenset({"chiefs"}), Role.OFFICER: frozenset({"officers"})}
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
PUBLIC_PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
Signed = Callable[[dict[str, Any]], str]


def honest(claims: dict[str, Any]) -> str:
    """Signed as it has to be."""
    return jwt.encode(claims, KEY, "RS256", {"kid": "one"})


@dataclass
class Authority:
    """A provider that knows one way to lie at a time.

    Attributes:
        claims: put over those of an honest token; None takes one away.
        sign: makes the token.
        over: put over its configuration.
        form: what it was asked for a token with.
        keys: those it publishes, by name.
        codes: how often each was redeemed; it redeems any, as often as it is asked.
        error: with what it refuses to redeem one; "" to redeem it.
        addresses: those that were asked for, as they stood in the request.
        instead: by address, what it answers there in place of the truth: a status, and a text, or where to go.
    """

    certificates: Certificates
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Signed = honest
    over: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    now: datetime | None = None
    status: int = 200
    error: str = ""
    instead: dict[str, tuple[int, str]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"one": KEY})

    def be_honest(self) -> None:
        self.claims, self.over, self.sign, self.status, self.error, self.instead = {}, {}, honest, 200, "", {}

    def provider(self, base_url: str) -> Provider:
        return Provider(
            issuer=self.issuer,
            client_id=CLIENT_ID,
            client_secret="correct horse",
            redirect_uri=f"{base_url}/admin/sign-in/back",
            roles=ROLES,
            employee_claim="oid",
            ca_file=self.certificates.ca_file,
        )

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            addresses = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            return self.status, {"issuer": self.issuer, **{name: self.issuer + one for name, one in addresses.items()}, **self.over}
        if path == "/keys":
            public = {name: json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) for name, key in self.keys.items()}
            return 200, {"keys": [one | {"kid": name, "use": "sig"} for name, one in public.items()]}
        code, self.form = form["code"], form
        self.codes[code] = self.codes.get(code, 0) + 1
        if self.error:
            return 400, {"error": self.error}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.sign(self.token())}

    def token(self) -> dict[str, Any]:
        """The claims of a token for the last one who was sent here."""
        assert self.now is not None
        second = int(self.now.timestamp())
        half = hashlib.sha256(b"opaque").digest()[:16]
        claims = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": CLIENT_ID,
            "iat": second,
            "exp": second + 300,
            "nonce": self.asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "name": "Ann Admin",
            "email": "ann@example.com",
            "roles": ["chiefs"],
        } | self.claims
        return {name: value for name, value in claims.items() if value is not None}

    def visit(self, visitor: Visitor, now: datetime, to: str = "") -> dict[str, str]:
        """Somebody goes to sign in; returns what they are asked with: state, nonce and the rest."""
        self.now = now
        led = visitor.get("/admin/sign-in/go" + (f"?{urlencode({'to': to})}" if to else ""))
        assert led.status == 303, led.text
        assert led.headers["location"].startswith(f"{self.issuer}/authorize?")
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(led.headers["location"]).query).items()}
        return self.asked

    def come_back(self, visitor: Visitor, code: str = "code", **answer: str) -> Answered:
        """The same browser comes back with a code."""
        return visitor.get("/admin/sign-in/back?" + urlencode({"code": code, "state": self.asked["state"]} | answer))


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """The authority on a free port of 127.0.0.1."""
    one = Authority(make_certificates(folder))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*one.answer(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*one.answer(self.path, dict(parse_qsl(body))))

        def _say(self, status: int, content: Any) -> None:
            one.addresses.append(self.requestline.split()[1])  # `path` has one slash where there were two
            status, text = one.instead.get(self.path, (status, json.dumps(content)))
            self.send_response(status)
            self.send_header("Location", text)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = one.certificates.server.wrap_socket(server.socket, server_side=True)
    one.issuer = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
