"""The sign-in service for those who look after the reminders, where one is configured."""

from __future__ import annotations

from datetime import datetime

from notifier.doctor.findings import Area, Finding
from notifier.identity import Provider

AREA = Area("Sign-in")

_TRY = "whether the redirect URI is registered there shows at the first sign-in: {}/admin/sign-in"


async def look_at_provider(provider: Provider | None, base_url: str, now: datetime) -> list[Finding]:
    """Ask it who it is, and whether it takes our secret. Nobody is signed in. Raises as `Provider.try_out` does."""
    if provider is None:
        return []
    await provider.try_out(now)
    return [AREA.ok("service", f"{provider.issuer} answers by that name and takes the client secret", _TRY.format(base_url))]
