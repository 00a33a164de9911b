"""Documents that do not exist yet: creations, their events, and what producers asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_REFUSE_POSTGRESQL = """
CREATE FUNCTION creation_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'creation_events is append-only';
END $$;
CREATE TRIGGER creation_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON creation_events
    FOR EACH STATEMENT EXECUTE FUNCTION creation_events_append_only();
"""

_REFUSE_SQLITE = """
CREATE TRIGGER creation_events_no_{verb} BEFORE {verb} ON creation_events
BEGIN SELECT RAISE(ABORT, 'creation_events is append-only'); END
"""


def upgrade() -> None:
    """Expand: the release before knows none of these tables."""
    _creations()
    _events()
    _requests()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE_POSTGRESQL)
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_REFUSE_SQLITE.format(verb=verb))


def _creations() -> None:
    op.create_table(
        "creations",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("emits", sa.Boolean(), nullable=False),
        sa.Column("error_class", sa.String(length=20), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("next_look_at", INSTANT, nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("preflight", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("status_since", INSTANT, nullable=False),
        sa.Column("planned_at", INSTANT, nullable=True),
        sa.Column("looked_at", INSTANT, nullable=True),
        sa.Column("absent_since", INSTANT, nullable=True),
        sa.Column("absent_looks", sa.Integer(), nullable=False),
        sa.Column("stamp_failed", sa.Boolean(), nullable=False),
        sa.Column("amended", sa.Boolean(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("priority IN ('high', 'normal')", name=op.f("ck_creations_priority")),
        sa.CheckConstraint(
            "status IN ('queued', 'creating', 'created', 'rejected', 'uncertain', 'held', 'cancelled')",
            name=op.f("ck_creations_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creations")),
        sa.UniqueConstraint("account", "kind", "reference", name=op.f("uq_creations_account_kind_reference")),
    )
    due, planned = sa.text("next_look_at IS NOT NULL"), sa.text("planned_at IS NOT NULL")
    op.create_index(
        "ix_creations_due",
        "creations",
        ["account", "status", "priority", "next_look_at"],
        postgresql_where=due,
        sqlite_where=due,
    )
    op.create_index("ix_creations_planned", "creations", ["account"], postgresql_where=planned, sqlite_where=planned)
    op.create_index("ix_creations_status", "creations", ["status", "updated_at"])
    op.create_index("ix_creations_request_id", "creations", ["request_id"])


def _events() -> None:
    op.create_table(
        "creation_events",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("creation_id", BIG, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("alert", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["creation_id"], ["creations.id"], name=op.f("fk_creation_events_creation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creation_events")),
    )
    op.create_index("ix_creation_events_creation_id_id", "creation_events", ["creation_id", "id"])


def _requests() -> None:
    op.create_table(
        "creation_requests",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("emits", sa.Boolean(), nullable=False),
        sa.Column("preflight", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("callback_next_at", INSTANT, nullable=True),
        sa.Column("callback_tries", sa.Integer(), nullable=False),
        sa.Column("callback_error", sa.Text(), nullable=True),
        sa.Column("called_back_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_creation_requests")),
    )
    op.create_index("ix_creation_requests_received_at", "creation_requests", ["received_at"])
    waiting = sa.text("callback_next_at IS NOT NULL")
    op.create_index(
        "ix_creation_requests_callback_next_at",
        "creation_requests",
        ["callback_next_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
