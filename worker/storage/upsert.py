"""INSERT … ON CONFLICT, which only the dialects know, under one name."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite


def insert_for(dialect: str, table: Any) -> postgresql.Insert | sqlite.Insert:
    """The insert of this dialect; both offer the same ON CONFLICT methods."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
