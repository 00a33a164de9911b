"""Pages of `emissions` keep room for the versions of the rows they have: none are scattered over old pages."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """For pages written from now on; needs no more than a moment, beside the running workers."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE emissions SET (fillfactor = 85)")
