"""Mails to a server that takes 10 ms for each command, over 50 connections: `python -m bench.latency`.

Beside `smtp-source -d -s 50` to the same server, in every round. smtp-source waits for the answer to each command: four answers, so
40 ms for a mail, and at most 1,250 mails a second over 50 connections. There are two servers, because it matters where the 10 ms go
(`bench/slow_server.py`):

- slow: each command takes 10 ms of the server, even if it came with others. That is the fair comparison: nobody can send a mail in
  less than 40 ms, and what is measured is whether the connections stay busy while mails are rendered and outcomes recorded.
- far: the 10 ms are the way. Commands that travel together are answered together, so a client that pipelines waits once where
  smtp-source waits four times. What that brings is told too, but it says more about pipelining than about us.
"""

from __future__ import annotations

import sys

from bench.common import Report, at_least, child, load_average, machine, parser, ratios, told
from bench.running import free_port, notifier, postfix_version, server, smtp_source

_CONNECTIONS = 50


def main() -> int:
    options = parser("Mails to a server that takes 10 ms for each command")
    options.add_argument("--mails", type=int, default=5_000)
    chosen = options.parse_args()
    report = Report(
        "latency",
        f"{chosen.mails:,} personal mails to a server that takes 10 ms for each command, over {_CONNECTIONS} connections",
        {"mails": chosen.mails, "connections": _CONNECTIONS, "rounds": chosen.rounds},
        machine("sqlalchemy", "aiosmtplib", "jinja2", "uvloop"),
        remarks=[f"smtp-source: {postfix_version()}; it waits for the answer to each command, notifier only to each envelope"],
    )
    for kind in ("slow", "far"):
        ours, source = [], []
        port = free_port()
        with server(child("bench.slow_server", str(port), kind), port):
            for _ in range(chosen.rounds):
                source.append(smtp_source(port, chosen.mails, _CONNECTIONS))
                wave = notifier(port, chosen.mails, _CONNECTIONS)
                ours.append(wave["mails"] / wave["seconds"])
                report.loads.append(load_average())
        report.figures += [
            told(f"{kind}: notifier", "mails/s", ours),
            told(f"{kind}: smtp-source", "mails/s", source),
            at_least(f"{kind}: notifier beside smtp-source", "times", ratios(ours, source), 0.6),
        ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
