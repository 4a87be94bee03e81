"""Mails to a server that answers each command after 10 ms, over 50 connections: `python -m bench.latency`.

Beside `smtp-source -d -s 50` to the same server, in every round.
"""

from __future__ import annotations

import sys

from bench.common import Report, at_least, child, load_average, machine, parser, ratios, told
from bench.running import free_port, notifier, postfix_version, server, smtp_source

_CONNECTIONS = 50


def main() -> int:
    options = parser("Mails to a server that answers each command after 10 ms")
    options.add_argument("--mails", type=int, default=5_000)
    chosen = options.parse_args()
    report = Report(
        "latency",
        f"{chosen.mails:,} personal mails to a server 10 ms away, over {_CONNECTIONS} connections",
        {"mails": chosen.mails, "connections": _CONNECTIONS, "rounds": chosen.rounds},
        machine("sqlalchemy", "aiosmtplib", "jinja2"),
        remarks=[f"smtp-source: {postfix_version()}; it waits for the answer to each command, notifier only to each envelope"],
    )
    ours, source = [], []
    port = free_port()
    with server(child("bench.slow_server", str(port)), port):
        for _ in range(chosen.rounds):
            source.append(smtp_source(port, chosen.mails, _CONNECTIONS))
            wave = notifier(port, chosen.mails, _CONNECTIONS)
            ours.append(wave["mails"] / wave["seconds"])
            report.loads.append(load_average())
    report.figures = [
        told("notifier", "mails/s", ours),
        told("smtp-source", "mails/s", source),
        at_least("notifier beside smtp-source", "times", ratios(ours, source), 0.6),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
