"""Why nobody is signed in. What these say goes into the log, so nothing in it comes from the person or from a token."""

from __future__ import annotations

from notifier.errors import NotifierError, TryLaterError


class NotTrustedError(NotifierError):
    """What came back from the provider does not prove who somebody is."""


class RefusedError(NotifierError):
    """The provider did not let them in, or would not redeem what it gave them."""


class ProviderError(TryLaterError):
    """The provider cannot be reached, or does not speak OpenID Connect as it has to."""
