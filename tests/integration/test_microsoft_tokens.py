"""The app's login at Microsoft Entra ID, against a strict authority on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from notifier.errors import ConfigurationError, NotifierError, TryLaterError
from notifier.microsoft import (
    EXCHANGE_SCOPES,
    Certificate,
    ClientSecret,
    Credential,
    FederatedToken,
    LoginRefusedError,
    TokenClient,
)
from tests.microsoft_server import MicrosoftServer

GRAPH = "https://graph.microsoft.com/.default"
EXCHANGE = EXCHANGE_SCOPES["https://login.microsoftonline.com"]


@pytest.fixture
async def server() -> AsyncIterator[MicrosoftServer]:
    async with MicrosoftServer() as running:
        yield running


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certified(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "notifier")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=7))
    return builder.sign(key, hashes.SHA256())


def pem_of(key: rsa.RSAPrivateKey, password: str | None = None) -> bytes:
    locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


async def refusal_of(tokens: TokenClient) -> NotifierError:
    with pytest.raises(NotifierError) as caught:
        await tokens.token(GRAPH)
    return caught.value


async def test_one_token_serves_until_it_is_refused(server: MicrosoftServer) -> None:
    """msal keeps it; four senders that meet a 401 at once fetch one new token, not four."""
    tokens = server.tokens()
    first = await tokens.token(GRAPH)
    assert [await tokens.token(GRAPH) for _ in range(3)] == [first] * 3
    assert server.authority.asked == 1
    renewed = await asyncio.gather(*(tokens.token(GRAPH, instead_of=first) for _ in range(4)))
    assert server.authority.asked == 2
    assert {*renewed} == {await tokens.token(GRAPH)}
    assert first not in renewed


async def test_each_service_has_a_token_of_its_own(server: MicrosoftServer) -> None:
    """A token for Graph gives 535 at SMTP."""
    tokens = server.tokens()
    grants = [server.authority.grants[await tokens.token(scope)].audience for scope in (GRAPH, EXCHANGE)]
    assert grants == ["https://graph.microsoft.com", "https://outlook.office365.com"]


@pytest.mark.parametrize("password", [None, "pass phrase"])
async def test_a_certificate_signs_with_its_sha256_thumbprint(
    server: MicrosoftServer, key: rsa.RSAPrivateKey, tmp_path: Path, password: str | None
) -> None:
    server.authority.certificate = certified(key)
    file = tmp_path / "app.pem"
    file.write_bytes(pem_of(key, password) + server.authority.certificate.public_bytes(serialization.Encoding.PEM))
    assert await server.tokens(Certificate(file, password)).token(GRAPH)


async def test_the_token_of_the_platform_is_read_each_time(server: MicrosoftServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    server.authority.federated = "first"
    tokens = server.tokens(FederatedToken(file))
    token = await tokens.token(GRAPH)
    file.write_text("second\n")
    server.authority.federated = "second"
    assert await tokens.token(GRAPH, instead_of=token) != token


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (7000215, "the client secret is wrong", "not its Secret ID"),
        (7000222, "the client secret has expired", "make a new one"),
        (700016, "there is no such app in this tenant", "microsoft.client_id"),
        (700027, "it does not know the certificate", "upload the public half"),
        (65001, "consent to the app's permissions is missing", "grant consent"),
        (53003, "Conditional Access", "workload identities"),
        (99999, "It is refused.", "list of error codes"),
    ],
)
async def test_a_refusal_says_why_and_what_to_do(server: MicrosoftServer, number: int, words: str, hint: str) -> None:
    server.authority.refuses = number
    error = await refusal_of(server.tokens())
    assert isinstance(error, LoginRefusedError)
    assert error.code == f"AADSTS{number}"
    assert f"AADSTS{number}" in str(error)
    assert words in str(error)
    assert hint in str(error.hint)
    assert server.authority.secret not in f"{error!r}{error.hint}"


async def test_a_wrong_secret_a_wrong_app_a_wrong_tenant(server: MicrosoftServer) -> None:
    """As the authority itself finds them; the next right try is not kept from its token."""
    assert "AADSTS7000215" in str(await refusal_of(server.tokens(ClientSecret("correct~horse.staple"))))
    assert "AADSTS700016" in str(await refusal_of(server.tokens(client_id="2f6d9c2e-0a4b-4a58-8b53-6f1f0e9d7c22")))
    error = await refusal_of(server.tokens(tenant="elsewhere.example.com"))
    assert "knows no tenant elsewhere.example.com" in str(error)
    assert "microsoft.tenant" in str(error.hint)
    assert await server.tokens().token(GRAPH)


async def test_an_authority_that_is_down_is_asked_again_later(server: MicrosoftServer) -> None:
    tokens = server.tokens()
    server.authority.fails = 503
    assert isinstance(await refusal_of(tokens), TryLaterError)
    server.authority.fails = None
    assert await tokens.token(GRAPH)


async def test_a_token_endpoint_that_is_down_is_no_refusal(server: MicrosoftServer) -> None:
    """msal itself asks it again after five seconds only."""
    tokens = server.tokens()
    token = await tokens.token(GRAPH)
    server.authority.fails = 503
    with pytest.raises(TryLaterError, match="cannot be reached"):
        await tokens.token(GRAPH, instead_of=token)


async def test_no_way_to_the_authority() -> None:
    server = MicrosoftServer()
    await server.start()
    tokens = server.tokens()
    await server.stop()
    assert isinstance(await refusal_of(tokens), TryLaterError)


@pytest.mark.parametrize(
    ("content", "password", "words"),
    [
        (None, None, "cannot be read: No such file"),
        ("key", None, "holds no certificate"),
        ("certificate", None, "holds no private key"),
        ("strangers", None, "do not belong together"),
        ("locked", None, "has a password, and that is not known"),
        ("locked", "wrong", "does not open with the password"),
        ("open", "one too many", "has no password, but one is configured"),
    ],
)
async def test_a_certificate_file_that_cannot_be_used(
    server: MicrosoftServer, key: rsa.RSAPrivateKey, tmp_path: Path, content: str | None, password: str | None, words: str
) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048) if content == "strangers" else key
    certificate = certified(other).public_bytes(serialization.Encoding.PEM)
    pieces = {
        "key": pem_of(key),
        "certificate": certificate,
        "strangers": pem_of(key) + certificate,
        "locked": pem_of(key, "right") + certificate,
        "open": pem_of(key) + certificate,
    }
    file = tmp_path / "app.pem"
    if content is not None:
        file.write_bytes(pieces[content])
    credential: Credential = Certificate(file, password)
    error = await refusal_of(server.tokens(credential))
    assert isinstance(error, ConfigurationError)
    assert words in str(error)
    assert error.hint


async def test_a_platform_token_that_is_missing(server: MicrosoftServer, tmp_path: Path) -> None:
    error = await refusal_of(server.tokens(FederatedToken(tmp_path / "token")))
    assert isinstance(error, ConfigurationError)
    assert "microsoft.federated_token_file" in str(error)
