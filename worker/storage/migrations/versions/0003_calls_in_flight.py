"""How many stamp calls of an account may be on the wire, learned from those that ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Null is an account of which nothing has been learned."""
    for column in (
        sa.Column("in_flight_limit", sa.Integer(), nullable=True),
        sa.Column("in_flight_calm", sa.Integer(), nullable=True),
        sa.Column("in_flight_usual_ms", sa.Integer(), nullable=True),
        sa.Column("in_flight_shrunk_at", INSTANT, nullable=True),
        sa.Column("in_flight_seen_at", INSTANT, nullable=True),
    ):
        op.add_column("accounts_state", column)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.create_index(
                "ix_batches_closed",
                "batches",
                ["account", "closed_at"],
                postgresql_concurrently=True,
                if_not_exists=True,
            )
    else:
        op.create_index("ix_batches_closed", "batches", ["account", "closed_at"])
