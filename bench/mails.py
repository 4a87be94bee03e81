"""10,000 personal mails from planned rows to recorded outcomes, beside programs that do part of it: `python -m bench.mails`.

- notifier, one process: rows of the outbox claimed, rendered, sent over 10 connections to `smtp-sink`, and each outcome durable
  (SQLite, `synchronous=FULL`) before its sender takes the next row. Mails have 9 to 13 KB in two parts, in three languages.
- `smtp-source`: one ready body of 9,000 bytes over 10 kept connections, no rows, no outcomes. The upper limit of the server.
- django-post_office: the same text rendered for each person when it is delivered, outcomes in SQLite; the best of several numbers
  of threads. Queueing is not counted.
- nodemailer, pooled, with nunjucks: the same text rendered for each person, no rows, no outcomes.

Everybody sends to the same server, in turn, in every round. `--alone` leaves out the last two.
"""

from __future__ import annotations

import sys

from bench import peers
from bench.common import Report, at_least, load_average, machine, parser, ratios, told
from bench.running import notifier, postfix_version, smtp_sink, smtp_source

_CONNECTIONS = 10
_MAILS_OF_PEERS = 2_000
_GOALS = {"django-post_office": 12.0, "nodemailer": 7.0}


def main() -> int:
    options = parser("10,000 personal mails from planned rows to recorded outcomes")
    options.add_argument("--mails", type=int, default=10_000)
    options.add_argument("--alone", action="store_true", help="without django-post_office and nodemailer")
    chosen = options.parse_args()
    report = Report(
        "mails",
        f"{chosen.mails:,} personal mails, planned to recorded",
        {"mails": chosen.mails, "mails_of_peers": _MAILS_OF_PEERS, "connections": _CONNECTIONS, "rounds": chosen.rounds},
        machine("sqlalchemy", "aiosmtplib", "jinja2", "uvloop"),
    )
    ours, processor, source = [], [], []
    with smtp_sink() as port:
        others = {} if chosen.alone else peers.ready(port, _MAILS_OF_PEERS, _CONNECTIONS)
        rates: dict[str, list[float]] = {name: [] for name in others}
        for _ in range(chosen.rounds):
            before = smtp_source(port, chosen.mails, _CONNECTIONS)
            wave = notifier(port, chosen.mails, _CONNECTIONS)
            source.append((before + smtp_source(port, chosen.mails, _CONNECTIONS)) / 2)
            ours.append(wave["mails"] / wave["seconds"])
            processor.append(wave["cpu_seconds"] / wave["mails"] * 1e6)
            for name, peer in others.items():
                rates[name].append(peer.send())
            report.loads.append(load_average())
    report.figures = [
        told("notifier", "mails/s", ours),
        told("notifier, processor time", "µs/mail", processor),
        told("smtp-source", "mails/s", source),
        at_least("notifier beside smtp-source", "times", ratios(ours, source), 0.5),
    ]
    for name, each in rates.items():
        report.figures += [
            told(name, "mails/s", each),
            at_least(f"notifier beside {name}", "times", ratios(ours, each), _GOALS[name]),
        ]
        report.remarks.append(f"{name}: {others[name].version}")
    report.remarks.append(f"smtp-sink and smtp-source: {postfix_version()}")
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
