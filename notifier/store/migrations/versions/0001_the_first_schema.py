"""The first schema

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op


revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_clients",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_clients")),
    )
    with op.batch_alter_table("api_clients", schema=None) as batch_op:
        batch_op.create_index("uq_api_clients_token_hash", ["token_hash"], unique=True)

    op.create_table(
        "calendars",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("region", sa.String(length=8), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("time_zone", "country", "region", name=op.f("uq_calendars_time_zone_country_region")),
    )
    op.create_table(
        "censuses",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Integer(), server_default="10", nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_censuses")),
    )
    op.create_table(
        "final_figures",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_final_figures")),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope", sa.String(length=350), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "plan_marks",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("planned_until", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_plan_marks")),
    )
    op.create_table(
        "processes",
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_processes")),
    )
    op.create_table(
        "quotas",
        sa.Column("name", sa.String(length=350), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_quotas")),
    )
    op.create_table(
        "roster_snapshots",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_roster_snapshots")),
    )
    op.create_table(
        "roster_syncs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("joiners", sa.Integer(), nullable=False),
        sa.Column("leavers", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_syncs")),
    )
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("entries_hash", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_table(
        "spent_sign_ins",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_spent_sign_ins")),
    )
    op.create_table(
        "texts",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("first_used_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "campaign", "name", "language", name=op.f("pk_texts")),
    )
    op.create_table(
        "employees",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("given_name", sa.String(length=255), nullable=False),
        sa.Column("family_name", sa.String(length=255), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("language_choice", sa.String(length=2), nullable=True),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("department", sa.String(length=255), nullable=True),
        sa.Column("manager_id", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("leave_until", sa.Date(), nullable=True),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("link_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name=op.f("fk_employees_calendar_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_employees")),
    )
    with op.batch_alter_table("employees", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employees_email_key"), ["email_key"], unique=False)
        batch_op.create_index(
            "ix_employees_leave",
            ["leave_until"],
            unique=False,
            sqlite_where=sa.text("leave_until IS NOT NULL"),
            postgresql_where=sa.text("leave_until IS NOT NULL"),
        )
        batch_op.create_index("ix_employees_manager_id", ["manager_id"], unique=False)
        batch_op.create_index("uq_employees_id", ["id"], unique=True)
        batch_op.create_index("uq_employees_public_id", ["public_id"], unique=True)

    op.create_table(
        "roster_changes",
        sa.Column("sync_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("what", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_roster_changes_employee_key")),
        sa.ForeignKeyConstraint(["sync_id"], ["roster_syncs.id"], name=op.f("fk_roster_changes_sync_id")),
        sa.PrimaryKeyConstraint("sync_id", "employee_key", name=op.f("pk_roster_changes")),
    )
    op.create_table(
        "refused_rosters",
        sa.Column("sync_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["sync_id"], ["roster_syncs.id"], name=op.f("fk_refused_rosters_sync_id")),
        sa.PrimaryKeyConstraint("sync_id", name=op.f("pk_refused_rosters")),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answer", sa.String(length=32), nullable=False),
        sa.Column("assurance", sa.String(length=16), nullable=False),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_because", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_acknowledgements_employee_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
    )
    with op.batch_alter_table("acknowledgements", schema=None) as batch_op:
        batch_op.create_index("ix_acknowledgements_employee", ["employee_key"], unique=False)
        batch_op.create_index(
            "ix_acknowledgements_revoked",
            ["revoked_at", "id"],
            unique=False,
            sqlite_where=sa.text("revoked_at IS NOT NULL"),
            postgresql_where=sa.text("revoked_at IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_acknowledgements_current",
            ["campaign", "employee_key"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "census_managers",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("manager_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("above_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["above_key"], ["employees.key"], name=op.f("fk_census_managers_above_key")),
        sa.ForeignKeyConstraint(["manager_key"], ["employees.key"], name=op.f("fk_census_managers_manager_key")),
        sa.PrimaryKeyConstraint("campaign", "manager_key", name=op.f("pk_census_managers")),
    )
    op.create_table(
        "census_people",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("home_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("named", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_census_people_employee_key")),
        sa.ForeignKeyConstraint(["home_key"], ["employees.key"], name=op.f("fk_census_people_home_key")),
        sa.PrimaryKeyConstraint("campaign", "employee_key", name=op.f("pk_census_people")),
    )
    with op.batch_alter_table("census_people", schema=None) as batch_op:
        batch_op.create_index("ix_census_people_home", ["campaign", "home_key"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("occasion", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.String(length=255), nullable=True),
        sa.Column("dated", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("outlet", sa.String(length=320), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_deliveries_employee_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "campaign",
            "employee_key",
            "kind",
            "occasion",
            "channel",
            name=op.f("uq_deliveries_campaign_employee_key_kind_occasion_channel"),
        ),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_accepted",
            ["channel", "finished_at"],
            unique=False,
            sqlite_where=sa.text("state = 'accepted'"),
            postgresql_where=sa.text("state = 'accepted'"),
        )
        batch_op.create_index(
            "ix_deliveries_asked_for",
            ["channel", "next_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry') AND kind <> 'reminder'"),
            postgresql_where=sa.text("state IN ('planned', 'retry') AND kind <> 'reminder'"),
        )
        batch_op.create_index(
            "ix_deliveries_claimed",
            ["channel"],
            unique=False,
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )
        batch_op.create_index(
            "ix_deliveries_closes",
            ["closes_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry')"),
            postgresql_where=sa.text("state IN ('planned', 'retry')"),
        )
        batch_op.create_index("ix_deliveries_employee", ["employee_key"], unique=False)
        batch_op.create_index(
            "ix_deliveries_ended",
            ["finished_at", "id"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_deliveries_expires",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry')"),
            postgresql_where=sa.text("state IN ('planned', 'retry')"),
        )
        batch_op.create_index(
            "ix_deliveries_refused",
            ["channel", "finished_at"],
            unique=False,
            sqlite_where=sa.text("state = 'refused'"),
            postgresql_where=sa.text("state = 'refused'"),
        )
        batch_op.create_index(
            "ix_deliveries_unknown",
            ["channel", "finished_at"],
            unique=False,
            sqlite_where=sa.text("state = 'unknown'"),
            postgresql_where=sa.text("state = 'unknown'"),
        )
        batch_op.create_index(
            "ix_deliveries_waiting",
            ["channel", "next_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry')"),
            postgresql_where=sa.text("state IN ('planned', 'retry')"),
        )

    op.create_table(
        "leave_notes",
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("noted_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_leave_notes_employee_key")),
        sa.PrimaryKeyConstraint("employee_key", name=op.f("pk_leave_notes")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("campaign", sa.String(length=64), server_default="", nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor", sa.String(length=255), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("personal", sa.Text(), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_ledger_employee_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_employee_key", ["employee_key"], unique=False)
        batch_op.create_index(
            "ix_ledger_unsealed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("position IS NULL"),
            postgresql_where=sa.text("position IS NULL"),
        )
        batch_op.create_index(
            "uq_ledger_event",
            ["event", "subject", "at"],
            unique=True,
            sqlite_where=sa.text("subject <> 0"),
            postgresql_where=sa.text("subject <> 0"),
        )
        batch_op.create_index("uq_ledger_position", ["position"], unique=True)

    op.create_table(
        "letters",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occasion", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_letters_employee_key")),
        sa.PrimaryKeyConstraint("kind", "employee_key", "occasion", "campaign", name=op.f("pk_letters")),
    )
    op.create_table(
        "presses",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pressed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_presses_employee_key")),
        sa.PrimaryKeyConstraint("campaign", "employee_key", name=op.f("pk_presses")),
    )
    op.create_table(
        "reach",
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("team", sa.String(length=32), nullable=True),
        sa.Column("refused_at", sa.BigInteger(), nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_reach_employee_key")),
        sa.PrimaryKeyConstraint("employee_key", "channel", name=op.f("pk_reach")),
    )
    with op.batch_alter_table("reach", schema=None) as batch_op:
        batch_op.create_index("ix_reach_address", ["channel", "address"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_sessions_employee_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("uq_sessions_token_hash", ["token_hash"], unique=True)

    op.create_table(
        "team_nudges",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("manager_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["manager_key"], ["employees.key"], name=op.f("fk_team_nudges_manager_key")),
        sa.PrimaryKeyConstraint("campaign", "manager_key", "day", name=op.f("pk_team_nudges")),
    )
    op.create_table(
        "team_remarks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("manager_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("employee_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["employee_key"], ["employees.key"], name=op.f("fk_team_remarks_employee_key")),
        sa.ForeignKeyConstraint(["manager_key"], ["employees.key"], name=op.f("fk_team_remarks_manager_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_remarks")),
    )
    # ### end Alembic commands ###
