"""The tables, the same on SQLite and PostgreSQL.

Instants are whole microseconds since 1970 UTC: one integer that both databases compare and index alike, and that no driver
reads in a zone of its own. Closed sets of words are plain text, checked by the code that writes them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class State(StrEnum):
    """Where a delivery stands. `planned -> claimed -> accepted | retry | refused | unknown`, or it ends unsent."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    RETRY = "retry"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    MISSED = "missed"


class Kind(StrEnum):
    """What a delivery carries. Its `occasion` says which one of that kind: see `deliveries`."""

    REMINDER = "reminder"
    RECEIPT = "receipt"
    REWRITE = "rewrite"  # an earlier Slack message is brought up to date
    NUDGE = "nudge"  # a reminder that the person's manager asked for
    SUMMARY = "summary"  # to a manager, about all campaigns
    ESCALATION = "escalation"  # to a manager, about one campaign, on a day of its countdown
    ORGANISATION = "organisation"  # to a compliance officer
    WEBHOOK = "webhook"  # to a program, about a person's answer


# SQLite gives a row number to INTEGER PRIMARY KEY only; PostgreSQL wants 64 bits.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# Each distinct (zone, country, region) of the roster. The planner thinks in these, never in single people.
calendars = Table(
    "calendars",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("time_zone", String(64), nullable=False),
    Column("country", String(2), nullable=False, server_default=""),
    Column("region", String(8), nullable=False, server_default=""),
    UniqueConstraint("time_zone", "country", "region"),
)

_AWAY = text("leave_until IS NOT NULL")

employees = Table(
    "employees",
    metadata,
    Column("key", RowNumber, primary_key=True),
    Column("id", String(255), nullable=False),
    Column("email", String(320), nullable=False),
    Column("email_key", String(320), nullable=False, index=True),  # casefolded, for finding
    Column("given_name", String(255), nullable=False),
    Column("family_name", String(255), nullable=False),
    Column("language", String(2)),  # what the roster says
    Column("language_choice", String(2)),  # what the person chose on a page; wins
    Column("calendar_id", ForeignKey("calendars.id"), nullable=False),
    Column("department", String(255)),
    Column("manager_id", String(255)),
    Column("active", Boolean, nullable=False),
    Column("leave_until", Date),  # inclusive
    Column("public_id", String(22), nullable=False),  # what a link carries in place of the id
    Column("link_version", Integer, nullable=False, server_default="1"),  # raised to void every link of the person
    Column("joined_at", Instant, nullable=False),
    Column("left_at", Instant),
    # Indexes all of them, and no constraints: a whole company is loaded without them, and they are made when it is there.
    Index("uq_employees_id", "id", unique=True),
    Index("uq_employees_public_id", "public_id", unique=True),
    Index("ix_employees_manager_id", "manager_id"),
    Index(
        "ix_employees_leave",
        "leave_until",
        sqlite_where=_AWAY,
        postgresql_where=_AWAY,
    ),
)

_WAITING = text("state IN ('planned', 'retry')")
_ASKED_FOR = text("state IN ('planned', 'retry') AND kind <> 'reminder'")
_ACCEPTED = text("state = 'accepted'")
_REFUSED = text("state = 'refused'")
_UNKNOWN = text("state = 'unknown'")
_CLAIMED = text("state = 'claimed'")
_ENDED = text("finished_at IS NOT NULL")

# The outbox. One row is one message on one channel to one person, for ever. (campaign, employee, kind, occasion, channel) is
# unique: a second planner, a second run or a jumping clock can only try to insert what is already there. The occasion is
# - the step's `days_before` for a reminder and an escalation,
# - the acknowledgement's id for a receipt, and twice that for a webhook (and one more when it was taken back),
# - the id of the delivery that is rewritten,
# - the day (20251013) for a nudge,
# - the ISO week (202542) for a summary and the organisation's, whose campaign is "".
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("campaign", String(64), nullable=False),
    Column("employee_key", ForeignKey("employees.key"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("occasion", BigInteger, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("message", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),  # why it stands where it stands, in words
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # when its window opened first
    Column("next_at", Instant, nullable=False),  # not before this: the window, or a retry
    Column("closes_at", Instant, nullable=False),  # the window closes; the next one is looked for
    Column("expires_at", Instant, nullable=False),  # the step is no longer current from here on
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner", String(36)),  # of the claim; with `epoch` it fences a sender that woke up late
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant),
    Column("message_id", String(255)),  # fixed at the first claim, as is `dated`: a repeat is the same bytes
    Column("dated", Instant),
    Column("language", String(2)),
    Column("subject", Text),
    Column("finished_at", Instant),
    Column("reply", Text),  # the provider's own words
    Column("reference", Text),  # the provider's handle on the message it took
    Column("outlet", String(320)),  # which of the channel's outlets it left from: a repeat leaves from the same one
    UniqueConstraint("campaign", "employee_key", "kind", "occasion", "channel"),
    Index(
        "ix_deliveries_waiting",
        "channel",
        "next_at",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index("ix_deliveries_asked_for", "channel", "next_at", sqlite_where=_ASKED_FOR, postgresql_where=_ASKED_FOR),
    Index("ix_deliveries_employee", "employee_key"),
    Index("ix_deliveries_expires", "expires_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_deliveries_closes", "closes_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_deliveries_accepted", "channel", "finished_at", sqlite_where=_ACCEPTED, postgresql_where=_ACCEPTED),
    Index("ix_deliveries_refused", "channel", "finished_at", sqlite_where=_REFUSED, postgresql_where=_REFUSED),
    Index("ix_deliveries_unknown", "channel", "finished_at", sqlite_where=_UNKNOWN, postgresql_where=_UNKNOWN),
    Index("ix_deliveries_claimed", "channel", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("ix_deliveries_ended", "finished_at", "id", sqlite_where=_ENDED, postgresql_where=_ENDED),
)

# How a person is reached, where that is not plain from the roster: one row for each rung of the ladder ("slack", "email"). A rung
# on which the provider refused the person for good is passed over while the address is still the one that was refused.
reach = Table(
    "reach",
    metadata,
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("address", String(320)),  # the Slack user id; for e-mail the address that was refused
    Column("team", String(32)),  # the Slack workspace, where an organisation has several
    Column("refused_at", Instant),
    Column("refused_because", Text),
    Index("ix_reach_address", "channel", "address"),
)

# The newest press of a button in Slack for each campaign and person, by Slack's own clock: see `store/presses.py`.
presses = Table(
    "presses",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("pressed_at", Instant, nullable=False),
)

_REVOKED = text("revoked_at IS NOT NULL")

# Every answer ever given. The one with `revoked_at` empty counts; there is at most one for each campaign and person.
acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("campaign", String(64), nullable=False),
    Column("employee_key", ForeignKey("employees.key"), nullable=False),
    Column("answer", String(32), nullable=False),
    Column("assurance", String(16), nullable=False),
    Column("settles", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),  # page, cli
    Column("answered_at", Instant, nullable=False),
    Column("actor", String(255)),  # the operator, when somebody answered on behalf
    Column("revoked_at", Instant),
    Column("revoked_because", String(32)),  # undone, not_me, answered_again
    Index(
        "uq_acknowledgements_current",
        "campaign",
        "employee_key",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
    Index("ix_acknowledgements_employee", "employee_key"),
    Index("ix_acknowledgements_revoked", "revoked_at", "id", sqlite_where=_REVOKED, postgresql_where=_REVOKED),
)

# How fast a provider may be used, shared by every process: one GCRA row for each limit.
quotas = Table(
    "quotas",
    metadata,
    Column("name", String(350), primary_key=True),  # "smtp/minute", "graph/privacy@example.com/minute"
    Column("full_at", Instant, nullable=False),  # theoretical arrival time of the next message at the steady rate
)

# Sending stopped: for everything ("all"), for one channel ("graph"), or for one of its outlets ("graph/privacy@example.com"). A
# lifted hold stays as a record.
holds = Table(
    "holds",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("scope", String(350), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),  # ends by itself then: a provider asked for a pause
    Column("reason", Text, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", String(255)),
)

# Running daemons. `seen_at` is their heartbeat.
processes = Table(
    "processes",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("stopped_at", Instant),
)

# Each time a roster was read, and what came of it.
roster_syncs = Table(
    "roster_syncs",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("source", String(255), nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("set_aside", Integer, nullable=False),
    Column("joiners", Integer, nullable=False),
    Column("leavers", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("reason", Text),  # why it was refused
)

# What the source of the roster wants to find again at its next reading.
roster_snapshots = Table(
    "roster_snapshots",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# How far the planner has come, so that a tick with nothing due costs nothing. A changed `fingerprint` (the campaign's steps, or
# the roster) makes it look again from the beginning.
plan_marks = Table(
    "plan_marks",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("planned_until", Instant, nullable=False),
    Column("fingerprint", String(64), nullable=False),
)
