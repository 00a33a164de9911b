"""What is done to documents besides stamping them, and the wish to have one sent to its client."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Expand: the release before neither reads nor writes any of it."""
    for table in ("emissions", "requests"):
        op.add_column(table, sa.Column("email", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "acts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("occasion", sa.String(36), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("asked_by", sa.String(120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.CheckConstraint("what IN ('email', 'void', 'open')", name=op.f("ck_acts_what")),
        sa.CheckConstraint(
            "state IN ('wanted', 'sending', 'done', 'refused', 'unknown')", name=op.f("ck_acts_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
        sa.UniqueConstraint(
            "account", "kind", "document_id", "what", "occasion",
            name=op.f("uq_acts_account_kind_document_id_what_occasion"),
        ),
    )  # fmt: skip
    live = sa.text("state IN ('wanted', 'sending')")
    op.create_index("ix_acts_live", "acts", ["account", "state", "due_at"], postgresql_where=live, sqlite_where=live)
    wished = sa.text("email")
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.drop_index("ix_emissions_to_mail", "emissions", postgresql_concurrently=True, if_exists=True)
            op.create_index(
                "ix_emissions_to_mail", "emissions", ["id"], postgresql_where=wished, postgresql_concurrently=True
            )
    else:
        op.create_index("ix_emissions_to_mail", "emissions", ["id"], sqlite_where=wished)
