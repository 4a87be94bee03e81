"""django-post_office: queues mails that are rendered on delivery, and sends the queue. Runs in its own environment."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    """Read the job from standard input, print the result."""
    job = json.load(sys.stdin)
    with TemporaryDirectory(dir=job["folder"]) as folder:
        _configure(Path(folder), job)
        from post_office import mail  # noqa: PLC0415 - needs the settings
        from post_office.models import STATUS, Email, EmailTemplate  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        text = {"subject": job["subject"], "content": job["text"], "html_content": job["html"]}
        template = EmailTemplate.objects.create(name="notice", **text)
        for start in range(0, job["mails"], 500):
            mail.send_many([_queued(template, job["sender"], number) for number in range(start, start + 500)])
        began = time.perf_counter()
        mail.send_queued(processes=1, log_level=0)
        seconds = time.perf_counter() - began
        sent = Email.objects.filter(status=STATUS.sent).count()
    print(json.dumps({"mails": sent, "seconds": seconds, "version": version("django-post_office")}))


def _queued(template: object, sender: str, number: int) -> dict[str, object]:
    return {
        "sender": sender,
        "recipients": f"person{number}@example.com",
        "template": template,
        "context": {"given_name": "Zoé", "token": f"{number:044d}"},
        "render_on_delivery": True,
    }


def _configure(folder: Path, job: dict[str, object]) -> None:
    settings.configure(
        SECRET_KEY="for this run only",  # noqa: S106
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "post-office.db"),
                "OPTIONS": {"timeout": 30, "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"},
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=job["port"],
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
            "BATCH_SIZE": job["mails"],
            "THREADS_PER_PROCESS": job["threads"],
            "LOCK_FILE": str(folder / "lock"),
        },
    )
    django.setup()


if __name__ == "__main__":
    main()
