"""Who paused and resumed an account, when and why: a history that can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_REFUSE_POSTGRESQL = """
CREATE FUNCTION account_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account_events is append-only';
END $$;
CREATE TRIGGER account_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_events
    FOR EACH STATEMENT EXECUTE FUNCTION account_events_append_only();
"""

_REFUSE_SQLITE = """
CREATE TRIGGER account_events_no_{verb} BEFORE {verb} ON account_events
BEGIN SELECT RAISE(ABORT, 'account_events is append-only'); END
"""


def upgrade() -> None:
    """Expand: the release before does not know it."""
    op.create_table(
        "account_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(12), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("what IN ('paused', 'kept', 'resumed')", name=op.f("ck_account_events_what")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_events")),
    )
    op.create_index("ix_account_events_account_id", "account_events", ["account", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE_POSTGRESQL)
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_REFUSE_SQLITE.format(verb=verb))
