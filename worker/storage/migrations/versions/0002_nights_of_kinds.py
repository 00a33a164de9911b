"""A night lists one kind of document after the other: which it is at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Null is the invoice, the only kind there was."""
    op.add_column("nightly_runs", sa.Column("kind", sa.String(length=64), nullable=True))
