"""Whether a document is validated before it is sent, until when it may be, and how long numbers will last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Expand: the release before neither reads nor writes any of it."""
    for table in ("emissions", "requests"):
        op.add_column(table, sa.Column("preflight", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("emissions", sa.Column("send_by", INSTANT, nullable=True))
    op.add_column("emissions", sa.Column("warn_at", INSTANT, nullable=True))
    op.add_column("accounts_state", sa.Column("outlook_at", INSTANT, nullable=True))
    op.add_column("accounts_state", sa.Column("outlook", sa.Text(), nullable=True))
    op.add_column("accounts_state", sa.Column("issuer", sa.String(length=40), nullable=True))
    live = sa.text("warn_at IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.create_index(
                "ix_emissions_warn_at",
                "emissions",
                ["warn_at"],
                postgresql_where=live,
                postgresql_concurrently=True,
                if_not_exists=True,
            )
    else:
        op.create_index("ix_emissions_warn_at", "emissions", ["warn_at"], sqlite_where=live)
