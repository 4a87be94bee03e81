"""The doctor before the sign-in service and the program that is told of answers: it asks both, signs nobody in and calls nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from notifier.clock import SystemClock
from notifier.doctor import operators, programs
from notifier.doctor.examination import Check, examine
from notifier.doctor.findings import Finding
from notifier.doctor.parts import Parts, parts_of
from notifier.settings import Settings
from tests.daemon_rig import free_port
from tests.doctor_rig import settings_in, told
from tests.oidc_authority import Authority, authority
from tests.webhook_server import SECRET, WebhookServer

CLOCK = SystemClock()


async def look(settings: Settings) -> Sequence[Finding]:
    parts: Parts = parts_of(settings, CLOCK)
    checks = [
        Check(operators.AREA, "service", lambda: operators.look_at_provider(parts.sign_in(), settings.web.base_url, CLOCK.now())),
        Check(programs.AREA, "address", lambda: programs.look_at_webhook(parts.programs())),
    ]
    return await examine(checks)


def signing_in(folder: Path, there: Authority, **more: Any) -> Settings:
    table = {"authority": there.issuer, "client_id": "notifier", "client_secret": "correct horse"}
    return settings_in(folder, sign_in=table | {"ca_file": there.certificates.ca_file} | more)


async def test_a_sign_in_service_that_knows_us_and_one_that_does_not(tmp_path: Path) -> None:
    with authority(tmp_path) as there:
        there.error = "invalid_grant"  # RFC 6749 §5.2: it knows the client, and not the code
        state, words, advice = told(await look(signing_in(tmp_path, there)), "Sign-in", "service")
        assert (state, words) == ("ok", f"{there.issuer} answers by that name and takes the client secret")
        redirect = "whether the redirect URI is registered there shows at the first sign-in: http://127.0.0.1:8080/admin/sign-in"
        assert advice == redirect
        assert there.codes == {"none": 1}
        there.error = "invalid_client"  # and here it does not
        state, words, advice = told(await look(signing_in(tmp_path, there)), "Sign-in", "service")
        assert (state, "does not take the client secret (invalid_client)" in words) == ("problem", True)
        assert "may have expired" in (advice or "")
        there.over = {"issuer": "https://elsewhere.example"}
        state, words, advice = told(await look(signing_in(tmp_path, there)), "Sign-in", "service")
        assert (state, "calls itself by another name" in words) == ("problem", True)
        assert "https://elsewhere.example" in (advice or "")
        state, words, _ = told(await look(signing_in(tmp_path, there, client_secret=None)), "Sign-in", "service")
        assert (state, words) == ("problem", "sign_in.client_id: there is no client secret")


async def test_a_sign_in_service_that_is_not_there(tmp_path: Path) -> None:
    table = {"authority": f"https://127.0.0.1:{free_port()}", "client_id": "notifier", "client_secret": "correct horse"}
    state, words, _ = told(await look(settings_in(tmp_path, sign_in=table)), "Sign-in", "service")
    assert (state, "cannot be reached" in words) == ("problem", True)


async def test_a_program_that_answers_is_not_called(tmp_path: Path) -> None:
    async with WebhookServer(CLOCK.now()) as server:
        found = await look(settings_in(tmp_path, webhook={"url": server.url, "secret": SECRET}))
        state, words, _ = told(found, "Webhook", "address")
        assert (state, words) == ("ok", "it answers (HTTP 401 Unauthorized)")
        assert (server.calls, [one.body for one in server.tries]) == ([], [b""])
        found = await look(settings_in(tmp_path, webhook={"url": server.url}))
        assert told(found, "Webhook", "address")[:2] == ("problem", "webhook.url: there is no secret to sign calls with")
    found = await look(settings_in(tmp_path, webhook={"url": f"http://127.0.0.1:{free_port()}/hook", "secret": SECRET}))
    state, words, advice = told(found, "Webhook", "address")
    assert (state, words) == ("problem", "the webhook cannot be reached (ClientConnectorError)")
    assert "check webhook.url" in (advice or "")


async def test_where_neither_is_configured_nothing_is_said(tmp_path: Path) -> None:
    assert await look(settings_in(tmp_path)) == []
