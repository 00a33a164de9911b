"""The first tables, and the triggers that keep the history append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_REFUSE_POSTGRESQL = """
CREATE FUNCTION emission_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'emission_events is append-only';
END $$;
CREATE TRIGGER emission_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON emission_events
    FOR EACH STATEMENT EXECUTE FUNCTION emission_events_append_only();
"""

_REFUSE_SQLITE = """
CREATE TRIGGER emission_events_no_{verb} BEFORE {verb} ON emission_events
BEGIN SELECT RAISE(ABORT, 'emission_events is append-only'); END
"""


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "accounts_state",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("paused_at", INSTANT, nullable=True),
        sa.Column("paused_by", sa.String(length=120), nullable=True),
        sa.Column("pause_class", sa.String(length=20), nullable=True),
        sa.Column("pause_code", sa.String(length=40), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("probe_at", INSTANT, nullable=True),
        sa.Column("probing", sa.Boolean(), nullable=False),
        sa.Column("quota_limit", sa.Integer(), nullable=True),
        sa.Column("quota_remaining", sa.Integer(), nullable=True),
        sa.Column("quota_seen_at", INSTANT, nullable=True),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_accounts_state")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("called_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_open",
        "batches",
        ["account"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "emissions",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fiscal_code", sa.String(length=200), nullable=True),
        sa.Column("fiscal_code_type", sa.String(length=20), nullable=True),
        sa.Column("document_number", sa.String(length=60), nullable=True),
        sa.Column("legal_status", sa.String(length=60), nullable=True),
        sa.Column("stamped_at", INSTANT, nullable=True),
        sa.Column("error_class", sa.String(length=20), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("next_read_at", INSTANT, nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("requested_by", sa.String(length=120), nullable=True),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("status_since", INSTANT, nullable=False),
        sa.Column("ready_at", INSTANT, nullable=True),
        sa.Column("looked_at", INSTANT, nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=True),
        sa.Column("unstamped_since", INSTANT, nullable=True),
        sa.Column("unstamped_reads", sa.Integer(), nullable=False),
        sa.Column("batch_limit", sa.Integer(), nullable=False),
        sa.Column("split_from", sa.String(length=36), nullable=True),
        sa.Column("batch_refused", sa.Boolean(), nullable=False),
        sa.Column("error_blames_account", sa.Boolean(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("priority IN ('high', 'normal')", name=op.f("ck_emissions_priority")),
        sa.CheckConstraint(
            "status IN ('queued', 'emitting', 'confirming', 'waiting', 'uncertain', 'stamped', 'rejected', "
            "'held', 'cancelled')",
            name=op.f("ck_emissions_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emissions")),
        sa.UniqueConstraint("account", "kind", "document_id", name=op.f("uq_emissions_account_kind_document_id")),
    )
    op.create_index("ix_emissions_batch_id", "emissions", ["batch_id"], unique=False)
    op.create_index(
        "ix_emissions_due",
        "emissions",
        ["account", "status", "priority", "next_read_at"],
        unique=False,
        postgresql_where=sa.text("next_read_at IS NOT NULL"),
        sqlite_where=sa.text("next_read_at IS NOT NULL"),
    )
    op.create_index(
        "ix_emissions_ready",
        "emissions",
        ["account", "priority", "ready_at"],
        unique=False,
        postgresql_where=sa.text("ready_at IS NOT NULL"),
        sqlite_where=sa.text("ready_at IS NOT NULL"),
    )
    op.create_index("ix_emissions_state", "emissions", ["status", "updated_at"], unique=False)
    op.create_table(
        "nightly_runs",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("next_start", sa.Integer(), nullable=False),
        sa.Column("collected", sa.Text(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("enqueued", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("account", "local_date", name=op.f("pk_nightly_runs")),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("document_ids", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("force_reason", sa.Text(), nullable=True),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("callback_next_at", INSTANT, nullable=True),
        sa.Column("callback_tries", sa.Integer(), nullable=False),
        sa.Column("callback_error", sa.Text(), nullable=True),
        sa.Column("called_back_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_received_at", "requests", ["received_at"], unique=False)
    op.create_index(
        "ix_requests_callback_next_at",
        "requests",
        ["callback_next_at"],
        unique=False,
        postgresql_where=sa.text("callback_next_at IS NOT NULL"),
        sqlite_where=sa.text("callback_next_at IS NOT NULL"),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
    )
    op.create_table(
        "emission_events",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("emission_id", BIG, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("alert", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["emission_id"], ["emissions.id"], name=op.f("fk_emission_events_emission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emission_events")),
    )
    op.create_index(
        "ix_emission_events_alerts",
        "emission_events",
        ["at"],
        unique=False,
        postgresql_where=sa.text("alert"),
        sqlite_where=sa.text("alert"),
    )
    op.create_index("ix_emission_events_emission_id_id", "emission_events", ["emission_id", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE_POSTGRESQL)
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_REFUSE_SQLITE.format(verb=verb))
