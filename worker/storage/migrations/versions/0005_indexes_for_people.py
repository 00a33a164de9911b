"""Indexes for what people ask, which no verb's statement can be taken by, whatever the statistics say."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

AT_REST = sa.text("next_read_at IS NULL AND ready_at IS NULL")


def upgrade() -> None:
    """Beside the running workers; nothing but speed depends on an index, so the old one may go at once."""
    at_rest: dict[str, Any] = {"postgresql_where": AT_REST, "sqlite_where": AT_REST}
    with op.get_context().autocommit_block():
        _create("ix_emissions_at_rest", "emissions", ["status", "updated_at"], **at_rest)
        _create("ix_emissions_at_rest_by_account", "emissions", ["account", "status", "updated_at"], **at_rest)
        _create("ix_requests_account_received_at", "requests", ["account", "received_at"])
        _create("ix_set_aside_request_id", "set_aside", ["request_id"])
        op.drop_index("ix_emissions_state", "emissions", postgresql_concurrently=True, if_exists=True)


def _create(name: str, table: str, columns: list[str], **where: Any) -> None:
    # One that an interrupted migration left behind is invalid, and would be taken for the real one.
    op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    op.create_index(name, table, columns, unique=False, postgresql_concurrently=True, **where)
