"""Other programs that send personal mails, each in an environment of its own in the user's cache folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.house import NOW, SENDER
from notifier import shipped
from notifier.content.catalogue import Catalogue, Facts, Sender


@dataclass(frozen=True, slots=True)
class Peer:
    """`send` sends its mails and returns how many went out in a second."""

    version: str
    send: Callable[[], float]


_HERE = Path(__file__).parent
_POST_OFFICE = ("django-post_office==3.12.0", "django==5.2.19")
_NODEMAILER = ("nodemailer@10.6.0", "nunjucks@3.2.4")
_THREADS = (1, 5, 10)


def ready(port: int, mails: int, connections: int) -> dict[str, Peer]:
    """Install what is not installed yet, and find out how many threads suit django-post_office best."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "notifier-bench"
    cache.mkdir(parents=True, exist_ok=True)
    job = {"port": port, "mails": mails, "connections": connections, "sender": SENDER, "folder": str(cache), **_text()}
    python, modules = _post_office(cache), _nodemailer(cache)

    def post_office(threads: int) -> tuple[float, str]:
        return _run([str(python), str(_HERE / "django_post_office.py")], {**job, "threads": threads}, {})

    def nodemailer() -> tuple[float, str]:
        return _run(["node", str(_HERE / "nodemailer.cjs")], job, {"NODE_PATH": str(modules)})

    best = max(_THREADS, key=lambda threads: post_office(threads)[0])
    return {
        "django-post_office": Peer(f"{post_office(best)[1]}, {best} threads", lambda: post_office(best)[0]),
        "nodemailer": Peer(nodemailer()[1], lambda: nodemailer()[0]),
    }


def _text() -> dict[str, str]:
    """The English notice with tags where a person's own words belong: Jinja, Django and nunjucks all read them."""
    catalogue = Catalogue([shipped.templates()], Sender("Example SA", "Privacy Office", "privacy@example.com", "+41 22 000 00 00"))
    link = "https://notifier.example.com/a/linkedin-ai-training/{{ token }}"
    facts = Facts("{{ given_name }}", "", link, NOW.date(), date(2025, 11, 3), first_notice=True)
    rendered = catalogue.render("linkedin-ai-training", "notice", facts, "en")
    return {"subject": rendered.subject, "html": rendered.html, "text": rendered.text}


def _run(command: list[str], job: dict[str, object], environment: dict[str, str]) -> tuple[float, str]:
    done = subprocess.run(
        command, input=json.dumps(job), env=os.environ | environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        sys.exit(f"{command[-1]} failed:\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    return said["mails"] / said["seconds"], said["version"]


def _post_office(cache: Path) -> Path:
    python = cache / "post-office" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *_POST_OFFICE], check=True)
    return python


def _nodemailer(cache: Path) -> Path:
    folder = cache / "node"
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--silent", *_NODEMAILER], cwd=folder, check=True)
    return folder / "node_modules"
