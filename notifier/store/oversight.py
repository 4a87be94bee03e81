"""The tables of what managers, compliance officers and auditors see, beside those of `tables.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from notifier.store.tables import Instant, RowNumber, metadata

# What a delivery says that cannot be made of its person alone: the figures of a summary as they were when it was planned, the
# content of a webhook. Written in the transaction that plans it and never changed, so that a repeat is the same bytes.
letters = Table(
    "letters",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("occasion", BigInteger, primary_key=True),
    Column("campaign", String(64), primary_key=True),  # "" for one about all campaigns
    Column("written_at", Instant, nullable=False),
    Column("content", Text, nullable=False),  # JSON
)

# Who is counted in a campaign, and in whose team, for ever: see `domain/progress.py`.
censuses = Table(
    "censuses",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("taken_at", Instant, nullable=False),
    Column("minimum", Integer, nullable=False, server_default="10"),  # the smallest group that is shown in this campaign
)
census_managers = Table(
    "census_managers",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("manager_key", ForeignKey("employees.key"), primary_key=True),
    Column("above_key", ForeignKey("employees.key")),  # the next active manager; empty: the organisation
)
census_people = Table(
    "census_people",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("home_key", ForeignKey("employees.key")),  # in whose team; empty: the organisation's alone
    Column("named", Integer, nullable=False),  # 1: shown by name while open; 0: counted
    Index("ix_census_people_home", "campaign", "home_key"),
)

# The organisation's figures of a campaign as they were when its per-person records began to be purged: nothing but counts.
final_figures = Table(
    "final_figures",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("counted_at", Instant, nullable=False),
    Column("content", Text, nullable=False),  # JSON
)

# On leave until a day, as a manager or an operator has said; the roster may say more.
leave_notes = Table(
    "leave_notes",
    metadata,
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("until", Date, nullable=False),  # inclusive
    Column("noted_at", Instant, nullable=False),
    Column("noted_by", String(255), nullable=False),
)
# "This person is not in my team", said by a manager, for an admin to settle with those who keep the roster.
team_remarks = Table(
    "team_remarks",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("manager_key", ForeignKey("employees.key"), nullable=False),
    Column("employee_key", ForeignKey("employees.key"), nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("settled_by", String(255)),
)
# On which days a manager has had the open ones of the team reminded: once a day.
team_nudges = Table(
    "team_nudges",
    metadata,
    Column("campaign", String(64), primary_key=True),
    Column("manager_key", ForeignKey("employees.key"), primary_key=True),
    Column("day", Date, primary_key=True),  # where the manager is
    Column("asked_at", Instant, nullable=False),
    Column("reminded", Integer, nullable=False),
)

# What was decided, sent, answered and done, in words for an auditor. Rows are only ever added. What is personal stands in
# `personal` alone, and the row's hash covers a salted commitment to it: after an erasure the chain still holds.
_UNSEALED = text("position IS NULL")
_OF_A_ROW = text("subject <> 0")
ledger = Table(
    "ledger",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("event", String(32), nullable=False),
    Column("subject", BigInteger, nullable=False, server_default="0"),  # the row it tells of, in the table that the event names
    Column("campaign", String(64), nullable=False, server_default=""),
    Column("employee_key", ForeignKey("employees.key")),
    Column("actor", String(255), nullable=False, server_default=""),  # the operator; "" where nobody decided it
    Column("facts", Text, nullable=False),  # JSON, nothing personal
    Column("personal", Text),  # JSON; empty after an erasure
    Column("salt", String(32)),  # 16 random bytes in hexadecimal; goes with `personal`
    Column("commitment", String(64), nullable=False),  # SHA-256 of salt and `personal`, in hexadecimal
    Column("position", BigInteger),  # in the chain, from 1; empty until it is sealed
    Index("uq_ledger_event", "event", "subject", "at", unique=True, sqlite_where=_OF_A_ROW, postgresql_where=_OF_A_ROW),
    Index("uq_ledger_position", "position", unique=True),
    Index("ix_ledger_unsealed", "id", sqlite_where=_UNSEALED, postgresql_where=_UNSEALED),
    Index("ix_ledger_employee_key", "employee_key"),
)
seals = Table(
    "seals",
    metadata,
    Column("number", RowNumber, primary_key=True),  # from 1, without gaps
    Column("at", Instant, nullable=False),
    Column("first", BigInteger, nullable=False),  # positions
    Column("last", BigInteger, nullable=False),
    Column("entries_hash", String(64), nullable=False),
    Column("previous", String(64), nullable=False),  # the hash of the seal before
    Column("hash", String(64), nullable=False),
)
# Every version of every text that was in use, by its own hash.
texts = Table(
    "texts",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("first_used_at", Instant, nullable=False),
    Column("source", Text, nullable=False),
)

# Operators who are signed in. Only the hash of what their browser holds is kept.
sessions = Table(
    "sessions",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("token_hash", String(64), nullable=False),
    Column("issuer", String(255), nullable=False),  # of the identity; "notifier" for a link of `admin link`
    Column("subject", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("employee_key", ForeignKey("employees.key")),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index("uq_sessions_token_hash", "token_hash", unique=True),
)
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("made_by", String(255), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("used_at", Instant),
)
# Sign-ins at an identity provider that have been answered, until they would be too old anyway: each is good for one answer.
spent_sign_ins = Table(
    "spent_sign_ins",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("ends_at", Instant, nullable=False),
)
# Programs that read the API. Only the hash of their token is kept.
api_clients = Table(
    "api_clients",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("token_hash", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", String(255), nullable=False),
    Column("seen_on", Date),
    Column("revoked_at", Instant),
    Index("uq_api_clients_token_hash", "token_hash", unique=True),
)
# Whom the last readings of the roster touched, besides those who joined: see `store/roster_changes.py`.
roster_changes = Table(
    "roster_changes",
    metadata,
    Column("sync_id", ForeignKey("roster_syncs.id"), primary_key=True),
    Column("employee_key", ForeignKey("employees.key"), primary_key=True),
    Column("kind", String(8), nullable=False),  # came, went, changed
    Column("what", String(255), nullable=False),  # the fields in which they differed: "manager_id,department"
)
# Changes of the roster that were refused as suspicious, for somebody to look at and approve.
refused_rosters = Table(
    "refused_rosters",
    metadata,
    Column("sync_id", ForeignKey("roster_syncs.id"), primary_key=True),
    Column("size", Integer, nullable=False),  # so many leavers or joiners would have to be accepted
    Column("changes", LargeBinary, nullable=False),  # who, as JSON, compressed
    Column("approved_at", Instant),
    Column("approved_by", String(255)),
)
