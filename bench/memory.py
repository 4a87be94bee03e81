"""100,000 mails in one wave: how much memory it takes, and whether it slows down: `python -m bench.memory`.

Memory is the peak of the process above what it holds before it begins, in MB (2^20 bytes).
"""

from __future__ import annotations

import sys

from bench.common import Report, at_least, at_most, load_average, machine, parser, told
from bench.running import notifier, smtp_sink

_CONNECTIONS = 10


def main() -> int:
    options = parser("100,000 mails in one wave: memory and pace")
    options.add_argument("--mails", type=int, default=100_000)
    chosen = options.parse_args()
    report = Report(
        "memory",
        f"{chosen.mails:,} personal mails in one wave",
        {"mails": chosen.mails, "connections": _CONNECTIONS, "rounds": chosen.rounds},
        machine("sqlalchemy", "aiosmtplib", "jinja2", "uvloop"),
    )
    waves = []
    with smtp_sink() as port:
        for _ in range(chosen.rounds):
            waves += [notifier(port, chosen.mails, _CONNECTIONS)]
            report.loads.append(load_average())
    report.figures = [
        told("memory before", "MB", [wave["idle_kb"] / 1024 for wave in waves]),
        at_most("peak memory above that", "MB", [(wave["peak_kb"] - wave["idle_kb"]) / 1024 for wave in waves], 96),
        told("first 10,000", "mails/s", [wave["first_pace"] for wave in waves]),
        told("last 10,000", "mails/s", [wave["last_pace"] for wave in waves]),
        at_least("last pace beside the first", "times", [wave["last_pace"] / wave["first_pace"] for wave in waves], 0.9),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
