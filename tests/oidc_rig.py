"""A real OpenID provider, certified as one: the npm package `oidc-provider`, run by node on loopback.

.ci/run puts the package into `PACKAGES`, once for each machine; its version stands there too. 8.8 is the last that runs on the node
of Debian 12. Where it is not there, what needs it is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from notifier.domain.operators import Role
from notifier.identity import Provider
from tests.certificates import make_certificates

PACKAGES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "notifier-tests" / "oidc-provider-8.8.1"
_MODULE = PACKAGES / "node_modules" / "oidc-provider" / "lib" / "index.js"
_SCRIPT = Path(__file__).parent / "oidc_provider" / "provider.mjs"
CLIENT_ID = "notifier"
SECRET = "correct horse: battery+staple"
ROLES = {
    Role.ADMIN: frozenset({"Notifier.Admin"}),
    Role.OFFICER: frozenset({"Notifier.Officer"}),
    Role.VIEWER: frozenset({"Notifier.Viewer"}),
}


@dataclass
class Running:
    """The provider, started when the address of our pages is known."""

    folder: Path
    node: str
    process: subprocess.Popen[str] | None = None

    def start(self, base_url: str) -> Provider:
        """Start it with our registration; returns how our side sees it."""
        certificates = make_certificates(self.folder)
        client = {"client_id": CLIENT_ID, "client_secret": SECRET, "redirect_uris": [f"{base_url}/admin/sign-in/back"]}
        command = [self.node, str(_SCRIPT), str(_MODULE), str(certificates.chain_file), json.dumps(client)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
        assert self.process.stdout is not None
        issuer = self.process.stdout.readline().strip()
        assert issuer.startswith("https://localhost:"), self.process.communicate(timeout=10)[1]
        return Provider(
            issuer=issuer,
            client_id=CLIENT_ID,
            client_secret=SECRET,
            redirect_uri=f"{base_url}/admin/sign-in/back",
            roles=ROLES,
            ca_file=certificates.ca_file,
        )


@contextmanager
def openid_provider(folder: Path) -> Iterator[Running]:
    """The provider, ready to be started. Skips where it is not there."""
    node = shutil.which("node")
    if node is None or not _MODULE.exists():
        pytest.skip("no oidc-provider here; .ci/run brings one")
    running = Running(folder, node)
    try:
        yield running
    finally:
        if running.process is not None:
            running.process.communicate(timeout=10)
