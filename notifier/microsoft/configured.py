"""The app that `[microsoft]` configures: its login, and Microsoft Graph through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from notifier.errors import ConfigurationError
from notifier.microsoft.credentials import Certificate, ClientSecret, Credential, FederatedToken
from notifier.microsoft.graph import GraphClient
from notifier.microsoft.tokens import AUTHORITY, EXCHANGE_SCOPES, TokenClient
from notifier.settings.microsoft import Microsoft
from notifier.settings.section import revealed


def token_client(settings: Microsoft) -> TokenClient:
    """The app's login at Microsoft Entra ID; nothing is opened or read yet.

    Raises:
        ConfigurationError: there is no app, or nothing that it proves itself with. Asked here and not of the settings, since who
            only stops or explains the service need not know the secret.
    """
    if settings.tenant is None or settings.client_id is None:
        msg = "microsoft: no app in Microsoft Entra ID is configured"
        raise ConfigurationError(msg, hint="add [microsoft] with tenant, client_id and client_secret_file")
    return TokenClient(
        tenant=settings.tenant,
        client_id=settings.client_id,
        credential=_credential(settings),
        authority=settings.authority,
        ca_file=settings.ca_file,
    )


def graph_client(settings: Microsoft) -> GraphClient:
    """Microsoft Graph, as the app. Raises as `token_client` does."""
    return GraphClient(token_client(settings), url=settings.graph_url, ca_file=settings.ca_file)


def exchange_tokens(settings: Microsoft) -> Callable[[str | None], Awaitable[str]]:
    """Gives tokens for SMTP, in place of one that was refused if it is called with that. Raises as `token_client` does."""
    tokens = token_client(settings)
    scope = EXCHANGE_SCOPES.get(settings.authority, EXCHANGE_SCOPES[AUTHORITY])

    async def token(refused: str | None) -> str:
        return await tokens.token(scope, instead_of=refused)

    return token


def _credential(settings: Microsoft) -> Credential:
    if settings.client_secret is not None:
        return ClientSecret(settings.client_secret.get_secret_value())
    if settings.certificate_file is not None:
        return Certificate(settings.certificate_file, revealed(settings.certificate_password))
    if settings.federated_token_file is not None:
        return FederatedToken(settings.federated_token_file)
    msg = "microsoft.client_id: the app has nothing to prove itself with"
    hint = (
        "name the file that a client secret stands in with microsoft.client_secret_file, or set NOTIFIER_MICROSOFT__CLIENT_SECRET; "
        "or name microsoft.certificate_file or federated_token_file"
    )
    raise ConfigurationError(msg, hint=hint)
