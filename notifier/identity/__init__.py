"""Who signs in, as an OpenID Connect provider says, and how that is believed."""

from notifier.identity.configured import provider_of
from notifier.identity.provider import Attempt, Identity, Provider
from notifier.identity.refusals import NotTrustedError, ProviderError, RefusedError

__all__ = ["Attempt", "Identity", "NotTrustedError", "Provider", "ProviderError", "RefusedError", "provider_of"]
