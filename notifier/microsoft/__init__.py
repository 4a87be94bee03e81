"""Microsoft Entra ID and Microsoft Graph: one login for everything that is asked of them."""

from notifier.microsoft.configured import exchange_tokens, graph_client, token_client
from notifier.microsoft.credentials import Certificate, ClientSecret, Credential, FederatedToken
from notifier.microsoft.graph import Answer, GraphClient, LostError
from notifier.microsoft.refusals import LoginRefusedError
from notifier.microsoft.tokens import AUTHORITY, EXCHANGE_SCOPES, GRAPH_URL, TokenClient

__all__ = [
    "AUTHORITY",
    "EXCHANGE_SCOPES",
    "GRAPH_URL",
    "Answer",
    "Certificate",
    "ClientSecret",
    "Credential",
    "FederatedToken",
    "GraphClient",
    "LoginRefusedError",
    "LostError",
    "TokenClient",
    "exchange_tokens",
    "graph_client",
    "token_client",
]
